"""One self-contained HTML page: no request to anywhere, a strict content security policy, nothing hostile comes alive.

Everything is inlined; the policy allows exactly the style sheet and the scripts of this package, by hash. Values from outside
reach the page in two ways only: through the template engine with automatic escaping (after `visible`), and as one block of
JSON whose `<`, `>` and `&` are escapes, from which the page's script writes text nodes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from pgolf import __version__
from pgolf.core.profile import load_profile
from pgolf.core.row import ResultRow
from pgolf.core.script_report import ScriptReport
from pgolf.core.submission_report import SubmissionReport
from pgolf.core.verdict import Verdict
from pgolf.report import numbers
from pgolf.report.json_document import compact, verdict_counts
from pgolf.report.visible import INVISIBLE_RANGES, visible

_TEMPLATES: Final = ("base.html.j2", "rows.html.j2", "single.html.j2", "tokenizer.html.j2", "parts.html.j2")
_COLUMNS: Final = (
    ("pr", "PR", "c-pr"),
    ("folder", "Submission", "c-name"),
    ("verdict", "Verdict", "c-verdict"),
    ("reported", "Reported", "number c-value"),
    ("ratio", "Ratio", "number c-ratio"),
    ("corrected", "Corrected", "number c-value"),
    ("bytes", "Bytes / token", "number c-bytes"),
    ("tokenizer", "Tokenizer", "c-tokenizer"),
    ("reasons", "Reasons", "c-reasons"),
)
_MEANINGS: Final = {
    Verdict.FLAGGED: "The evidence proves a deviation or a contradiction.",
    Verdict.UNVERIFIED: "Not enough evidence to decide.",
    Verdict.VERIFIED: "The evidence agrees with the canonical rule.",
}


def rows_page(rows: Iterable[ResultRow], *, title: str, profile: str = "parameter_golf") -> str:
    """The page of many submissions: counts, plots, table, and a section for each, drawn from embedded JSON.

    Raises UsageError when the profile (its constants are marked in the histogram) cannot be read.
    """
    listed = list(rows)
    contest = load_profile(profile)
    constants = [
        {"label": t.key, "bytes_per_token": t.bytes_per_token} for t in contest.validation.tokenizers
    ]
    data = {
        "rows": [row.to_json() for row in listed],
        "constants": constants,
        "repository": contest.repository,
        "invisible": INVISIBLE_RANGES,
    }
    return render_page(
        "rows.html.j2",
        scripts=("scheme.js", "rows.js"),
        title=title,
        contest=contest.title,
        counts=verdict_counts(listed),
        total=len(listed),
        columns=_COLUMNS,
        data=_json_block(data),
    )


def script_page(report: ScriptReport) -> str:
    """The page of one script."""
    return render_page(
        "single.html.j2",
        scripts=("scheme.js",),
        title=report.script,
        verdict=report.verdict.value,
        meaning=_MEANINGS[report.verdict],
        submission=None,
        script=report,
        numbers=numbers,
    )


def submission_page(report: SubmissionReport) -> str:
    """The page of one submission, its script included."""
    row = report.row
    name = row.folder or row.script or "(no folder)"
    return render_page(
        "single.html.j2",
        scripts=("scheme.js",),
        title=name if row.pr is None else f"#{row.pr} {name}",
        verdict=row.verdict.value,
        meaning=_MEANINGS[row.verdict],
        submission=report,
        script=report.script,
        numbers=numbers,
    )


def render_page(template: str, *, scripts: tuple[str, ...], **values: Any) -> str:
    """A template of this package as a whole page, its style sheet and `scripts` inlined and allowed by hash."""
    style = _asset("report.css")
    sources = [_asset(name) for name in scripts]
    policy = "; ".join(
        (
            "default-src 'none'",
            "script-src " + " ".join(_hash(source) for source in sources),
            f"style-src {_hash(style)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    return (
        _environment()
        .get_template(template)
        .render(
            policy=Markup(policy),  # noqa: S704 - our own constants and hashes
            version=__version__,
            style=Markup(style),  # noqa: S704 - a file of this package
            scripts=[Markup(source) for source in sources],  # noqa: S704 - files of this package
            **values,
        )
    )


def _json_block(data: Any) -> Markup:
    """ASCII JSON that no HTML parser can leave early: `</script>`, `<!--` and entities cannot occur in it."""
    text = compact(data).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return Markup(text)  # noqa: S704 - no markup character is left


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"


@lru_cache(maxsize=16)
def _asset(name: str) -> str:
    return files("pgolf.report.templates").joinpath(name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    def shown(value: Any) -> Any:
        return value if isinstance(value, Markup) or not isinstance(value, str) else visible(value)

    return Environment(
        loader=DictLoader({name: _asset(name) for name in _TEMPLATES}),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
