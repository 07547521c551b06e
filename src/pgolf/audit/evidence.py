"""Everything a submission leaves behind, read once and bounded: the value that every check looks at."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from statistics import fmean, stdev

from pgolf.audit.folder import FileEntry, Folder
from pgolf.audit.gitobjects import Unreadable
from pgolf.audit.run_settings import RunSetting, run_settings
from pgolf.audit.script_choice import MAX_LOGS, ScriptChoice, choose_script, is_aside, log_candidates
from pgolf.audit.script_facts import ScriptFacts, audit_script
from pgolf.audit.surroundings import outside_files
from pgolf.core.profile import Profile
from pgolf.core.token_flow import NO_FLOW, TokenFlow
from pgolf.core.verdict import FingerprintStatus
from pgolf.errors import PgolfError
from pgolf.runlog.fingerprint import LogFingerprint, fingerprint, fingerprint_stated
from pgolf.runlog.metrics import Ending, Printed, Reading, ReadingKind, RunMetrics, Score
from pgolf.runlog.parse import parse_log
from pgolf.runlog.submission_json import StatedResults, StatedSeed, read_submission_json
from pgolf.tokens.tokenizer_files import TokenizerFile, parse_tokenizer
from pgolf.untrusted.installed import INSTALLED_PACKAGES
from pgolf.untrusted.limits import DEFAULT_LIMITS, Limits, LimitTripped
from pgolf.untrusted.script import Script, relative_name

MAX_LOG_BYTES = 64_000_000
MAX_TEXT_BYTES = 512_000
MAX_SOURCE_BYTES = 2_000_000
MAX_LOG_BYTES_TOGETHER = 400_000_000
"""Logs of one submission that are read; the rest is listed as not read."""
SUBMISSION_FILE = "submission.json"


NO_PRINT = LogFingerprint(FingerprintStatus.UNKNOWN, "not computed")


class LogRole(StrEnum):
    """What a log is to the claim."""

    CLAIMED = "claimed"
    """It prints a value that the submission states."""
    CANDIDATE = "candidate"
    """A finished run that prints a score which nothing states."""
    ASIDE = "aside"
    """An ablation, an archive, a failed or unfinished run."""


@dataclass(frozen=True, slots=True)
class LogRead:
    """One log, what it is to the claim, and the line that carries the claim (or would)."""

    path: str
    metrics: RunMetrics
    role: LogRole
    reading: Reading | None
    states: str = ""
    """Key of the stated value that `reading` agrees with."""
    print: LogFingerprint = NO_PRINT
    """Bytes per token of `reading`; where that line has no loss, of another stage of the same log."""

    @property
    def direct(self) -> bool:
        """Whether the fingerprint is the one of the very line that carries the claim."""
        return self.reading is not None and self.reading.is_pair

    @property
    def seed(self) -> int | None:
        return self.metrics.run.seed


@dataclass(frozen=True, slots=True)
class SubmissionEvidence:
    """All evidence of one submission. What could not be read stands in `unread` as (path, reason)."""

    folder: str
    entries: tuple[FileEntry, ...]
    choice: ScriptChoice
    script: Script | None
    audit: ScriptFacts | None
    logs: tuple[LogRead, ...]
    stated: StatedResults | None
    readme: str
    texts: dict[str, str]
    unread: tuple[tuple[str, str], ...]
    profile: Profile
    models: tuple[tuple[str, int], ...] = ()
    """(path, bytes) of compressed model files that lie in the folder."""
    source: str = ""
    """The submission's code as text, unwrapped where it was packed; "" where there is none."""
    stated_print: LogFingerprint | None = None
    """Bytes per token of `val_loss` and `val_bpb` in submission.json, None without both."""
    flow: TokenFlow = NO_FLOW
    """Steps and scores on validation tokens, evaluated with the settings of the run."""
    settings: tuple[RunSetting, ...] = ()
    """What the run set otherwise than the script's defaults."""
    steps_in_logs: frozenset[str] = frozenset()
    """Of the texts that code around such steps prints: those that every claimed log holds."""
    hint: str = ""
    """What script, README or submission.json call the tokenizer, where no log names it."""
    notes: tuple[str, ...] = ()
    tokenizers: tuple[TokenizerFile, ...] = ()
    """SentencePiece models that lie in the folder, read as data."""

    @property
    def claimed(self) -> tuple[LogRead, ...]:
        """Logs that print a stated value; where nothing is stated or found, the finished runs."""
        sure = tuple(log for log in self.logs if log.role is LogRole.CLAIMED)
        return sure or tuple(log for log in self.logs if log.role is LogRole.CANDIDATE)

    @property
    def reported_bpb(self) -> float | None:
        """The headline value; else the mean of the stated seeds."""
        if self.stated is None:
            return None
        if self.stated.val_bpb is not None:
            return self.stated.val_bpb.value
        values = [s.val_bpb.value for s in self.stated.per_seed if s.val_bpb is not None]
        return fmean(values) if values else None

    def by_seed(self) -> dict[int | str, LogRead]:
        """One claimed log per seed (a log without a seed stands for its content); the latest path wins."""
        found: dict[int | str, LogRead] = {}
        for log in self.claimed:
            if log.reading is not None:
                found[log.seed if log.seed is not None else log.metrics.sha256] = log
        return found

    @property
    def log_bpb(self) -> float | None:
        """Mean of the claimed values over distinct seeds."""
        values = self.seed_values()
        return fmean(values) if values else None

    def seed_values(self) -> list[float]:
        return [log.reading.val_bpb.value for log in self.by_seed().values() if log.reading is not None]

    @property
    def log_std(self) -> float | None:
        """Sample standard deviation over seeds, None below two."""
        values = self.seed_values()
        return stdev(values) if len(values) > 1 else None


def collect_evidence(
    folder: Folder,
    profile: Profile,
    limits: Limits = DEFAULT_LIMITS,
    audit: Callable[[Script], ScriptFacts | None] | None = None,
) -> SubmissionEvidence:
    """Read one submission's folder. Never raises on content: what cannot be read is listed."""
    unread: list[tuple[str, str]] = [(e.path, e.problem) for e in folder.entries if e.problem]

    def text_of(entry: FileEntry) -> str:
        data = folder.read(entry.path, MAX_TEXT_BYTES)
        if isinstance(data, Unreadable):
            unread.append((entry.path, data.reason))
            return ""
        return data.decode("utf-8", "replace")

    stated = _read_stated(folder, unread)
    tops = [e for e in folder.entries if "/" not in e.path and not e.problem]
    launchers = [
        e for e in folder.entries if e.suffix in (".sh", ".bash", ".sbatch", ".slurm") and not e.problem
    ]
    readmes = [e for e in tops if e.name.lower().startswith("readme")]
    launchers.sort(key=lambda e: (e.path.count("/"), not e.name.startswith("run"), e.path))
    jsons = [e for e in tops if e.name == SUBMISSION_FILE]
    texts = {e.path: text_of(e) for e in [*launchers[:6], *readmes[:2], *jsons[:1]]}

    def code_of(path: str) -> bytes | None:
        data = folder.read(path, limits.source_bytes)
        return None if isinstance(data, Unreadable) else data

    choice = choose_script(folder.entries, texts, code_of)
    script = None
    if choice.path is not None:
        data = folder.read(choice.path, limits.source_bytes)
        if isinstance(data, Unreadable):
            unread.append((choice.path, data.reason))
        else:
            script = Script(choice.path, data, _FolderFiles(folder, choice.path, data, limits))
    hint = tokenizer_hint(script, texts)
    logs = tuple(
        replace(log, print=_claim_print(log, profile, hint)) for log in _read_logs(folder, stated, unread)
    )
    facts = None
    if script is not None:
        facts = audit(script) if audit is not None else _audit(script, folder, limits)
    flow = facts.flow if facts is not None else NO_FLOW
    settings: tuple[RunSetting, ...] = ()
    if script is not None and facts is not None:
        sure = [log for log in logs if log.role is LogRole.CLAIMED]
        claimed = sure or [log for log in logs if log.role is LogRole.CANDIDATE]
        settings = run_settings(facts.environment, [(log.path, log.metrics) for log in claimed], texts)
        if settings and audit is None:
            again = _audit(script, folder, limits, {s.name: s.value for s in settings})
            flow = again.flow if again is not None else NO_FLOW
            if again is not None and again.lut_status is facts.lut_status:
                # The loop that the run's settings lead to is the one that made the claim.
                facts = replace(facts, eval_status=again.eval_status, eval_reason=again.eval_reason)
    tokenizers = tuple(_read_tokenizers(folder, unread))
    source = "" if script is None else script.data[:MAX_SOURCE_BYTES].decode("utf-8", "replace")
    return SubmissionEvidence(
        folder=folder.path,
        entries=folder.entries,
        choice=choice,
        script=script,
        audit=facts,
        logs=logs,
        stated=stated,
        readme=next((texts[e.path] for e in readmes[:1]), ""),
        texts=texts,
        unread=tuple(unread[:200]),
        profile=profile,
        models=tuple(
            (e.path, size)
            for e in folder.entries
            if not e.problem
            and _MODEL_FILE.search(e.name.lower())
            and (size := folder.size_bytes(e)) is not None
        )[:32],
        source=facts.source if facts is not None and facts.source else source,
        stated_print=_stated_print(stated, logs, profile, hint),
        flow=flow,
        settings=settings,
        steps_in_logs=_held_by_logs(folder, logs, flow),
        hint=hint,
        tokenizers=tokenizers,
    )


_MAX_TOKENIZER_BYTES = 16 << 20
_MOST_TOKENIZERS = 4
_tokenizers_read: OrderedDict[str, TokenizerFile | str] = OrderedDict()


def _read_tokenizers(folder: Folder, unread: list[tuple[str, str]]) -> Iterator[TokenizerFile]:
    """The folder's SentencePiece models; the same content is parsed once per process."""
    for entry in [e for e in folder.entries if e.suffix == ".model" and not e.problem][:_MOST_TOKENIZERS]:
        found = _tokenizers_read.get(entry.content_id) if entry.content_id else None
        if found is None:
            data = folder.read(entry.path, _MAX_TOKENIZER_BYTES)
            if isinstance(data, Unreadable):
                unread.append((entry.path, data.reason))
                continue
            try:
                found = parse_tokenizer(data, entry.path)
            except PgolfError as error:
                found = str(error)
            if entry.content_id:
                _tokenizers_read[entry.content_id] = found
                while len(_tokenizers_read) > 16:
                    _tokenizers_read.popitem(last=False)
        if isinstance(found, str):
            unread.append((entry.path, found))
        else:
            yield replace(found, path=entry.path)


def _held_by_logs(folder: Folder, logs: Sequence[LogRead], flow: TokenFlow) -> frozenset[str]:
    """Texts printed beside steps on validation tokens that every log with the claim holds."""
    texts = {text for fact in flow.late for text in fact.prints}
    sure = [log for log in logs if log.role is LogRole.CLAIMED]
    claimed = sure or [log for log in logs if log.role is LogRole.CANDIDATE]
    if not claimed:
        return frozenset()
    for log in claimed if texts else ():
        data = folder.read(log.path, MAX_LOG_BYTES)
        texts = {t for t in texts if isinstance(data, bytes) and t.encode("utf-8", "replace") in data}
    return frozenset(texts)


_audits: OrderedDict[tuple[str, ...], ScriptFacts | None] = OrderedDict()


def _audit(
    script: Script, folder: Folder, limits: Limits, settings: Mapping[str, str] | None = None
) -> ScriptFacts | None:
    """The script's audit; the same script beside the same code and tables is audited once per process."""
    # The files that the child is given: Python, and what the script names (`script_facts`).
    beside = (
        f"{e.path}={e.content_id}"
        for e in folder.entries
        if e.suffix == ".py" or (e.name and e.name.encode("utf-8", "replace") in script.data)
    )
    outside = (
        f"{name}={hashlib.sha256(data).hexdigest() if data is not None else ''}"
        for name in script.siblings.names()
        if name.startswith("../")
        for data in (script.siblings.read(name),)
    )
    given = repr(sorted((settings or {}).items()))
    key = (script.path, script.sha256, repr(limits), given, *outside, *sorted(beside))
    if key in _audits:
        _audits.move_to_end(key)
        return _audits[key]
    result = audit_script(script, limits, settings=settings)
    _audits[key] = result
    while len(_audits) > 64:
        _audits.popitem(last=False)
    return result


_MODEL_FILE = re.compile(r"(?:model|artifact|weights)[\w.-]{0,60}\.(?:ptz|lzma|xz|zst|zstd|br|bz2|gz|ptb)$")
_MODEL_NAME = re.compile(r"fineweb_\d{3,6}_[\w-]{1,60}\.model", re.ASCII)
_VOCABULARY = re.compile(r"vocab_size\W{1,40}(\d{3,6})\b", re.ASCII | re.IGNORECASE)
_SP_NAME = re.compile(r"\bsp-?(\d{4,5})\b", re.IGNORECASE)


def tokenizer_hint(script: Script | None, texts: Mapping[str, str]) -> str:
    """What the script, else README and submission.json, say of the tokenizer: for logs that do not name it."""
    source = "" if script is None else script.data[:MAX_TEXT_BYTES].decode("utf-8", "replace")
    model = _MODEL_NAME.search(source)
    if model is not None:
        return model.group()
    size = _VOCABULARY.search(source)
    if size is not None:
        return f"vocab_{size[1]}"
    for text in texts.values():
        named = _MODEL_NAME.search(text) or _SP_NAME.search(text)
        if named is not None:
            return named.group()
    return ""


def _claim_print(log: LogRead, profile: Profile, hint: str) -> LogFingerprint:
    metrics = log.metrics
    if log.reading is not None:
        metrics = replace(metrics, score=Score(log.reading, "carries the claim"))
    run = metrics.run
    # The log's own words come first; a default in the script may have been overridden.
    names_itself = bool(run.tokenizer_path or run.dataset or run.vocab_size)
    return fingerprint(metrics, profile, "" if names_itself else hint)


def _stated_print(
    stated: StatedResults | None, logs: Sequence[LogRead], profile: Profile, hint: str
) -> LogFingerprint | None:
    if stated is None or stated.val_bpb is None or stated.val_loss is None:
        return None
    said = next((log.print.tokenizer for log in logs if log.print.tokenizer), "")
    names = " ".join(part for part in (said, stated.tokenizer, "" if said else hint) if part)
    return fingerprint_stated(
        stated.val_loss.number, stated.val_bpb.number, profile, names, None if said else stated.vocab_size
    )


@dataclass(frozen=True)
class _FolderFiles:
    """The submission's files as siblings of its script."""

    folder: Folder
    script: str
    source: bytes
    limits: Limits

    @cached_property
    def outside(self) -> dict[str, str]:
        """Files of the repository around the folder that the script needs, by the name that leads to them."""
        around = self.folder.surroundings()
        if around is None:
            return {}
        inside = frozenset(e.path for e in self.folder.entries if e.path)
        return outside_files(self.source, self.script, inside, around, INSTALLED_PACKAGES)

    def read(self, name: str) -> bytes | None:
        if name.startswith("../"):
            path, around = self.outside.get(name), self.folder.surroundings()
            if path is None or around is None:
                return None
            found = around.read(path, self.limits.sibling_bytes)
            return found if isinstance(found, bytes) else None
        here = self.script.rpartition("/")[0]
        for candidate in dict.fromkeys((f"{here}/{name}" if here else name, name)):
            plain = relative_name(candidate)
            if plain is None or not any(e.path == plain for e in self.folder.entries):
                continue
            data = self.folder.read(plain, self.limits.sibling_bytes)
            if isinstance(data, bytes):
                return data
            if "more than" in data.reason:
                raise LimitTripped("sibling_bytes", self.limits.sibling_bytes, f"{plain}: {data.reason}")
        return None

    def names(self) -> tuple[str, ...]:
        here = self.script.rpartition("/")[0]
        prefix = f"{here}/" if here else ""
        names = (e.path.removeprefix(prefix) for e in self.folder.entries if not e.problem and e.path)
        return (*sorted(self.outside), *sorted(names)[:10_000])


def _read_stated(folder: Folder, unread: list[tuple[str, str]]) -> StatedResults | None:
    named = [e for e in folder.entries if e.name == SUBMISSION_FILE]
    if not named:  # one submission of several in a folder: submission_ternary.json and the like
        named = [e for e in folder.entries if e.name.startswith("submission") and e.suffix == ".json"]
    named.sort(key=lambda e: (e.path.count("/"), e.path))
    if not named:
        return None
    data = folder.read(named[0].path, 4 * 1024 * 1024)
    if isinstance(data, Unreadable):
        unread.append((named[0].path, data.reason))
        return StatedResults(readable=False, problems=(data.reason,))
    return read_submission_json(data)


def _read_logs(
    folder: Folder, stated: StatedResults | None, unread: list[tuple[str, str]]
) -> tuple[LogRead, ...]:
    candidates = log_candidates(folder.entries)
    unread += [
        (left_out.path, f"one of {len(candidates)} logs; the first {MAX_LOGS} were read")
        for left_out in candidates[MAX_LOGS:]
    ]
    parsed: list[tuple[str, RunMetrics]] = []
    total = 0
    for entry in candidates[:MAX_LOGS]:
        data = folder.read(entry.path, MAX_LOG_BYTES)
        if isinstance(data, Unreadable):
            unread.append((entry.path, data.reason))
            continue
        total += len(data)
        if total > MAX_LOG_BYTES_TOGETHER:
            unread.append((entry.path, f"more than {MAX_LOG_BYTES_TOGETHER:,} bytes of logs together"))
            break
        metrics = _parsed(data, entry)
        if metrics.ending is not Ending.NO_RUN or metrics.readings:
            parsed.append((entry.path, metrics))
    return classify_logs(parsed, stated)


_logs: OrderedDict[tuple[str, str], RunMetrics] = OrderedDict()


def _parsed(data: bytes, entry: FileEntry) -> RunMetrics:
    """The log's metrics; copies of one log in several submissions are read once while they follow each other."""
    key = (entry.content_id, entry.path)
    found = _logs.get(key)
    if found is None:
        found = _logs[key] = parse_log(data, entry.path)
        while len(_logs) > 32:
            _logs.popitem(last=False)
    return found


def classify_logs(
    parsed: Iterable[tuple[str, RunMetrics]], stated: StatedResults | None
) -> tuple[LogRead, ...]:
    """Tell the logs that carry the claim from the others."""
    reads: list[LogRead] = []
    for path, metrics in parsed:
        match = _stated_reading(metrics, stated)
        if match is not None:
            reading, key = match
            reads.append(LogRead(path, metrics, LogRole.CLAIMED, reading, key))
            continue
        score = metrics.score.reading if metrics.score is not None else None
        aside = is_aside(path) or score is None or metrics.ending is not Ending.COMPLETE
        reads.append(LogRead(path, metrics, LogRole.ASIDE if aside else LogRole.CANDIDATE, score))
    return _mean_of_logs(reads, stated)


def _stated_reading(metrics: RunMetrics, stated: StatedResults | None) -> tuple[Reading, str] | None:
    """The line that prints a stated value: of this log's seed where both say one, else the headline."""
    if stated is None:
        return None
    seeds: list[StatedSeed] = [*stated.per_seed, *stated.other_seeds]
    seed = metrics.run.seed
    wanted: list[tuple[Printed, str]] = []
    # A seed's own value first; then any value (logs name their seeds wrongly); then the headline.
    for exact in (True, False):
        wanted += [
            (s.val_bpb.number, s.val_bpb.path)
            for s in seeds
            if s.val_bpb is not None and (s.seed == seed) is exact
        ]
    if stated.val_bpb is not None:
        wanted.append((stated.val_bpb.number, stated.val_bpb.path))
    # The last line first, and results before evaluations that say of themselves that they are diagnostic.
    readings = sorted(
        (r for r in metrics.readings if r.kind in (ReadingKind.FINAL, ReadingKind.DIAGNOSTIC)),
        key=lambda r: (r.kind is ReadingKind.FINAL, r.is_pair, r.line),
        reverse=True,
    )
    for number, key in wanted:
        if number.decimals < 3:
            continue  # 1.2 agrees with everything
        for reading in readings:
            if number.states(reading.val_bpb):
                return reading, key
    return None


def _mean_of_logs(reads: list[LogRead], stated: StatedResults | None) -> tuple[LogRead, ...]:
    """Where only a mean is stated, the finished runs whose mean it is carry the claim."""
    if stated is None or stated.val_bpb is None or stated.val_bpb.number.decimals < 3:
        return tuple(reads)
    if any(log.role is LogRole.CLAIMED for log in reads):
        return tuple(reads)
    runs = [log for log in reads if log.role is LogRole.CANDIDATE and log.reading is not None]
    values = [log.reading.val_bpb.value for log in runs if log.reading is not None]
    if len(values) < 2:
        return tuple(reads)
    tolerance = 1.5 * max(stated.val_bpb.number.half_unit, 0.5e-5)
    if abs(fmean(values) - stated.val_bpb.value) > tolerance:
        return tuple(reads)
    key = f"{stated.val_bpb.path} (mean)"
    return tuple(
        LogRead(log.path, log.metrics, LogRole.CLAIMED, log.reading, key) if log in runs else log
        for log in reads
    )
