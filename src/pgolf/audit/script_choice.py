"""Which script is the submission, and which files are its logs: decided from names and from what the folder says.

Bounded and linear: at most a few small text files are looked at, for file names only.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from pgolf.audit.folder import FileEntry

MAX_LOGS = 48
MAX_READ = 64
"""Scripts of a folder whose text is looked at; the others may be anything."""
LOG_SUFFIXES = frozenset({".log", ".txt", ".out", ".stdout"})
_NAMED_SCRIPT = re.compile(r"[\w./+-]{1,200}\.py\b", re.ASCII)
_STARTS = re.compile(r"\b(?:torchrun|python3?|accelerate|deepspeed|torch\.distributed\.\w+)\b", re.ASCII)
# Names of files that help a submission and are not the thing that trains and scores.
_HELPER = re.compile(
    r"(?:^|[_/.-])(?:prepare|download|lossless_caps|setup|cached_challenge|tokenize|retokenize|build|plot|test|tests"
    r"|sweep|ablation|analy[sz]e|analysis|ngram_state|architectures|configs?|modal|launch|baseline|old|archive[ds]?"
    r"|reference|human|readable|mlx|utils?|patch\w*|pack|preflight|export|excerpt|make|verify)(?:$|[_/.-])"
)
_SCORE = re.compile(rb"(?i)bpb|bits[_ ]per[_ ]byte")
_LOSS = re.compile(rb"(?i)cross_?entropy|nll|value_and_grad|loss_fn|loss_sum|val_loss|eval_val")
_BITS = re.compile(rb"log2|log\(\s*2|ln_?2|0\.693|1\.4426", re.IGNORECASE)
_TRAINS = re.compile(rb"\.backward\(|value_and_grad|loss_and_grad|\.step\(\)")
_RUNS_OTHER_CODE = re.compile(
    rb"(?<![.\w])(?:exec|eval|compile)\s*\(|runpy|import_module|__import__|spec_from_file|marshal"
)
_NOT_A_LOG = re.compile(
    r"(?:^|[_/.-])(?:requirements?|license|readme|vocab|notes?|manifest|cmake\w*|ncu|sources)(?:$|[_/.-])"
)
_ASIDE = re.compile(
    r"(?:^|[_/. -])(?:archived?|ablat\w*|old|debug|smoke|sweeps?|baselines?|reference|crash\w*|fail\w*|explor\w*"
    r"|prior|legacy|deprecated|proxy|screen\w*|retracted|invalid|before|experiment\w*|partial|aborted)(?:$|[_/. -])"
)


@dataclass(frozen=True, slots=True)
class ScriptChoice:
    """The script that is the submission (None: there is none), why it is taken, and the other candidates."""

    path: str | None
    why: str
    others: tuple[str, ...] = ()


class Purpose(IntEnum):
    """What a script is for, as far as its text says."""

    SCORES = 0
    """It forms bits per byte from losses, or runs other code, which may."""
    TRAINS = 1
    """It trains a model."""
    NAMED = 2
    """Its name speaks of training, its text does not."""
    OTHER = 3
    """Neither: it builds data, patches, plots, checks."""


def purpose_of(path: str, text: bytes | None) -> Purpose:
    """What a script is for; a text that could not be read may be anything."""
    name = posixpath.basename(path).lower()
    if text is None or (_SCORE.search(text) and _LOSS.search(text) and _BITS.search(text)):
        return Purpose.SCORES
    helps = _HELPER.search(path.lower()) is not None
    if name == "train_gpt.py" or (_RUNS_OTHER_CODE.search(text) and not helps):
        return Purpose.SCORES
    if _TRAINS.search(text) and not name.startswith("patch"):  # a patcher's text holds the text it puts in
        return Purpose.TRAINS
    return Purpose.NAMED if name.startswith("train") and not helps else Purpose.OTHER


def choose_script(
    entries: Sequence[FileEntry],
    mentions: Mapping[str, str],
    read: Callable[[str], bytes | None] | None = None,
) -> ScriptChoice:
    """Pick the submission's script.

    `mentions` are texts of the folder by file name (launch scripts, README, submission.json), already bounded. The
    order: `train_gpt.py` at the top; a script that a launch line starts; one that submission.json names; a name that
    speaks of training; the only script there is. With `read` (the bounded bytes of a script, None where it cannot be
    read), scripts that neither train nor score are no candidates: a folder of those holds no submission's script.
    """
    scripts = {e.path: e for e in entries if e.suffix == ".py" and not e.problem}
    if not scripts:
        return ScriptChoice(None, "there is no Python script in the folder")
    purposes = dict.fromkeys(scripts, Purpose.SCORES)
    if read is not None and "train_gpt.py" not in scripts:
        for path in sorted(scripts, key=_rank)[:MAX_READ]:
            purposes[path] = purpose_of(path, read(path))
    candidates = [path for path in scripts if purposes[path] is not Purpose.OTHER]
    if not candidates:
        names = sorted(scripts, key=_rank)
        count = (
            "its only script does not train or score"
            if len(names) == 1
            else (f"none of its {len(names)} scripts trains or scores")
        )
        return ScriptChoice(None, f"{count} a model: {', '.join(names[:4])}", tuple(names[:16]))
    if len(scripts) == 1:
        (only,) = scripts
        return ScriptChoice(only, "the only script in the folder")
    ranked = sorted(
        candidates,
        key=lambda path: (
            _rank(path)[0],
            purposes[path] is Purpose.NAMED,
            _rank(path)[1],
            purposes[path],
            _rank(path),
        ),
    )

    def chosen(path: str, why: str) -> ScriptChoice:
        return ScriptChoice(path, why, tuple(p for p in ranked if p != path)[:16])

    if "train_gpt.py" in scripts:
        return chosen("train_gpt.py", "named train_gpt.py, the contest's name")
    for source, text in mentions.items():
        started = launched_scripts(text)
        for name in started:
            for path in ranked:
                if posixpath.basename(path) == name and not _HELPER.search(path.lower()):
                    return chosen(path, f"started by {source}")
    for source, text in mentions.items():
        if not source.endswith(".json"):
            continue
        for name in (posixpath.basename(match) for match in _NAMED_SCRIPT.findall(text)):
            for path in ranked:
                if posixpath.basename(path) == name and not _HELPER.search(path.lower()):
                    return chosen(path, f"named in {source}")
    return chosen(
        ranked[0], "its name speaks of training" if "train" in ranked[0] else "best of several names"
    )


def _rank(path: str) -> tuple[int, int, int, int, str]:
    name = posixpath.basename(path).lower()
    return (
        1 if _HELPER.search(path.lower()) else 0,
        0 if name.startswith("train_gpt") else 1 if name.startswith("train") else 2 if "train" in name else 3,
        path.count("/"),
        len(name),
        path,
    )


def launched_scripts(text: str) -> list[str]:
    """Base names of scripts that a launch line of `text` starts, in order of appearance."""
    found: dict[str, None] = {}
    joined = text.replace("\\\r\n", " ").replace("\\\n", " ")
    for line in joined.splitlines()[:20_000]:
        start = _STARTS.search(line[:4_000])
        if start is None:
            continue
        for match in _NAMED_SCRIPT.findall(line[start.end() : start.end() + 2_000]):
            found.setdefault(posixpath.basename(match))
    return list(found)


def log_candidates(entries: Iterable[FileEntry]) -> list[FileEntry]:
    """Files that may be training logs, likeliest first, at most `MAX_LOGS`."""
    found = [
        entry
        for entry in entries
        if entry.suffix in LOG_SUFFIXES and not _NOT_A_LOG.search(entry.name.lower()) and not entry.problem
    ]
    found.sort(key=lambda e: (is_aside(e.path), e.path.count("/"), "seed" not in e.path.lower(), e.path))
    return found


def is_aside(path: str) -> bool:
    """Whether a log's path says that it is no run of the submission itself (ablations, archives, failures)."""
    return _ASIDE.search(path.lower()) is not None
