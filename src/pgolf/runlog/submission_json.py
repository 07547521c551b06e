"""A tolerant, bounded reader of `submission.json`: what a submission states about itself, whatever the schema.

The contest never fixed a schema: per-seed values appear as objects keyed by seed, lists of records, parallel lists and
`val_bpb_seed42` keys. Everything unclear becomes a problem sentence; nothing raises. Author fields are not read.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from typing import Any

from pgolf.core.bpb import LN2
from pgolf.runlog.metrics import Printed
from pgolf.runlog.readings import read_number

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 60
MAX_NODES = 200_000
MAX_SEEDS = 1_000
_MOST_PARALLEL = 100


@dataclass(frozen=True, slots=True)
class Stated:
    """One number as stated and the path of its key, e.g. `seed_results.42.val_bpb`."""

    number: Printed
    path: str

    @property
    def value(self) -> float:
        """The number itself."""
        return self.number.value


@dataclass(frozen=True, slots=True)
class StatedSeed:
    """What is stated for one seed. `group` is the path of the table it stands in."""

    seed: int
    group: str
    val_bpb: Stated | None = None
    val_loss: Stated | None = None
    artifact_bytes: int | None = None
    code_bytes: int | None = None
    train_seconds: float | None = None
    eval_seconds: float | None = None
    steps: int | None = None


@dataclass(frozen=True, slots=True)
class StatedResults:
    """Everything read from one `submission.json`."""

    readable: bool
    val_bpb: Stated | None = None
    val_loss: Stated | None = None
    std: Stated | None = None
    per_seed: tuple[StatedSeed, ...] = ()
    """Values of the first table of seeds: the ones the headline rests on."""
    other_seeds: tuple[StatedSeed, ...] = ()
    """Values of further tables (reruns, retracted results, all runs)."""
    listed_seeds: tuple[int, ...] = ()
    """Seeds named in a plain list or as `seed`, with or without values."""
    artifact_bytes: int | None = None
    code_bytes: int | None = None
    train_seconds: float | None = None
    eval_seconds: float | None = None
    steps: int | None = None
    hardware: str = ""
    track: str = ""
    date: str = ""
    tokenizer: str = ""
    vocab_size: int | None = None
    problems: tuple[str, ...] = ()

    @property
    def bytes_per_token(self) -> float | None:
        """Bytes per token implied by the headline's `val_loss` and `val_bpb`, None without both."""
        return _bytes_per_token(self.val_loss, self.val_bpb)


def _bytes_per_token(loss: Stated | None, bpb: Stated | None) -> float | None:
    if loss is None or bpb is None or not 0 < loss.value < 1e6 or not 0 < bpb.value < 1e6:
        return None
    return loss.value / (LN2 * bpb.value)


def read_submission_json(data: bytes) -> StatedResults:
    """Read `submission.json`. Never raises; `readable` is False and `problems` says why when nothing can be read."""
    problems: list[str] = []
    tree = _load(data, problems)
    if tree is None:
        return StatedResults(readable=False, problems=tuple(problems))
    if isinstance(tree, list) and len(tree) == 1 and isinstance(tree[0], dict):
        problems.append("the top level is a list with one object; that object was read")
        tree = tree[0]
    if not isinstance(tree, dict):
        problems.append(f"the top level is {_kind(tree)}, not an object")
        return StatedResults(readable=False, problems=tuple(problems))
    bpb = _headline(tree, _BPB_HEADLINE, problems)
    groups = _seed_groups(tree, bpb, problems)
    primary = _primary(groups)
    return StatedResults(
        readable=True,
        val_bpb=bpb,
        val_loss=_headline(tree, _LOSS_HEADLINE, problems),
        std=_headline(tree, _STD_HEADLINE, problems),
        per_seed=tuple(groups.get(primary, {}).values()),
        other_seeds=tuple(s for g, seeds in groups.items() if g != primary for s in seeds.values()),
        listed_seeds=_listed_seeds(tree),
        artifact_bytes=_size(tree, _TOTAL_KEYS),
        code_bytes=_size(tree, _CODE_KEYS),
        train_seconds=_seconds(tree, _TRAIN_TIMES),
        eval_seconds=_seconds(tree, _EVAL_TIMES),
        steps=_size(tree, _STEP_KEYS),
        hardware=_text(tree, ("hardware", "gpu", "gpu_config", "gpu_type", "gpus", "platform")),
        track=_text(tree, ("track",)),
        date=_text(tree, ("date",)),
        tokenizer=_text(tree, ("tokenizer", "tokenizer_path", "tokenizer_name")),
        vocab_size=_size(tree, ("vocab_size",)),
        problems=tuple(dict.fromkeys(problems)),
    )


# --- JSON -----------------------------------------------------------------------------------------------------------


class _TooDeep(ValueError):
    pass


def _load(data: bytes, problems: list[str]) -> Any:
    if len(data) > MAX_BYTES:
        problems.append(f"{len(data):,} bytes long; at most {MAX_BYTES:,} are read")
        return None
    if data.startswith(b"\xef\xbb\xbf"):
        problems.append("starts with a byte order mark")
        data = data[3:]
    elif data.startswith((b"\xff\xfe", b"\xfe\xff")):
        problems.append("is UTF-16, not UTF-8")
        data = data.decode("utf-16", "replace").encode("utf-8", "replace")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        problems.append(f"is not UTF-8 (byte {error.start})")
        text = data.decode("utf-8", "replace")
    if not text.strip():
        problems.append("is empty")
        return None
    if _depth(text) > MAX_DEPTH:
        problems.append(f"is nested deeper than {MAX_DEPTH} levels")
        return None
    try:
        return _decode(text, problems)
    except json.JSONDecodeError as error:
        first = error
    except (ValueError, RecursionError) as error:
        problems.append(f"cannot be read as JSON: {error}")
        return None
    where = f"line {first.lineno}, column {first.colno}"
    try:
        tree = _decode(_lenient(text), problems)
    except (ValueError, RecursionError):
        tree = _first_value(text, problems)
        if tree is None:
            problems.append(f"is not valid JSON: {first.msg} at {where}")
            return None
        problems.append(f"is not valid JSON: {first.msg} at {where}; only the first value was read")
        return tree
    problems.append(
        f"is not valid JSON: {first.msg} at {where}; read without its comments and trailing commas"
    )
    return tree


def _decode(text: str, problems: list[str]) -> Any:
    return _decoder(problems).decode(text)


def _first_value(text: str, problems: list[str]) -> Any:
    try:
        return _decoder(problems).raw_decode(text.lstrip())[0]
    except (ValueError, RecursionError):
        return None


def _decoder(problems: list[str]) -> json.JSONDecoder:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key, value in items:
            if key in out and len(problems) < 50:
                problems.append(f"key {key[:60]!r} stands twice in one object; the last one counts")
            out[key] = value
        return out

    def constant(text: str) -> Printed:
        problems.append(f"holds {text}, which is no JSON number")
        return Printed(float(text.replace("Infinity", "inf")), 0)

    return json.JSONDecoder(
        object_pairs_hook=pairs, parse_float=_number, parse_int=_integer, parse_constant=constant
    )


def _integer(text: str) -> Printed:
    return Printed(float(text) if len(text) <= 64 else math.nan, 0)


def _number(text: str) -> Printed:
    return read_number(text) if len(text) <= 64 else Printed(math.nan, 0)


def _depth(text: str) -> int:
    """Deepest bracket nesting outside strings; linear."""
    depth = deepest = 0
    for match in re.finditer(r'"(?:[^"\\]|\\.)*+(?:"|$)|[\[{]|[\]}]', text, re.S):
        first = match.group()[0]
        if first in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in "]}":
            depth -= 1
    return deepest


def _lenient(text: str) -> str:
    """The text without `//`, `#` and `/* */` comments and commas before a closing bracket; strings untouched."""
    parts = re.findall(
        r'"(?:[^"\\\n]|\\.)*+"|//[^\n]*|\#[^\n]*|/\*(?:[^*]|\*(?!/))*+\*/|[^"/#]+|.', text, re.S
    )
    kept = [p for p in parts if not p.startswith(("//", "#", "/*"))]
    out: list[str] = []
    for part in kept:
        closes = part.lstrip()[:1] in ("}", "]")
        if closes and out and out[-1].rstrip().endswith(","):
            out[-1] = out[-1].rstrip()[:-1]
        out.append(part if part.startswith('"') else re.sub(r",(\s{0,400})([}\]])", r"\1\2", part))
    return "".join(out)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", Printed: "a number"}
    return names.get(type(value), "null")


# --- fields ---------------------------------------------------------------------------------------------------------

_BPB_HEADLINE = (
    "val_bpb",
    "mean_val_bpb",
    "val_bpb_mean",
    "mean_bpb",
    "bpb",
    "final_val_bpb",
    "val_bpb_exact",
    "score",
    "final_bpb",
    "best_val_bpb",
)
_LOSS_HEADLINE = ("val_loss", "mean_val_loss", "val_loss_mean", "final_val_loss", "loss")
_STD_HEADLINE = (
    "val_bpb_std",
    "std_val_bpb",
    "bpb_std",
    "std_bpb",
    "std",
    "val_bpb_sample_std",
    "val_bpb_stdev",
    "std_dev",
)
_TOTAL_KEYS = (
    "bytes_total",
    "artifact_bytes",
    "artifact_bytes_max",
    "total_bytes",
    "artifact_size_bytes",
    "size_bytes",
    "total_size_bytes",
    "submission_bytes",
    "artifact_size",
    "max_artifact_bytes",
)
_CODE_KEYS = ("bytes_code", "code_bytes", "code_size_bytes", "code_size", "bytes_code_compressed")
_STEP_KEYS = ("steps", "step_stop", "train_steps", "training_steps", "stop_step")
_TRAIN_TIMES = (
    "train_time_seconds",
    "training_time_seconds",
    "train_time_s",
    "train_seconds",
    "train_wallclock_s",
    "train_s",
    "wallclock_seconds",
    "train_time_ms",
    "train_wallclock_ms",
    "training_time_s",
)
_EVAL_TIMES = (
    "eval_time_seconds",
    "eval_time_s",
    "total_eval_time_s",
    "ttt_eval_time_s",
    "eval_seconds",
    "eval_s",
    "eval_time_ms",
)

_SEED_KEY = re.compile(r"(?:seeds?|s)?[_ -]?(\d{1,10})(?:_[a-z]\w{0,40})?$", re.I)
_FLAT_SEED = re.compile(r"(?:val_)?bpb_(?:seed_?)(\d{1,10})$|seed_?(\d{1,10})_(?:val_)?bpb(?:_exact)?$", re.I)
_GROUP_WORD = re.compile(r"seed|per_seed|result|run|bpb|attempt|score", re.I)
_SIDE_WORD = re.compile(
    r"pre_?quant|prequant|post_?ema|quantized|roundtrip|delta|gain|gap|std|baseline|pre_ttt|loss|nats|size|bytes|time|second"
    r"|_s$|_ms$|steps?|train|param|compare|comparison|previous|retract|reference|sota|parent|target|raw|diagnostic|ablation|control|inflated|ema|stop",
    re.I,
)
_DIFFERENCE = re.compile(r"delta|gain|gap|diff|std|improv|margin|inflated", re.I)
_HEADLINE_SLACK = 5e-4
_SECONDARY = re.compile(
    r"retract|rerun|superseded|pre_fix|errata|additional|confirm|disclosure|baseline|compar|previous|original|ablation|pre_?quant|parent|old|reference|all_runs|sota",
    re.I,
)
_RECORD_BPB = (
    "val_bpb",
    "val_bpb_exact",
    "bpb",
    "final_val_bpb",
    "final_bpb",
    "score",
    "val_bpb_final",
    "post_ttt_val_bpb",
    "post_ttt_bpb",
    "ttt_bpb",
    "ttt_val_bpb",
)


def _headline(tree: dict[str, Any], keys: tuple[str, ...], problems: list[str]) -> Stated | None:
    for prefix, level in (
        ("", tree),
        *(((f"{k}."), v) for k, v in tree.items() if k in _NESTED and isinstance(v, dict)),
    ):
        for key in keys:
            if key not in level:
                continue
            number = _as_number(level[key])
            if number is not None and math.isfinite(number.value):
                if isinstance(level[key], str):
                    problems.append(f"{prefix}{key} is a string, not a number")
                return Stated(number, prefix + key)
            if isinstance(level[key], dict):
                mean = _as_number(level[key].get("mean"))
                if mean is not None and math.isfinite(mean.value):
                    return Stated(mean, f"{prefix}{key}.mean")
            elif level[key] is None:
                continue
            elif not isinstance(level[key], list):
                problems.append(f"{prefix}{key} is no finite number")
    return None


_NESTED = frozenset({"results", "result", "metrics", "headline", "summary", "score", "final", "mean"})


def _as_number(value: Any) -> Printed | None:
    if isinstance(value, Printed):
        return value
    if isinstance(value, str):
        match = re.match(
            r"\s{0,8}~?\s?([-+]?\d{1,12}(?:,\d{3}){0,4}(?:\.\d{1,20})?(?:[eE][-+]?\d{1,3})?)(?![\d.])", value
        )
        if match:
            return read_number(match.group(1))
    return None


def _as_count(value: Any) -> int | None:
    number = _as_number(value)
    if number is None or not math.isfinite(number.value) or not 0 <= number.value < 1e15:
        return None
    return int(number.value)


def _size(tree: dict[str, Any], keys: tuple[str, ...]) -> int | None:
    for key in keys:
        count = _as_count(tree.get(key))
        if count is not None:
            return count
    return None


def _seconds(tree: dict[str, Any], keys: tuple[str, ...]) -> float | None:
    for key in keys:
        number = _as_number(tree.get(key))
        if number is not None and math.isfinite(number.value):
            return number.value / 1000 if key.endswith("_ms") else number.value
    return None


def _text(tree: dict[str, Any], keys: tuple[str, ...]) -> str:
    for key in keys:
        value = tree.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()[:300]
    return ""


def _listed_seeds(tree: dict[str, Any]) -> tuple[int, ...]:
    seeds: list[int] = []
    listed = tree.get("seeds")
    if isinstance(listed, list):
        seeds += [n for n in (_as_count(x) for x in listed[:MAX_SEEDS]) if n is not None]
    single = _as_count(tree.get("seed"))
    if single is not None:
        seeds.append(single)
    return tuple(dict.fromkeys(seeds))


# --- per-seed tables ------------------------------------------------------------------------------------------------

_Groups = dict[str, dict[int, StatedSeed]]


def _seed_groups(tree: dict[str, Any], headline: Stated | None, problems: list[str]) -> _Groups:
    """Tables of per-seed values by the path they stand at."""
    groups: _Groups = {}
    stack: list[tuple[str, Any]] = [("", tree)]
    nodes = 0
    while stack:
        path, node = stack.pop()
        nodes += 1
        if nodes > MAX_NODES:
            problems.append(f"has more than {MAX_NODES:,} values; the rest was not read")
            break
        if isinstance(node, dict):
            _read_keyed(groups, path, node, headline)
            _read_parallel(groups, path, node)
            stack += [
                (f"{path}.{k}" if path else k, v)
                for k, v in reversed(list(node.items()))
                if isinstance(v, (dict, list))
            ]
        elif isinstance(node, list):
            _read_records(groups, path, node, headline)
            stack += [
                (f"{path}[{i}]", v) for i, v in reversed(list(enumerate(node))) if isinstance(v, (dict, list))
            ]
    if not groups:
        seed = _as_count(tree.get("seed"))
        if seed is not None and headline is not None:
            _add(groups, "", seed, replace(_record(seed, "", "", tree, "val_bpb"), val_bpb=headline))
    return groups


def _read_keyed(groups: _Groups, path: str, node: dict[str, Any], headline: Stated | None) -> None:
    """`{42: 1.08}`, `{42: {...}}`, `seed_42: {...}`, `val_bpb_seed42: 1.08`."""
    records: list[tuple[int, str, dict[str, Any]]] = []
    for key, value in list(node.items())[: 10 * MAX_SEEDS]:
        where = f"{path}.{key}" if path else key
        flat = _FLAT_SEED.match(key)
        if flat:
            number = _as_number(value)
            if number is not None and _sane(number):
                seed = int(flat.group(1) or flat.group(2))
                _add(
                    groups,
                    f"{path}.*_seed" if path else "*_seed",
                    seed,
                    StatedSeed(seed, path, Stated(number, where)),
                )
            continue
        match = _SEED_KEY.match(key)
        if (
            not match
            or (key.isdigit() and not _GROUP_WORD.search(path))
            or not (key.isdigit() or "seed" in key.lower())
        ):
            continue
        seed = int(match.group(1))
        if isinstance(value, dict):
            records.append((seed, where, value))
        elif not (path and _SIDE_WORD.search(path.rsplit(".", 1)[-1].replace("seed_results", ""))):
            number = _as_number(value)
            if number is not None and _sane(number):
                _add(groups, path, seed, StatedSeed(seed, path, Stated(number, where)))
    _add_records(groups, path, records, headline)


def _read_records(groups: _Groups, path: str, node: list[Any], headline: Stated | None) -> None:
    """`[{"seed": 42, "val_bpb": 1.08}, ...]`."""
    records: list[tuple[int, str, dict[str, Any]]] = []
    for index, item in enumerate(node[:MAX_SEEDS]):
        seed = _as_count(item.get("seed")) if isinstance(item, dict) else None
        if seed is not None:
            records.append((seed, f"{path}[{index}]", item))
    _add_records(groups, path, records, headline)


def _add_records(
    groups: _Groups, path: str, records: list[tuple[int, str, dict[str, Any]]], headline: Stated | None
) -> None:
    """Records of one table: the key that holds the result is found for the table as a whole."""
    key = _result_key([item for _, _, item in records], headline)
    for seed, where, item in records:
        own = next((k for k in _RECORD_BPB if _bpb_of(item, k) is not None), key)
        if own is not None and _bpb_of(item, own) is not None:
            _add(groups, path, seed, _record(seed, path, where, item, own))


def _result_key(items: list[dict[str, Any]], headline: Stated | None) -> str | None:
    """Among keys like `sliding_bpb` and `ttt_bpb`: the one whose mean is the headline, else the one that holds it.

    Else the last stage's.
    """
    keys = dict.fromkeys(
        k for item in items for k in item if "bpb" in k.lower() and not _DIFFERENCE.search(k)
    )
    best: tuple[float, str] | None = None
    if headline is not None:
        for key in keys:
            values = [n.value for item in items if (n := _bpb_of(item, key)) is not None]
            off = abs(sum(values) / len(values) - headline.value) if values else math.inf
            if off < _HEADLINE_SLACK and (best is None or off < best[0]):
                best = off, key
    if best is not None:
        return best[1]
    holding = [
        key
        for key in keys
        if headline is not None
        and any((n := _bpb_of(item, key)) is not None and n.agrees(headline.number) for item in items)
    ]
    if len(holding) == 1:
        return holding[0]
    plain = [k for k in keys if not _SIDE_WORD.search(k)]
    adapted = [k for k in plain if re.search("ttt|slot|ngram|ppm|mix|final", k, re.I)]
    return next(iter([*adapted, *plain]), None)


def _bpb_of(item: dict[str, Any], key: str) -> Printed | None:
    number = _as_number(item.get(key))
    return number if number is not None and _sane(number) else None


def _read_parallel(groups: _Groups, path: str, node: dict[str, Any]) -> None:
    """`seeds: [..]` beside a list of as many values."""
    listed = node.get("seeds")
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_SEEDS:
        return
    seeds = [_as_count(x) for x in listed]
    if any(s is None for s in seeds):
        return
    for key, values in list(node.items())[:_MOST_PARALLEL]:
        if (
            key == "seeds"
            or not isinstance(values, list)
            or len(values) != len(seeds)
            or not re.search("bpb|score", key, re.I)
        ):
            continue
        if _SIDE_WORD.search(key):
            continue
        for index, (seed, value) in enumerate(zip(seeds, values, strict=True)):
            number = _as_number(value)
            if seed is not None and number is not None and _sane(number):
                where = f"{path}.{key}[{index}]" if path else f"{key}[{index}]"
                _add(
                    groups,
                    f"{path}.{key}" if path else key,
                    seed,
                    StatedSeed(seed, key, Stated(number, where)),
                )


def _record(seed: int, group: str, where: str, item: dict[str, Any], bpb_key: str) -> StatedSeed:
    prefix = f"{where}." if where else ""
    bpb = _bpb_of(item, bpb_key)
    losses = (
        (k, _as_number(item.get(k)))
        for k in ("val_loss", "loss", "final_val_loss", bpb_key.replace("bpb", "loss"))
    )
    return StatedSeed(
        seed=seed,
        group=group,
        val_bpb=Stated(bpb, prefix + bpb_key) if bpb is not None else None,
        val_loss=next((Stated(n, prefix + k) for k, n in losses if n is not None and _sane(n)), None),
        artifact_bytes=_size(item, _TOTAL_KEYS),
        code_bytes=_size(item, _CODE_KEYS),
        train_seconds=_seconds(item, _TRAIN_TIMES),
        eval_seconds=_seconds(item, _EVAL_TIMES),
        steps=_size(item, _STEP_KEYS),
    )


def _sane(number: Printed) -> bool:
    return math.isfinite(number.value) and 0 < number.value < 100


def _add(groups: _Groups, path: str, seed: int, record: StatedSeed) -> None:
    table = groups.setdefault(path, {})
    if len(table) < MAX_SEEDS:
        table.setdefault(seed, record)


def _primary(groups: _Groups) -> str:
    """The table the headline rests on: not a rerun or retraction, the shallowest, the largest."""
    if not groups:
        return ""
    return min(groups, key=lambda p: (bool(_SECONDARY.search(p)), p.count("."), -len(groups[p])))
