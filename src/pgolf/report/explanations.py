"""The pages behind `pgolf explain` and the help of SARIF rules: one Markdown file for each deviation and each check.

A page begins with `# slug` and one sentence; the file's name is the slug.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

from pgolf.core.deviation import DeviationName
from pgolf.errors import UsageError

_SLUG: Final = re.compile(r"[a-z][a-z0-9_-]{0,60}")


@dataclass(frozen=True, slots=True)
class Explanation:
    """One page: its slug, the sentence that sums it up, and the whole text (Markdown)."""

    slug: str
    summary: str
    markdown: str

    @property
    def is_deviation(self) -> bool:
        """Whether the page is about a deviation of a table (else about a check)."""
        return self.slug in set(DeviationName)


@lru_cache(maxsize=1)
def all_slugs() -> tuple[str, ...]:
    """Every slug that has a page: deviations in the order of their enum, then checks by name."""
    found = {entry.name[:-3] for entry in files("pgolf.report.pages").iterdir() if entry.name.endswith(".md")}
    deviations = [name.value for name in DeviationName if name.value in found]
    return (*deviations, *sorted(found.difference(deviations)))


@lru_cache(maxsize=128)
def find_explanation(slug: str) -> Explanation | None:
    """The page of that slug, or None (a rule of a newer audit, or a hostile name)."""
    if not _SLUG.fullmatch(slug) or slug not in all_slugs():
        return None
    text = files("pgolf.report.pages").joinpath(f"{slug}.md").read_text(encoding="utf-8")
    paragraph = text.split("\n\n", 2)[1]
    return Explanation(slug, " ".join(paragraph.split()), text)


def explain(name: str) -> Explanation:
    """The page of a name as people type it (case, spaces, `-` and `_` alike).

    Raises UsageError that names the nearest pages when there is none.
    """
    folded = {_fold(slug): slug for slug in all_slugs()}
    slug = folded.get(_fold(name))
    page = find_explanation(slug) if slug else None
    if page is None:
        near = difflib.get_close_matches(_fold(name[:60]), folded, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(folded[key] for key in near)}? " if near else ""
        raise UsageError(f"no page about {name[:60]!r}: {hint}`pgolf explain` lists all pages")
    return page


def _fold(name: str) -> str:
    return re.sub(r"[\s_-]+", "-", name.strip().lower())
