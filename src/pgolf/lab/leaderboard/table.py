"""The README's table of accepted records, and bits per byte in a pull request's title. Untrusted text: linear."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pgolf.lab.leaderboard.board import BoardEntry, is_plausible_bpb, tidy

MAXIMUM_ROWS = 5_000
MAXIMUM_CELL = 1_000
_LINK = re.compile(r"\[([^\]\n]{0,300})\]\(([^)\s]{1,500})\)")
_PULL = re.compile(r"/pull/(\d{1,7})\b")
_OWN_PULL = re.compile(r"^On PR #(\d{1,7})\b")
_NUMBER = re.compile(r"(?<![\w.])(\d{1,2}\.\d{2,12})(?![\w.]*\d)")
_DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_COLUMNS = {
    "name": ("run", "name", "record", "submission"),
    "score": ("score", "val_bpb", "bpb"),
    "author": ("author", "by"),
    "date": ("date",),
    "info": ("info", "link", "links"),
    "summary": ("summary", "description"),
}


@dataclass(frozen=True, slots=True)
class TableReading:
    """Rows that are records, and a sentence for each row that is not."""

    entries: tuple[BoardEntry, ...]
    notes: tuple[str, ...]


def read_table(readme: str, heading: str, source: str, read_at: str, records: str) -> TableReading:
    """The first table under `heading` as accepted entries.

    A row without a number between 0.1 and 10 in its score column is left out with a note; without the
    heading or a table under it there are no entries and the note says so.
    """
    lines = readme.splitlines()
    start = next((i for i, line in enumerate(lines) if _is_heading(line, heading)), None)
    if start is None:
        return TableReading((), (f"{source}: no heading {heading!r}, so no accepted records",))
    first = next((i for i in range(start + 1, len(lines)) if lines[i].lstrip().startswith(("|", "#"))), None)
    if first is None or lines[first].lstrip().startswith("#"):
        return TableReading((), (f"{source}: no table under {heading!r}",))
    columns = _columns(_cells(lines[first]))
    if "score" not in columns or "name" not in columns:
        return TableReading((), (f"{source}: the table under {heading!r} has no name or score column",))
    entries: list[BoardEntry] = []
    notes: list[str] = []
    for number, line in enumerate(lines[first + 1 : first + 1 + MAXIMUM_ROWS], first + 2):
        if not line.lstrip().startswith("|"):
            break
        cells = _cells(line)
        if all(set(cell) <= set("-: ") for cell in cells):
            continue
        entry = _row(cells, columns, f"{source}, line {number}", read_at, records)
        if entry is None:
            notes.append(f"{source}, line {number}: no score between 0.1 and 10; row left out")
        else:
            entries.append(entry)
    return TableReading(tuple(entries), tuple(notes))


def _is_heading(line: str, heading: str) -> bool:
    stripped = line.strip()
    return stripped.startswith("#") and stripped.lstrip("#").strip().casefold() == heading.casefold()


def _cells(line: str) -> list[str]:
    text = line.strip().strip("|").replace("\\|", "\N{BROKEN BAR}")
    return [cell.strip().replace("\N{BROKEN BAR}", "|")[:MAXIMUM_CELL] for cell in text.split("|")]


def _columns(header: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for index, cell in enumerate(header):
        for column, names in _COLUMNS.items():
            if cell.strip("*` ").casefold() in names:
                found.setdefault(column, index)
    return found


def _row(
    cells: list[str], columns: dict[str, int], source: str, read_at: str, records: str
) -> BoardEntry | None:
    def cell(column: str) -> str:
        index = columns.get(column)
        return cells[index] if index is not None and index < len(cells) else ""

    try:
        score = float(cell("score").strip("*` "))
    except ValueError:
        return None
    if not is_plausible_bpb(score):
        return None
    links = _LINK.findall(cell("info")) + _LINK.findall(cell("name"))
    url = links[0][1] if links else ""
    folder = next((f for _, target in links if (f := _record_folder(target, records))), "")
    pull = next((m for _, target in links if (m := _PULL.search(target))), None)
    pull = pull or _OWN_PULL.match(cell("summary"))
    date = _DATE.search(cell("date"))
    return BoardEntry(
        name=tidy(_LINK.sub(lambda m: m[1], cell("name"))) or "(unnamed)",
        bpb=score,
        status="accepted",
        date=date[0] if date else "",
        source=source,
        read_at=read_at,
        author=tidy(_LINK.sub(lambda m: m[1], cell("author"))),
        pr=int(pull[1]) if pull else None,
        folder=tidy(folder),
        url=tidy(url),
    )


def _record_folder(target: str, records: str) -> str:
    """`<records>/<folder>` from a link into the records folder."""
    start = target.find(f"{records}/")
    if start < 0:
        return ""
    name = target[start + len(records) + 1 :].split("/", 1)[0]
    return f"{records}/{name}" if name else ""


def bpb_in_title(title: str) -> float | None:
    """The bits per byte a title claims: the number nearest to the word `bpb`, else the only one, else None."""
    title = title[:MAXIMUM_CELL]
    numbers = [(m.start(), float(m[1])) for m in _NUMBER.finditer(title)]
    numbers = [(at, value) for at, value in numbers if is_plausible_bpb(value)]
    if not numbers:
        return None
    word = title.casefold().find("bpb")
    if word >= 0:
        return min(numbers, key=lambda n: abs(n[0] - word))[1]
    precise = {value for at, value in numbers if len(_NUMBER.match(title, at)[1].partition(".")[2]) >= 3}  # type: ignore[index]
    return precise.pop() if len(precise) == 1 else None
