"""SARIF 2.1.0: findings as results, pages as rule help, packed code as artifacts with their text.

- severity is the level; confidence is `rank` (proved 100, likely 60, possible 30) and a property;
- a row or script that stays undecided is a result of kind `open`, never silence;
- relative paths are relative URIs below `SRCROOT`, percent-encoded; absolute ones are file URIs;
- `partialFingerprints` leave line numbers out, so that moving code keeps an alert's identity.

A SARIF report is data for a viewer that decides by itself: commands end with exit code 0 in this format.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from pgolf import __version__
from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.row import ResultRow
from pgolf.core.script_report import ScriptReport
from pgolf.core.submission_report import SubmissionReport
from pgolf.core.verdict import Verdict
from pgolf.report.explanations import find_explanation
from pgolf.report.json_document import indented, verdict_counts
from pgolf.report.visible import visible

SCHEMA_URI: Final = "https://json.schemastore.org/sarif-2.1.0.json"
FINGERPRINT_KEY: Final = "pgolfFinding/v1"
RANKS: Final = {Confidence.PROVED: 100.0, Confidence.LIKELY: 60.0, Confidence.POSSIBLE: 30.0}
UNDECIDED_RULE: Final = "unverified"
DEEPEST_LAYER: Final = 32
LONGEST_LAYER: Final = 4_000_000
"""Characters of one packed layer that are shown; a longer one is left out with its hash in place."""


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose result it is: a pull request, and the folder that was audited."""

    pr: int | None
    folder: str


@dataclass(slots=True)
class _Run:
    """Collects one run: rules and artifacts get their index at first use."""

    rules: dict[str, int] = field(default_factory=dict)
    artifacts: dict[tuple[int | None, str], int] = field(default_factory=dict)
    artifact_objects: list[dict[str, Any]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)

    def artifact(self, path: str, pr: int | None, **more: Any) -> int:
        """The index of the artifact at `path`; `more` fills fields of a new one or completes a known one.

        Two pull requests may hold different files of one path: each has an artifact of its own.
        """
        index = self.artifacts.setdefault((pr, path), len(self.artifact_objects))
        if index == len(self.artifact_objects):
            place: dict[str, Any] = {} if pr is None else {"properties": {"pullRequest": pr}}
            self.artifact_objects.append({"location": _artifact_location(path), **place})
            container = packed_in(path)
            if container is not None:
                self.artifact_objects[index]["parentIndex"] = self.artifact(container[0], pr)
        self.artifact_objects[index].update(more)
        return index

    def rule(self, slug: str) -> int:
        return self.rules.setdefault(slug, len(self.rules))

    def add(self, finding: Finding, path: str, owner: _Owner, kind: str = "fail", **properties: Any) -> None:
        """One result at `path`; `owner` keeps equal findings of two rows apart."""
        basis = "\x1f".join(
            (finding.rule, str(owner.pr or ""), owner.folder, path, re.sub(r"\d+", "0", finding.message))
        )
        digest = hashlib.sha256(basis.encode("utf-8", "surrogatepass")).hexdigest()
        again = self.seen[digest] = self.seen.get(digest, 0) + 1
        slug = visible(finding.rule, 200) or "unnamed"
        location: dict[str, Any] = {
            "artifactLocation": {**_artifact_location(path), "index": self.artifact(path, owner.pr)}
        }
        if finding.line > 0:
            location["region"] = {"startLine": finding.line}
        related: dict[str, Any] = {}
        container = packed_in(path)
        if container is not None:
            outside = {**_artifact_location(container[0]), "index": self.artifact(container[0], owner.pr)}
            place: dict[str, Any] = {"artifactLocation": outside}
            if container[1] > 0:
                place["region"] = {"startLine": container[1]}
            related["relatedLocations"] = [
                {"id": 1, "physicalLocation": place, "message": {"text": "Here it is packed."}}
            ]
        self.results.append(
            {
                "ruleId": slug,
                "ruleIndex": self.rule(slug),
                "kind": kind,
                "level": _level(finding.severity) if kind == "fail" else "none",
                "rank": RANKS[finding.confidence],
                "message": {"text": _message(finding.message) or slug},
                "locations": [{"physicalLocation": location}],
                **related,
                "partialFingerprints": {FINGERPRINT_KEY: f"{digest}:{again}"},
                "properties": {
                    "confidence": finding.confidence.value,
                    "severity": finding.severity.value,
                    **properties,
                },
            }
        )

    def document(self, **properties: Any) -> str:
        log = {
            "$schema": SCHEMA_URI,
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {
                        "driver": {
                            "name": "pgolf",
                            "version": __version__,
                            "semanticVersion": __version__,
                            "rules": [_descriptor(slug) for slug in self.rules],
                        }
                    },
                    "automationDetails": {"id": "pgolf/audit/"},
                    "invocations": [{"executionSuccessful": True, "exitCode": 0}],
                    "originalUriBaseIds": {
                        "SRCROOT": {"description": {"text": "The folder or repository that was audited."}}
                    },
                    "columnKind": "unicodeCodePoints",
                    "artifacts": self.artifact_objects,
                    "results": self.results,
                    "properties": properties,
                }
            ],
        }
        return indented(log)


def rows_sarif(rows: Iterable[ResultRow]) -> str:
    """Every reason of every row as a result; UNVERIFIED rows add one of kind `open`."""
    listed = list(rows)
    run = _Run()
    for row in listed:
        _add_row(run, row)
    return run.document(counts=verdict_counts(listed))


def script_sarif(report: ScriptReport) -> str:
    """Deviations and findings of one script, with the text of its packed layers."""
    run = _Run()
    _add_script(run, report, _Owner(None, ""))
    return run.document(verdict=report.verdict.value)


def findings_sarif(findings: Iterable[Finding], verdict: Verdict) -> str:
    """Findings that carry their own paths, of an audit without tables or logs (a tokenizer)."""
    run = _Run()
    for finding in findings:
        run.add(finding, _inside("", finding.path), _Owner(None, ""))
    return run.document(verdict=verdict.value)


def submission_sarif(report: SubmissionReport) -> str:
    """The row's reasons, claims that disagree, and the script's results, in one run."""
    run = _Run()
    owner = _Owner(report.row.pr, report.row.folder)
    _add_row(run, report.row)
    for claim in report.claims:
        if claim.agrees is False:
            message = f"{claim.name}: stated {claim.stated}, found {claim.found} ({claim.where})"
            finding = Finding("log-report-mismatch", Severity.WARNING, Confidence.PROVED, message)
            run.add(finding, _inside(owner.folder, "submission.json"), owner)
    if report.script is not None:
        _add_script(run, report.script, owner)
    return run.document(verdict=report.row.verdict.value)


def _add_row(run: _Run, row: ResultRow) -> None:
    owner = _Owner(row.pr, row.folder)
    place = _inside(row.folder, row.script or "")
    common: dict[str, Any] = {"pullRequest": row.pr, "verdict": row.verdict.value}
    if row.script_sha256 and row.script and re.fullmatch(r"[0-9a-fA-F]{64}", row.script_sha256):
        run.artifact(place, owner.pr, hashes={"sha-256": row.script_sha256})
    for reason in row.reasons:
        run.add(reason, _inside(row.folder, reason.path) if reason.path else place, owner, **common)
    if row.verdict is Verdict.UNVERIFIED:
        message = "not enough evidence to decide" + (f": {row.reasons[0].message}" if row.reasons else "")
        finding = Finding(UNDECIDED_RULE, Severity.NOTE, Confidence.PROVED, message)
        run.add(finding, place, owner, kind="open", **common)


def _add_script(run: _Run, report: ScriptReport, owner: _Owner) -> None:
    script = _inside(owner.folder, report.script)
    facts: dict[str, Any] = {"roles": ["analysisTarget"], "sourceLanguage": "python"}
    if report.script_sha256 and re.fullmatch(r"[0-9a-fA-F]{64}", report.script_sha256):
        facts["hashes"] = {"sha-256": report.script_sha256}
    parent = run.artifact(script, owner.pr, **facts)
    for layer in report.layers:
        more: dict[str, Any] = {
            "description": {
                "text": f"Unpacked from {visible(report.script, 200)} ({visible(layer.packing, 200)})."
            },
            "sourceLanguage": "python",
        }
        path = _inside(owner.folder, layer.path)
        if path != script and packed_in(path) is None:
            more["parentIndex"] = parent
        if re.fullmatch(r"[0-9a-fA-F]{64}", layer.sha256):
            more["hashes"] = {"sha-256": layer.sha256}
        if len(layer.text) <= LONGEST_LAYER:
            more["contents"] = {"text": layer.text}
            more["length"] = len(layer.text.encode("utf-8", "surrogatepass"))
        run.artifact(path, owner.pr, **more)
    builder = next((x for x in report.locations if x.role == "builder"), None)
    reported = {finding.rule for finding in report.findings}
    for deviation in report.deviations:
        if deviation.name.value in reported:
            continue
        harmless = deviation.effect.startswith("none")
        finding = Finding(
            deviation.name.value,
            Severity.WARNING if harmless else Severity.ERROR,
            Confidence.PROVED,
            f"{deviation.tokens:,} tokens, for example {deviation.example}"
            + (f" (effect: {deviation.effect})" if deviation.effect else ""),
            line=builder.line if builder else 0,
        )
        run.add(
            finding,
            _inside(owner.folder, builder.path) if builder and builder.path else script,
            owner,
            tokens=deviation.tokens,
        )
    for finding in report.findings:
        run.add(finding, _inside(owner.folder, finding.path) if finding.path else script, owner)
    if report.verdict is Verdict.UNVERIFIED:
        message = report.reason or "not enough evidence to decide"
        run.add(
            Finding(UNDECIDED_RULE, Severity.NOTE, Confidence.PROVED, message), script, owner, kind="open"
        )


def packed_in(path: str) -> tuple[str, int] | None:
    """The file and line that hold packed code, from the path that unwrapping gives it: `file::exec@LINE`."""
    outer, _, inner = path.rpartition("::")
    place = re.fullmatch(r"[A-Za-z_.]{1,60}@(\d{1,9})", inner)
    # A hostile file name may hold any number of these marks; unwrapping itself never goes this deep.
    if not outer or place is None or path.count("::") > DEEPEST_LAYER:
        return None
    return outer, int(place.group(1))


def _inside(folder: str, path: str) -> str:
    """`path` seen from the root that was audited; paths that hold their folder already stay as they are."""
    if not path:
        return folder or "."
    if not folder or path == folder or path.startswith(("/", folder.rstrip("/") + "/")):
        return path
    return posixpath.join(folder, path)


def _artifact_location(path: str) -> dict[str, str]:
    encoded = quote(path.encode("utf-8", "surrogatepass"), safe="/!$&'()*+,;=@~-._")
    if encoded.startswith("/"):
        return {"uri": "file:///" + encoded.lstrip("/")}
    return {"uri": encoded, "uriBaseId": "SRCROOT"}


def _level(severity: Severity) -> str:
    return {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}[severity]


def _message(text: str) -> str:
    """Plain text of a message: no embedded link and no placeholder can come out of hostile text (3.11.5, 3.11.6)."""
    shown = re.sub(r"[\\\[\]]", lambda m: "\\" + m.group(), visible(text)) if "](" in text else visible(text)
    return re.sub(r"\{(\d+)\}", r"{{\1}}", shown)


def _descriptor(slug: str) -> dict[str, Any]:
    page = find_explanation(slug)
    if page is None:
        if slug == UNDECIDED_RULE:
            text = "The evidence does not suffice to decide. This is a statement, not a pass."
            return {
                "id": slug,
                "name": "Unverified",
                "shortDescription": {"text": text},
                "help": {"text": text},
            }
        return {"id": slug}
    body = page.markdown.split("\n\n", 1)[1]
    return {
        "id": slug,
        "name": "".join(part.capitalize() for part in re.split(r"[-_]", slug)),
        "shortDescription": {"text": page.summary},
        "fullDescription": {"text": page.summary},
        "help": {"text": body, "markdown": body},
        "properties": {"kind": "deviation" if page.is_deviation else "check"},
    }
