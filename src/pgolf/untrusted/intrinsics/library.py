"""The standard library as far as builders and loaders use it, and the files an evaluation may read.

Files are not the host's. A script that globs for the validation shards is given the probe stream as one shard; a
file that lies beside the script is read through `Siblings`; every other file is unknown.
"""

from __future__ import annotations

import fnmatch
import itertools
import json
import pathlib
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pgolf.errors import DataError, LimitTripped
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.arrays import dtype_of
from pgolf.untrusted.intrinsics.builtin import (
    BUILTINS,
    Args,
    Kwargs,
    first_unknown,
    items_of,
    scalar,
    sort_values,
)
from pgolf.untrusted.operators import binary, percent_format, raise_in_script, spoil
from pgolf.untrusted.scaled import exactly, of_process, stream_length
from pgolf.untrusted.tensor import Tensor, cast_all
from pgolf.untrusted.values import (
    MISSING,
    BoundMethod,
    ClassValue,
    Function,
    Instance,
    Intrinsic,
    Module,
    NativeClass,
    NativeObject,
    OnProcess,
    Opaque,
    Process,
    Scaled,
    ScaledText,
    Value,
)

NativeMethod = Callable[[Interp, NativeObject, Args, Kwargs, int], Value]
Call = Callable[[Interp, Args, Kwargs, int], Value]

SHARD_HEADER_BYTES = 1024
MOST_PROCESSES = 8
"""Processes of the run that a record is made with."""
_MAX_WRITTEN = 1024


def none(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    return None


def unknown(reason: str, origin: str = "config") -> Call:
    return lambda interp, args, kwargs, line: Opaque(reason, line, origin)


def functions(module: Module, table: dict[str, Call]) -> Module:
    module.attributes.update({name: Intrinsic(f"{module.name}.{name}", f) for name, f in table.items()})
    return module


# ---------------------------------------------------------------------------------------------------------
# Paths and files


def path_object(text: str) -> NativeObject:
    """A `pathlib.Path`, or a file name."""
    return NativeObject("Path", PATH_METHODS, str(pathlib.PurePosixPath(text)), PATH_CLASS)


def path_text(value: Value) -> str | None:
    """The text of a path given as str or Path."""
    if isinstance(value, str):
        return value
    if isinstance(value, NativeObject) and value.kind == "Path":
        return str(value.state)
    return None


def _make_path(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    parts = [path_text(a) for a in args]
    if any(p is None for p in parts):
        return first_unknown(args) or Opaque("path from something that is no text", line)
    return path_object(join_text([p for p in parts if p is not None]))


def join_text(parts: list[str]) -> str:
    out = ""
    for p in parts:
        out = p if p.startswith("/") or out in ("", ".") else f"{out.rstrip('/')}/{p}"
        if len(out) > 8192:
            raise LimitTripped("string_chars", 8192, "path")
    return out or "."


def _path_part(f: Callable[[str], Any]) -> NativeMethod:
    return lambda interp, target, args, kwargs, line: f(str(target.state))


def _path_exists(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    text = str(target.state)
    if sibling(interp, text) is not None or stream_kind(text) is not None or _is_folder(interp, text):
        return True
    return Opaque(f"whether {str(target.state)[-60:]} exists", line, "config")


def _is_folder(interp: Interp, text: str) -> bool:
    """Whether a path is a folder that holds files of the submission."""
    if interp.siblings is None:
        return False
    plain = text.removeprefix("./").rstrip("/")
    return plain in ("", ".") or any(name.startswith(f"{plain}/") for name in interp.siblings.names())


def _shard_size(interp: Interp, line: int) -> Value:
    """Bytes of the validation shard, which is larger in a real run."""
    return binary(
        interp,
        "Add",
        SHARD_HEADER_BYTES,
        binary(interp, "Mult", 2, stream_length(len(interp.stream)), line),
        line,
    )


def _stat(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    module = Module("stat_result", lambda name: Opaque(f"file status {name}", line, "config"))
    kind = stream_kind(str(target.state))
    if kind is not None and interp.stream:
        module.attributes["st_size"] = _shard_size(interp, line)
    return module


def _read_text(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    data = sibling(interp, str(target.state))
    if data is None:
        return Opaque(f"content of {str(target.state)[-60:]}", line, "config")
    if len(data) > interp.limits.string_chars:
        raise LimitTripped("string_chars", interp.limits.string_chars)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise raise_in_script("UnicodeDecodeError", "cannot decode", line) from None


def _read_bytes(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    text = str(target.state)
    if stream_kind(text) is not None:
        return NativeObject("shard bytes", {}, text)
    data = sibling(interp, text)
    if data is None:
        return Opaque(f"content of {text[-60:]}", line, "config")
    if len(data) > interp.limits.string_chars:
        raise LimitTripped("string_chars", interp.limits.string_chars)
    return data


def written_file(interp: Interp, text: str) -> Value:
    """What the script wrote into a file of that name, Opaque where that is not known, MISSING where it wrote none."""
    if not interp.written:
        return MISSING
    if "" in interp.written:
        return interp.written[""]
    plain = text.removeprefix("./")
    found = interp.written.get(plain, MISSING)
    if found is MISSING and any(n.rsplit("/", 1)[-1] == plain.rsplit("/", 1)[-1] for n in interp.written):
        # Which of two folders a relative name means is not followed; a file of that name was written somewhere.
        return Opaque("a file of that name was written", 0, "config")
    return found


def write_file(interp: Interp, name: Value, content: Value, line: int, append: bool = False) -> None:
    """A file is written: text, bytes, or something whose bytes are not known."""
    text = path_text(name)
    if text is None or text.startswith("/dev/"):
        return
    plain = text.removeprefix("./")
    if len(interp.written) >= _MAX_WRITTEN and plain not in interp.written:
        interp.written[""] = Opaque("too many files were written to keep them apart", line, "config")
        return
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    known: bytes | Opaque = Opaque("the file was written with something unknown", line, "config")
    if isinstance(data, (bytes, bytearray)) and not interp.fresh:
        known = bytes(data)
    before = interp.written.get(plain) if append else b""
    if append and before is None:
        before = sibling(interp, text)
    if isinstance(known, bytes) and isinstance(before, bytes):
        if len(before) + len(known) > interp.limits.string_chars:
            raise LimitTripped("string_chars", interp.limits.string_chars)
        known = before + known
    elif append:
        known = Opaque("the file was written with something unknown", line, "config")
    interp.cells(len(known) >> 3 if isinstance(known, bytes) else 1)
    interp.written[plain] = known
    interp.saved.pop(plain, None)


def writes(argument: int, value: int | None = None, ending: str = "") -> Call:
    """A function that writes a file whose bytes are not followed, named by its argument number `argument`; the value of
    argument number `value` is what a later load gives back. `ending` is added to a name that has another one."""

    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        named = ("file", "f", "fp")
        target = (
            args[argument] if len(args) > argument else next((kwargs[k] for k in named if k in kwargs), None)
        )
        if isinstance(target, NativeObject) and target.kind == "output file":
            target = target.state
        text = path_text(target)
        if text is None:
            return None
        if ending and not text.endswith(ending):
            text += ending
        write_file(interp, text, Opaque("bytes that are not followed", line), line)
        saved: Value = MISSING
        if value is not None and len(args) > value:
            saved = args[value]
        elif value is None and ending == ".npz" and len(args) == 1:
            saved = NativeObject(
                "npz", NPZ_METHODS, {k: _copy_value(interp, v, line) for k, v in kwargs.items()}
            )
        if not interp.fresh and saved is not MISSING:
            interp.saved[text.removeprefix("./")] = _copy_value(interp, saved, line)
        return None

    return run


def saved_value(interp: Interp, target: Value, line: int) -> Value:
    """What the script itself saved under a name and has not written since, or MISSING."""
    text = path_text(target)
    found = MISSING if text is None else interp.saved.get(text.removeprefix("./"), MISSING)
    return MISSING if found is MISSING else _copy_value(interp, found, line)


def sibling(interp: Interp, text: str) -> bytes | None:
    """A file beside the script, by the last part of its name when a longer path is asked for."""
    found_written = written_file(interp, text)
    if found_written is not MISSING:
        return found_written if isinstance(found_written, bytes) else None
    if interp.siblings is None:
        return None
    name = text.rsplit("/", 1)[-1]
    # What lies outside is meant by its whole name only.
    names = (text,) if text.startswith("../") else (text.removeprefix("./"), name)
    for candidate in dict.fromkeys(names):
        found: bytes | None = interp.siblings.read(candidate)
        if found is not None:
            return found
    return None


def stream_kind(text: str) -> str | None:
    """ "tokens" or "bytes" for a name that looks like a validation shard (or its byte sidecar)."""
    name = text.rsplit("/", 1)[-1].lower()
    if not name.endswith((".bin", ".npy")) or "train" in name:
        return None
    return (
        "bytes"
        if "byte" in name and "val" in name
        else "tokens"
        if "val" in name or "*" in name or "fineweb" in name
        else None
    )


def _glob_names(interp: Interp, pattern: str, line: int) -> Value:
    if not pattern.rsplit("/", 1)[-1]:
        return interp.made([])
    name = pattern.rsplit("/", 1)[-1].lower()
    if "train" in name:
        return Opaque("training shards", line, "config")
    if name.endswith((".bin", ".npy")):
        made = pattern.replace("*", "000000").replace("?", "0").replace("[0-9]", "0")
        return interp.made([made]) if stream_kind(made) is not None else Opaque("files", line, "config")
    if interp.siblings is not None and "/" not in pattern:
        return interp.made([n for n in interp.siblings.names() if fnmatch.fnmatch(n, pattern)][:1000])
    return Opaque(f"files of {pattern[-60:]}", line, "config")


def _glob(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    text = path_text(args[0]) if args else None
    return (
        _glob_names(interp, text, line) if text is not None else first_unknown(args) or Opaque("files", line)
    )


def _path_glob(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    pattern = args[0]
    if not isinstance(pattern, str):
        return Opaque("files", line, "config")
    found = _glob_names(interp, join_text([str(target.state), pattern]), line)
    return interp.made([path_object(x) for x in found]) if isinstance(found, list) else found


def _relative_to(target: NativeObject, args: Args, line: int) -> Value:
    text, base = str(target.state), path_text(args[0]) if args else None
    if base in (".", text):
        return target if base == "." else path_object(".")
    if base is not None and text.startswith(base.rstrip("/") + "/"):
        return path_object(text[len(base.rstrip("/")) + 1 :])
    return Opaque("a path relative to another", line, "config")


def _write_path(interp: Interp, target: NativeObject, args: Args, line: int) -> Value:
    write_file(interp, target, args[0] if args else Opaque("nothing", line), line)
    return Opaque("file size", line)


def _rename(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`os.replace(a, b)`, `shutil.copy(a, b)`: what stands under the second name is what stood under the first."""
    names = [path_text(a) for a in args[:2]]
    if len(names) == 2 and names[1] is not None:
        data = sibling(interp, names[0]) if names[0] is not None else None
        write_file(interp, names[1], Opaque("a file put in place", line) if data is None else data, line)
        return args[1]
    return Opaque("a renamed file", line, "config")


PATH_METHODS: dict[str, NativeMethod] = {
    "resolve": lambda i, t, a, k, ln: t, "absolute": lambda i, t, a, k, ln: t, "expanduser": lambda i, t, a, k, ln: t,
    "exists": _path_exists, "is_file": _path_exists, "is_dir": _path_exists, "stat": _stat, "read_text": _read_text,
    "read_bytes": _read_bytes, "glob": _path_glob, "rglob": _path_glob,
    "as_posix": _path_part(lambda s: s), "__str__": _path_part(lambda s: s), "__fspath__": _path_part(lambda s: s),
    "mkdir": lambda i, t, a, k, ln: None, "unlink": lambda i, t, a, k, ln: None, "write_text": lambda i, t, a, k, ln: _write_path(i, t, a, ln),
    "write_bytes": lambda i, t, a, k, ln: _write_path(i, t, a, ln), "touch": lambda i, t, a, k, ln: None,
    "open": lambda i, t, a, k, ln: open_file(i, str(t.state), a, k, ln),
    "joinpath": lambda i, t, a, k, ln: _make_path(i, [t, *a], {}, ln),
    "rename": lambda i, t, a, k, ln: _rename(i, [t, *a], k, ln), "replace": lambda i, t, a, k, ln: _rename(i, [t, *a], k, ln),
    "relative_to": lambda i, t, a, k, ln: _relative_to(t, a, ln),
    "with_suffix": lambda i, t, a, k, ln: path_object(re.sub(r"\.[^./]*$", "", str(t.state)) + (a[0] if isinstance(a[0], str) else "")),
    "with_name": lambda i, t, a, k, ln: path_object(join_text([str(t.state).rpartition("/")[0] or ".", a[0] if isinstance(a[0], str) else "?"])),
}  # fmt: skip
PATH_CLASS = NativeClass("Path", _make_path)


def _parent(text: str) -> str:
    """The folder a path lies in. A relative path is taken from the script's folder, whose own parent is `..`: scripts
    ask for it of resolved paths."""
    if text in ("/", ""):
        return text or ".."
    if text == "." or text == ".." or text.endswith("/.."):
        return ".." if text == "." else f"../{text}"
    return text.rpartition("/")[0] or ("/" if text.startswith("/") else ".")


def path_attribute(target: NativeObject, name: str) -> Value:
    """`name`, `stem`, `suffix`, `parent`, `parts` of a path, or MISSING."""
    text = str(target.state)
    last = text.rsplit("/", 1)[-1]
    if name == "name":
        return last
    if name == "stem":
        return last.rsplit(".", 1)[0] if "." in last[1:] else last
    if name == "suffix":
        return "." + last.rsplit(".", 1)[1] if "." in last[1:] else ""
    if name == "parent":
        return path_object(_parent(text))
    if name == "parents":
        out: list[Value] = []
        while text != "/" and len(out) < 16:
            text = _parent(text)
            out.append(path_object(text))
        return out
    if name == "parts":
        return pathlib.PurePosixPath(text).parts
    return MISSING


def open_file(interp: Interp, text: str, args: Args, kwargs: Kwargs, line: int) -> Value:
    mode = args[0] if args else kwargs.get("mode", "r")
    if not isinstance(mode, str) or any(c in mode for c in "wax+"):
        if not isinstance(mode, str) or "+" in mode:
            write_file(interp, text, Opaque("a file opened for reading and writing", line), line)
        else:
            write_file(interp, text, b"", line, append="a" in mode)
        return NativeObject("output file", OUTPUT_METHODS, text)
    if stream_kind(text) is not None and interp.stream:
        return NativeObject("shard file", SHARD_FILE_METHODS, [text, 0])
    data = sibling(interp, text)
    if data is None:
        return Opaque(f"content of {text[-60:]}", line, "config")
    if len(data) > interp.limits.string_chars:
        raise LimitTripped("string_chars", interp.limits.string_chars)
    content: Any = data
    if "b" not in mode:
        try:
            content = data.decode("utf-8")
        except UnicodeDecodeError:
            raise raise_in_script("UnicodeDecodeError", "cannot decode", line) from None
    return NativeObject("input file", INPUT_METHODS, [content, 0, text])


def _input_read(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    content, at, _ = target.state
    n = scalar(args[0]) if args else None
    end = at + n if isinstance(n, int) and n >= 0 else len(content)
    target.state[1] = min(end, len(content))
    return content[at:end]


def _input_lines(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    content = target.state[0]
    return (
        interp.made(content.splitlines(True)) if isinstance(content, str) else Opaque("lines of bytes", line)
    )


INPUT_METHODS: dict[str, NativeMethod] = {
    "read": _input_read, "readlines": _input_lines, "close": lambda i, t, a, k, ln: None,
    "__enter__": lambda i, t, a, k, ln: t, "__exit__": lambda i, t, a, k, ln: None,
    "seek": lambda i, t, a, k, ln: t.state.__setitem__(1, max(0, a[0])) if isinstance(a[0], int) else None,
}  # fmt: skip
OUTPUT_METHODS: dict[str, NativeMethod] = {
    name: (lambda i, t, a, k, ln: None) for name in ("close", "flush", "__exit__", "fileno")
}
OUTPUT_METHODS["__enter__"] = lambda i, t, a, k, ln: t
OUTPUT_METHODS["write"] = lambda i, t, a, k, ln: write_file(i, t.state, a[0] if a else b"", ln, append=True)
for _name in ("writelines", "seek", "truncate"):
    OUTPUT_METHODS[_name] = lambda i, t, a, k, ln: write_file(
        i, t.state, Opaque("a file that is rewritten", ln), ln
    )


def _shard_read(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    text, at = target.state
    n = scalar(args[0]) if args else None
    if not isinstance(n, int) or n < 0:
        n = SHARD_HEADER_BYTES + 2 * len(interp.stream) - at
    target.state[1] = at + n
    return NativeObject("shard bytes", {}, (text, at, n))


SHARD_FILE_METHODS: dict[str, NativeMethod] = {
    "read": _shard_read, "close": lambda i, t, a, k, ln: None, "__enter__": lambda i, t, a, k, ln: t,
    "__exit__": lambda i, t, a, k, ln: None,
    "seek": lambda i, t, a, k, ln: t.state.__setitem__(1, a[0]) if isinstance(a[0], int) else None,
    "readinto": lambda i, t, a, k, ln: _readinto(i, t, a, ln),
}  # fmt: skip


def _readinto(interp: Interp, target: NativeObject, args: Args, line: int) -> Value:
    buffer = args[0]
    if isinstance(buffer, NativeObject) and buffer.kind == "memory":
        buffer = buffer.state
    if isinstance(buffer, Tensor):
        text, at = target.state
        found = shard_slice(interp, text, buffer.dtype, at, len(buffer.data), line)
        if (
            isinstance(found, Tensor)
            and len(found.data) == len(buffer.data)
            and interp.changing(buffer, line)
        ):
            buffer.data[:] = found.data
            size = len(buffer.data) * (4 if "32" in buffer.dtype else 2)
            target.state[1] = at + size
            return size
    return Opaque("readinto()", line)


def shard_slice(interp: Interp, text: str, dtype: str, offset: int, count: int | None, line: int) -> Value:
    """Elements of the probe shard from a byte offset: the header as 32-bit integers, ids as 16-bit ones."""
    kind = stream_kind(text)
    stream = interp.stream
    if kind is None or not stream:
        return Opaque(f"content of {text[-60:]}", line, "config")
    values: list[Value]
    if dtype in ("int32", "uint32") and offset < SHARD_HEADER_BYTES:
        values = [20240520, 1, stream_length(len(stream)), *[0] * 253][offset // 4 :]
    elif dtype in ("uint16", "int16") and offset >= SHARD_HEADER_BYTES:
        at = (offset - SHARD_HEADER_BYTES) // 2
        values = list(stream[at:]) if kind == "tokens" else list(interp.sidecar[at:])
        interp.shards_read.add("val" if "val" in text.rsplit("/", 1)[-1].lower() else "other")
    elif dtype in ("uint16", "int16"):
        # The header read as if it were tokens: its words are plain numbers in front of the stream's tokens.
        words = [part for word in (20240520, 1, len(stream)) for part in (word & 0xFFFF, word >> 16)]
        values = [*words, *[0] * 506][offset // 2 :]
        values += list(stream) if kind == "tokens" else list(interp.sidecar)
    else:
        return Opaque(f"shard read as {dtype}", line)
    if count is not None and count >= 0:
        values = values[:count]
    interp.cells(len(values))
    return Tensor(values, (len(values),), dtype)


def read_array_file(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`np.fromfile` and `np.memmap` of a shard."""
    source = args[0] if args else kwargs.get("file", kwargs.get("filename"))
    given = kwargs.get("dtype", args[1] if len(args) > 1 else None)
    dtype = dtype_of(given) or "float64"
    count = scalar(kwargs.get("count", args[2] if len(args) > 2 else -1))
    offset = scalar(kwargs.get("offset", 0))
    shape = kwargs.get("shape")
    if isinstance(shape, (tuple, list)) and len(shape) == 1:
        count = scalar(shape[0])
    elif isinstance(shape, int):
        count = shape
    if isinstance(source, NativeObject) and source.kind == "shard file":
        text, at = source.state
        if isinstance(count, int):
            size = 4 if "32" in dtype else 2
            found = shard_slice(interp, text, dtype, at, count, line)
            if isinstance(found, Tensor):
                source.state[1] = at + size * len(found.data)
            return found
    name = path_text(source)
    if name is None or not isinstance(offset, int):
        return first_unknown([source, offset]) or Opaque("fromfile()", line)
    return shard_slice(interp, name, dtype, offset, count if isinstance(count, int) else None, line)


def read_tokens(interp: Interp, data: Value, dtype: str, kwargs: Kwargs, line: int) -> Value:
    """`frombuffer` of bytes that came out of a shard, or MISSING."""
    if not isinstance(data, NativeObject) or data.kind != "shard bytes":
        return MISSING
    text, at, n = data.state if isinstance(data.state, tuple) else (data.state, 0, None)
    offset = scalar(kwargs.get("offset", 0))
    count = scalar(kwargs.get("count", -1))
    if not isinstance(offset, int) or not isinstance(count, int):
        return Opaque("frombuffer()", line)
    size = 4 if "32" in dtype else 2
    if count < 0 and n is not None:
        count = (n - offset) // size
    return shard_slice(interp, text, dtype, at + offset, count if count >= 0 else None, line)


def load_npz(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`np.load` of a table file beside the script; never with pickle."""
    text = path_text(args[0]) if args else None
    if text is None:
        return first_unknown(args) or Opaque("load() of something that is no path", line)
    own = saved_value(interp, text, line)
    if own is not MISSING:
        return own
    interp.tables_read.add(text.rsplit("/", 1)[-1])
    data = sibling(interp, text)
    if data is None:
        return Opaque(f"the table file {text.rsplit('/', 1)[-1]} is not beside the script", line, "npz")
    if interp.read_npz is None:
        return Opaque("table files are not read in this evaluation", line, "npz")
    try:
        arrays = interp.read_npz(data, text)
    except DataError as error:
        return Opaque(f"the table file cannot be read: {error}", line, "npz")
    out: dict[Value, Value] = {}
    for name, array in arrays.items():
        dtype = dtype_of(array.dtype) or (
            "object" if not array.values or isinstance(array.values[0], str) else "int64"
        )
        interp.cells(len(array.values))
        out[name] = Tensor(cast_all(list(array.values), dtype), array.shape, dtype)
        out[name].library = "numpy"
    made = NativeObject("npz", NPZ_METHODS, out)
    return made


NPZ_METHODS: dict[str, NativeMethod] = {
    "keys": lambda i, t, a, k, ln: i.made(list(t.state)), "close": lambda i, t, a, k, ln: None,
    "get": lambda i, t, a, k, ln: t.state.get(a[0], a[1] if len(a) > 1 else None) if isinstance(a[0], str) else None,
    "__enter__": lambda i, t, a, k, ln: t, "__exit__": lambda i, t, a, k, ln: None,
    "items": lambda i, t, a, k, ln: i.made(list(t.state.items())),
}  # fmt: skip


# ---------------------------------------------------------------------------------------------------------
# os, sys, time, json, …


TOY_SETTINGS: tuple[tuple[re.Pattern[str], int], ...] = (
    (
        re.compile(
            r"(?i)^(?!.*(max_|num_)?doc).*(seq_?len|context_?len|ctx_?len|sequence_?length|block_?size|max_seqlen)(th)?$"
        ),
        16,
    ),
    (re.compile(r"(?i)^.*stride$"), 4),
    (re.compile(r"(?i)^.*min_doc_?(len|length|tokens)$"), 16),
    (re.compile(r"(?i)^.*(val|eval|sliding).*batch.*(tokens|size)$|^val_batch$|^.*batch_tokens$"), 128),
    (re.compile(r"(?i)^.*batch_seqs$|^.*(eval|ttt|slot|sw).*(batch(_size)?|bsz|batch_sz)$"), 4),
    (re.compile(r"(?i)^.*chunk_?(tokens|size|len|sz)$|^ttt_chunk$"), 32),
)
"""Sizes of the evaluation are scaled down for the probe stream; the per-token arithmetic does not depend on them."""


_LONG_CHUNK = 1024
"""A chunk shorter than this is a part of a sequence, here as in a real run; longer ones hold several."""


def toy_setting(name: str, value: Value) -> Value:
    """The scaled-down value of a setting of that name, or the value itself."""
    text = value if isinstance(value, str) else ""
    number = int(text) if text.isdigit() and len(text) < 12 else value
    if not isinstance(number, int) or isinstance(number, bool) or number <= 0:
        return value
    for pattern, small in TOY_SETTINGS:
        if len(name) < 60 and pattern.match(name):
            real = float(number)
            if small == 32 and number < _LONG_CHUNK:
                small = 8
            small = min(number, small)
            return ScaledText.of(str(small), real, real) if text else Scaled.of(small, real, real)
    return value


def environ_get(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """An environment variable has the value that the script gave it. Any other is taken to be unset, so that its default
    counts, and the report says so; but for the few settings that the caller gives (those that the run's log prints)."""
    name = args[0] if args else kwargs.get("key")
    default = args[1] if len(args) > 1 else kwargs.get("default")
    if not isinstance(name, str):
        return (
            default
            if name is None
            else Opaque("an environment variable whose name is unknown", line, "config")
        )
    if name == "VOCAB_SIZE" and interp.vocab_size:
        return str(interp.vocab_size) if isinstance(default, str) or default is None else interp.vocab_size
    if interp.environment_spoiled:
        return Opaque(interp.environment_spoiled, line, "config")
    own = interp.environment_set.get(name)
    if own is not None and own is not MISSING:
        return toy_setting(name, own)
    if len(interp.environment) < 2000:
        interp.environment[name] = str(default)[:200] if isinstance(default, (str, int, float)) else ""
    given = interp.settings.get(name) if own is None else None
    if given is None and own is None and name in _OF_PROCESS:
        return _of_process(interp, name, default, line)
    return toy_setting(name, default if given is None else given)


_OF_PROCESS: dict[str, Process] = {
    "RANK": lambda rank, processes: rank, "LOCAL_RANK": lambda rank, processes: rank,
    "WORLD_SIZE": lambda rank, processes: processes, "LOCAL_WORLD_SIZE": lambda rank, processes: processes,
}  # fmt: skip
"""Environment variables that a launcher gives each process its own of."""


def _of_process(interp: Interp, name: str, default: Value, line: int) -> Value:
    """Such a variable: its default in a run of one process."""
    interp.many_processes = True
    on = _OF_PROCESS[name]
    if interp.process is not None:
        number = on(*interp.process)
        is_text = isinstance(default, str) or default is None
        return ScaledText.of(str(number), number, number) if is_text else exactly(number)
    text = default if isinstance(default, (str, int)) else None
    number = int(text) if text is not None and re.fullmatch(r"-?\d{1,3}", str(text)) else None
    if number is None:
        return Opaque(f"environment variable {name}", line, "config")
    made = of_process(number, min(number, 0), MOST_PROCESSES, on)
    if not isinstance(text, str):
        return made
    written = ScaledText.of(text, made.low, made.high)
    written.on = on
    return written


def environ_set(interp: Interp, name: Value, value: Value, line: int) -> None:
    """`os.environ[name] = value`; `MISSING` deletes."""
    if not isinstance(name, str) or len(interp.environment_set) >= 2000:
        interp.environment_spoiled = "an environment variable whose name is unknown was set"
        return
    if interp.fresh:
        value = Opaque(f"environment variable {name} set under an unknown condition", line, "config")
    interp.environment_set[name] = value


def environ_item(interp: Interp, name: Value, line: int) -> Value:
    """`os.environ[name]`, which no default makes known."""
    own = interp.environment_set.get(name) if isinstance(name, str) else None
    if isinstance(name, str) and not interp.environment_spoiled:
        if own is not None and own is not MISSING:
            return environ_get(interp, [name], {}, line)
        if len(interp.environment) < 2000:
            interp.environment[name] = ""
        if own is None and name in _OF_PROCESS and name not in interp.settings:
            return _of_process(interp, name, "1" if "SIZE" in name else "0", line)
        return Opaque(f"environment variable {name} without a default", line, "config")
    return Opaque(interp.environment_spoiled or "environment variable", line, "config")


def environ_contains(interp: Interp, name: Value, line: int) -> Value:
    """`name in os.environ`."""
    if not isinstance(name, str) or interp.environment_spoiled:
        return Opaque("membership in the environment", line, "config")
    own = interp.environment_set.get(name)
    if own is None and name in _OF_PROCESS and name not in interp.settings:
        interp.many_processes = True
        if interp.process is not None:
            return True
        return OnProcess(f"whether {name} is set", line, lambda rank, processes: processes > 1)
    return own is not MISSING if own is not None else name in interp.settings


def _environ_setdefault(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    value = args[1] if len(args) > 1 else None
    if args and environ_contains(interp, args[0], line) is False:
        environ_set(interp, args[0], value, line)
    return environ_get(interp, [args[0], value] if args else [], {}, line)


def _environ_pop(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    found = environ_get(interp, args, kwargs, line) if len(args) > 1 else environ_item(interp, args[0], line)
    environ_set(interp, args[0], MISSING, line)
    return found


def _environ_update(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    for source in (*args[:1], kwargs):
        if isinstance(source, dict):
            for name, value in source.items():
                environ_set(interp, name, value, line)
        elif not (isinstance(source, NativeObject) and source.kind == "environ"):
            interp.environment_spoiled = "the environment was updated with something unknown"
    return None


def _environ_clear(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    interp.environment_spoiled = "the environment was cleared"
    return None


ENVIRON_METHODS: dict[str, NativeMethod] = {
    "get": lambda i, t, a, k, ln: environ_get(i, a, k, ln),
    "setdefault": _environ_setdefault,
    "pop": _environ_pop,
    "copy": lambda i, t, a, k, ln: i.made({n: v for n, v in i.environment_set.items() if v is not MISSING}),
    "update": _environ_update,
    "clear": _environ_clear,
    "items": lambda i, t, a, k, ln: i.made([]),
}


def os_module() -> Module:
    module = Module("os", lambda name: Opaque(f"os.{name}", 0, "config"))
    functions(
        module,
        {
            "getenv": environ_get, "makedirs": none, "mkdir": none, "remove": none, "unlink": none, "listdir": unknown("files"),
            "getcwd": lambda i, a, k, ln: ".", "cpu_count": lambda i, a, k, ln: 8, "getpid": lambda i, a, k, ln: 1000, "chdir": none,
            "fspath": lambda i, a, k, ln: path_text(a[0]) or Opaque("path", ln), "putenv": none,
            "_exit": none, "replace": _rename, "rename": _rename, "fsync": none, "link": _rename, "symlink": _rename,
        },
    )  # fmt: skip
    module.attributes["environ"] = NativeObject("environ", ENVIRON_METHODS, {})
    module.attributes.update(sep="/", linesep="\n", name="posix")
    path = Module("os.path", lambda name: Opaque(f"os.path.{name}", 0, "config"))

    def text_call(f: Callable[[str], Value]) -> Call:
        def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
            text = path_text(args[0])
            return f(text) if text is not None else first_unknown(args) or Opaque("path", line)

        return run

    def exists(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        text = path_text(args[0])
        return (
            _path_exists(interp, path_object(text), [], {}, line)
            if text is not None
            else Opaque("path", line, "config")
        )

    def size(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        text = path_text(args[0])
        if text is not None and stream_kind(text) is not None and interp.stream:
            return _shard_size(interp, line)
        return Opaque("file size", line, "config")

    def join(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        parts = [path_text(a) for a in args]
        if not parts or any(p is None for p in parts):
            return first_unknown(args) or Opaque("path from something that is no text", line)
        if sum(len(p or "") for p in parts) > 8192:
            raise LimitTripped("string_chars", 8192, "path")
        return posixpath.join(*[p for p in parts if p is not None])

    functions(
        path,
        {
            "join": join, "exists": exists, "isfile": exists, "isdir": exists, "getsize": size,
            "basename": text_call(posixpath.basename), "dirname": text_call(posixpath.dirname),
            "split": text_call(posixpath.split), "isabs": text_call(posixpath.isabs),
            "abspath": text_call(lambda s: s), "realpath": text_call(lambda s: s), "expanduser": text_call(lambda s: s),
            "normpath": text_call(posixpath.normpath), "splitext": text_call(posixpath.splitext),
        },
    )  # fmt: skip
    module.attributes["path"] = path
    return module


def _log(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """A line of a log: what it shows is reported to the observer."""
    if len(args) > 1 and isinstance(args[0], str):
        percent_format(interp, args[0], tuple(args[1:]), line)
    return None


def _shuffle(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    for value in args[:1]:
        spoil(value, "shuffled", line)
    return None


def _at_exit(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if args and not isinstance(args[0], Opaque):
        interp.at_exit.append((args[0], args[1:], kwargs, line))
    return args[0] if args else None


def _on_signal(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """A handler may run at any time, or never."""
    handler = args[1] if len(args) > 1 else kwargs.get("handler")
    handler = handler.function if isinstance(handler, BoundMethod) else handler
    if isinstance(handler, Function):
        from pgolf.untrusted.statements import spoil_reachable

        spoil_reachable(handler.frame, handler.code.node, "changed by a handler of signals", line)
    return None


def _report_fields(interp: Interp, value: Value, line: int, depth: int = 0) -> None:
    """Report each value of a dictionary under its key, dictionaries inside it included."""
    held = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    if isinstance(value, dict):
        for key, shown in value.items():
            if isinstance(key, str):
                interp.observer.formatted(interp, shown, key, line)
    if depth < 8:
        for inner in held:
            if isinstance(inner, (dict, list, tuple)):
                _report_fields(interp, inner, line, depth + 1)


def _json_dump(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`json.dump` and `dumps`: each value of a dictionary is reported under its key."""
    first = args[0] if args else None
    _report_fields(interp, first, line)
    target = args[1] if len(args) > 1 else kwargs.get("fp")
    text = _json_text(interp, first, {k: v for k, v in kwargs.items() if k != "fp"}, line)
    if target is None:
        return text
    if isinstance(target, NativeObject) and target.kind == "output file":
        write_file(interp, target.state, text, line, append=True)
    return None


def _json_loads(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    text = args[0]
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if isinstance(text, str):
        if text.count("[") + text.count("{") > 200_000:
            return Opaque("deep JSON", line)
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise raise_in_script("ValueError", "not JSON", line) from None
        interp.cells(len(text) >> 2)
        return value
    return text if isinstance(text, Opaque) else Opaque("JSON", line)


def _json_load(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if isinstance(args[0], NativeObject) and args[0].kind == "input file":
        return _json_loads(interp, [args[0].state[0]], {}, line)
    return args[0] if isinstance(args[0], Opaque) else Opaque("JSON", line)


def _partial(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    target, first, named = args[0], args[1:], dict(kwargs)
    if isinstance(target, Opaque) and not (first or named):
        return target
    return Intrinsic("partial", lambda i, a, k, ln: i.call(target, [*first, *a], {**named, **k}, ln))


def _reduce(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    items = items_of(interp, args[1], line)
    if len(args) > 2:
        items.insert(0, args[2])
    if not items:
        raise raise_in_script("TypeError", "reduce() of nothing", line)
    acc = items[0]
    for x in items[1:]:
        acc = interp.call(args[0], [acc, x], {}, line)
    return acc


def _wrapper(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`lru_cache`, `cache`, `wraps(f)`: as a decorator, the function itself."""
    if args and isinstance(args[0], (Function, Intrinsic)) and not kwargs:
        return args[0]
    return Intrinsic("decorator", lambda i, a, k, ln: a[0])


def _wraps(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    return Intrinsic("wraps", lambda i, a, k, ln: a[0])


def _namespace(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    made = Instance(ClassValue("SimpleNamespace", [], {}, "", line))
    made.attributes.update(kwargs)
    interp.register(made)
    return made


def _namedtuple(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    from pgolf.untrusted.objects import make_dataclass

    names = args[1] if len(args) > 1 else kwargs.get("field_names")
    if isinstance(names, str):
        names = names.replace(",", " ").split()
    if not isinstance(names, (list, tuple)) or not all(isinstance(n, str) for n in names):
        return Opaque("namedtuple()", line)
    made = ClassValue(str(args[0]), [], {"%annotations": list(names), "%tuple": True}, "", line)
    return make_dataclass(made)


def call_builtin(interp: Interp, name: str, args: Args, kwargs: Kwargs, line: int) -> Value:
    """A built-in as it is, whatever the script has made of its name."""
    made = BUILTINS[name]
    return made.construct(interp, args, kwargs, line) if isinstance(made, NativeClass) else Opaque(name, line)


def _defaultdict(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    made = call_builtin(interp, "dict", args[1:], kwargs, line)
    if isinstance(made, dict) and args and args[0] is not None:
        interp.factories[id(made)] = (made, args[0])
    return made


def _counter(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    out: dict[Value, Value] = {}
    if kwargs:
        return Opaque("Counter() of counts", line)
    if args:
        if isinstance(args[0], (Opaque, dict)):
            return args[0] if isinstance(args[0], Opaque) else Opaque("Counter() of counts", line)
        for x in items_of(interp, args[0], line):
            x = scalar(x)
            if isinstance(x, Opaque):
                return x
            if isinstance(x, (int, str, bytes, float, tuple)):
                out[x] = out.get(x, 0) + 1
    interp.factories[id(out)] = (out, Intrinsic("int", lambda i, a, k, ln: 0))
    return interp.made(out)


def _deque(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if first_unknown(args) is not None:
        return first_unknown(args)
    if len(args) > 1 or kwargs.get("maxlen") is not None:
        return Opaque("a deque of limited length", line)
    made = interp.made(items_of(interp, args[0], line) if args else [])
    interp.deques[id(made)] = made
    return made


def _chain(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    found = first_unknown(args)
    return (
        found if found is not None else interp.iterator([x for a in args for x in items_of(interp, a, line)])
    )


def _product(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    out: list[tuple[Value, ...]] = [()]
    times = kwargs.get("repeat", 1)
    if type(times) is not int or not 0 <= times <= 16:
        return Opaque("product() with an unknown number of repeats", line)
    for a in [items_of(interp, a, line) for a in args] * times:
        column = a
        interp.cells(len(out) * len(column))
        out = [(*row, x) for row in out for x in column]
    return interp.iterator(out)


def _islice(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    bounds = args[1:]
    source = interp.iterate(args[0], line)
    unknown = first_unknown([source, *bounds])
    if unknown is not None:
        return unknown
    if not all(b is None or type(b) is int for b in bounds):
        return Opaque("islice()", line)
    try:
        part = itertools.islice(source, *bounds)
    except ValueError:
        raise raise_in_script("ValueError", "islice() bounds", line) from None
    stop = bounds[0] if len(bounds) == 1 else bounds[1]
    return interp.iterator(part if stop is None else _noting_the_end(interp, part, bounds, stop, line))


def _noting_the_end(
    interp: Interp, part: Iterable[Value], bounds: Args, stop: int, line: int
) -> Iterator[Value]:
    """Items of a stretch; one that ends before its bound would be longer in a real run."""
    start, step = (bounds[0] or 0, (bounds[2:] or [1])[0] or 1) if len(bounds) > 1 else (0, 1)
    n = 0
    for x in part:
        n += 1
        yield x
    if n < len(range(start, stop, step)):
        interp.at_scale(f"takes the first {stop}", line)


def _accumulate(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if len(args) > 1 or kwargs:
        return Opaque("accumulate() with options", line)
    source = interp.iterate(args[0], line)
    return source if isinstance(source, Opaque) else interp.iterator(_sums(interp, source, line))


def _sums(interp: Interp, source: Iterable[Value], line: int) -> Iterator[Value]:
    acc: Value = MISSING
    for x in source:
        acc = x if acc is MISSING else binary(interp, "Add", acc, x, line)
        yield acc


def _count(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    start, step = (*args, *[0, 1][len(args) :])[:2]
    if type(start) is not int or type(step) is not int or kwargs:
        return Opaque("count()", line)
    return interp.iterator(start + step * i for i in itertools.count())


def _add_argument(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    names = [a for a in args if isinstance(a, str)]
    if names:
        long = next((n for n in names if n.startswith("--")), names[0])
        dest = kwargs.get("dest", long.lstrip("-").replace("-", "_"))
        action = kwargs.get("action")
        default = kwargs.get(
            "default", False if action == "store_true" else True if action == "store_false" else MISSING
        )
        if default is MISSING:
            default = (
                Opaque(f"command-line argument {long}", line, "config")
                if not long.startswith("--") or kwargs.get("required")
                else None
            )
        if isinstance(dest, str):
            if isinstance(default, str) and isinstance(kwargs.get("type"), NativeClass):
                default = interp.call(kwargs["type"], [default], {}, line)
            target.state[dest] = toy_setting(dest, default)
    return Module("argument")


def _parse_args(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    return _namespace(interp, [], dict(target.state), line)


PARSER_METHODS: dict[str, NativeMethod] = {
    "add_argument": _add_argument, "parse_args": _parse_args,
    "parse_known_args": lambda i, t, a, k, ln: (_parse_args(i, t, a, k, ln), []),
    "add_argument_group": lambda i, t, a, k, ln: t, "add_mutually_exclusive_group": lambda i, t, a, k, ln: t,
    "set_defaults": lambda i, t, a, k, ln: t.state.update(k), "error": lambda i, t, a, k, ln: None,
    "print_help": lambda i, t, a, k, ln: None,
}  # fmt: skip


def _dataclass_field(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    from pgolf.untrusted.objects import field_spec

    return field_spec(kwargs)


def _asdict(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if isinstance(args[0], Instance):
        return interp.made({k: v for k, v in args[0].attributes.items() if not k.startswith("%")})
    return Opaque("asdict()", line)


def _re_call(name: str) -> Call:
    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        return _regex(interp, name, args, kwargs, line)

    return run


_SIMPLE_PATTERN = re.compile(
    r"(?:\\[dwsDWS.\-_/|<>\[\]()]|[\w\s<>=:,\-/#%@!\"'&;~`]|\[[^\[\]\\]{1,40}\]|\.|\^|\$|\(\?:|\(|\)|\||[+*?]|\{\d{1,2}(?:,\d{0,2})?\})*\Z"
)


def _regex(interp: Interp, name: str, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`re.match`, `search`, `fullmatch`, `sub` with a pattern simple enough to be harmless on short text."""
    pattern = args[0]
    text = args[-1] if name != "sub" else args[2] if len(args) > 2 else None
    if isinstance(pattern, NativeObject) and pattern.kind == "pattern":
        pattern = pattern.state
    if kwargs:
        return Opaque("regular expression with options", line)
    if not isinstance(pattern, str) or not isinstance(text, str) or len(text) > 300 or len(pattern) > 60:
        return first_unknown(args) or Opaque("regular expression", line)
    if (
        pattern.count("+") + pattern.count("*") > 3
        or not _SIMPLE_PATTERN.match(pattern)
        or ")+" in pattern
        or ")*" in pattern
    ):
        return Opaque("regular expression that is not plainly linear", line)
    interp.step(len(text))
    try:
        if name == "sub":
            if len(args) > 3:
                return Opaque("re.sub() with a count", line)
            return (
                re.sub(pattern, args[1], text)
                if isinstance(args[1], str) and len(args[1]) < 100
                else Opaque("re.sub()", line)
            )
        found = getattr(re, name)(pattern, text)
    except (re.error, TypeError, RecursionError):
        raise raise_in_script("Exception", "bad pattern", line) from None
    if found is None or name in ("findall", "split"):
        return found
    return NativeObject("match", MATCH_METHODS, [found.group(0), *found.groups()])


def _compiled(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if len(args) == 1 and not kwargs and isinstance(args[0], str):
        return NativeObject("pattern", PATTERN_METHODS, args[0])
    return Opaque("pattern", line)


def _group(target: NativeObject, args: Args, line: int) -> Value:
    """One group of a match, or several as a tuple."""
    if not all(type(a) is int for a in args):
        return first_unknown(args) or Opaque("a group by its name", line)
    if not all(0 <= a < len(target.state) for a in args):
        raise raise_in_script("IndexError", "no such group", line)
    found = [target.state[a] for a in args or [0]]
    return found[0] if len(found) == 1 else tuple(found)


MATCH_METHODS: dict[str, NativeMethod] = {
    "group": lambda i, t, a, k, ln: _group(t, a, ln),
    "groups": lambda i, t, a, k, ln: tuple(t.state[1:]),
}
PATTERN_METHODS: dict[str, NativeMethod] = {
    name: (lambda n: lambda i, t, a, k, ln: _regex(i, n, [t, *a], k, ln))(name)
    for name in ("match", "search", "fullmatch", "sub", "findall")
}


def standard_modules(interp: Interp) -> dict[str, Module]:
    """The modelled part of the standard library; everything else there is an unknown module."""
    from pgolf.untrusted.intrinsics.builtin import math_module
    from pgolf.untrusted.intrinsics.decoders import decoder_modules

    out: dict[str, Module] = {"os": os_module(), "math": math_module()}
    out["os.path"] = out["os"].attributes["path"]
    table: dict[str, dict[str, Call]] = {
        "glob": {"glob": _glob, "iglob": _glob, "escape": lambda i, a, k, ln: a[0]},
        "json": {"loads": _json_loads, "load": _json_load, "dumps": _json_dump, "dump": _json_dump},
        "functools": {"partial": _partial, "reduce": _reduce, "lru_cache": _wrapper, "cache": _wrapper, "wraps": _wraps},
        "itertools": {
            "chain": _chain, "product": _product, "islice": _islice, "accumulate": _accumulate, "count": _count,
            "repeat": lambda i, a, k, ln: i.iterator([a[0]] * a[1]) if len(a) > 1 and isinstance(a[1], int) and a[1] < 1_000_000 else Opaque("repeat()", ln),  # noqa: E501
            "cycle": unknown("cycle()"),
        },
        "collections": {"defaultdict": _defaultdict, "OrderedDict": lambda i, a, k, ln: _defaultdict(i, [None, *a], k, ln),
                        "Counter": _counter, "deque": _deque, "namedtuple": _namedtuple},
        "dataclasses": {"dataclass": _wrapper, "field": _dataclass_field, "asdict": _asdict, "fields": unknown("fields()"),
                        "replace": _dataclass_replace},
        "argparse": {"ArgumentParser": lambda i, a, k, ln: NativeObject("ArgumentParser", PARSER_METHODS, {}),
                     "Namespace": _namespace},
        "types": {"SimpleNamespace": _namespace, "ModuleType": lambda i, a, k, ln: Module(str(a[0]) if a else "module"),
                  "MethodType": lambda i, a, k, ln: _partial(i, a[:2], {}, ln)},
        "re": {**{n: _re_call(n) for n in ("match", "search", "fullmatch", "sub", "findall", "split")},
               "compile": _compiled},
        "time": {n: unknown("clock") for n in ("time", "perf_counter", "monotonic", "process_time", "time_ns", "strftime")},
        "random": {n: unknown("random numbers") for n in ("random", "randint", "sample", "choice", "uniform")} | {"shuffle": _shuffle},
        "copy": {"copy": lambda i, a, k, ln: a[0] if not isinstance(a[0], (list, dict, Tensor)) else _copy_value(i, a[0], ln),
                 "deepcopy": lambda i, a, k, ln: _copy_value(i, a[0], ln)},
        "contextlib": {"nullcontext": lambda i, a, k, ln: a[0] if a else None, "suppress": lambda i, a, k, ln: NativeObject("suppress", {}, tuple(a)),
                       "contextmanager": lambda i, a, k, ln: Intrinsic("contextmanager", lambda i2, a2, k2, l2: Opaque("context manager", l2))},
        "pickle": {"dump": writes(1)},
        "shutil": {**dict.fromkeys(("copy", "copyfile", "copy2", "move"), _rename), "rmtree": none},
        "tempfile": {"mkdtemp": lambda i, a, k, ln: "/tmp/made", "gettempdir": lambda i, a, k, ln: "/tmp"},  # noqa: S108 - a name in the evaluation
        "uuid": {"uuid4": unknown("uuid", "text")},
        "struct": {"unpack": _struct_unpack, "calcsize": _struct_size, "pack": _struct_pack, "iter_unpack": _struct_iterate},
        "array": {"array": _array_object},
        "asyncio": {"run": lambda i, a, k, ln: a[0] if a else None, "gather": lambda i, a, k, ln: i.made(list(a)),
                    "create_task": lambda i, a, k, ln: a[0] if a else None, "sleep": none},
        "multiprocessing": {"Process": _process, "set_start_method": none, "cpu_count": lambda i, a, k, ln: 8},
        "torch.multiprocessing": {"spawn": _spawn, "Process": _process, "set_start_method": none, "start_processes": _spawn},
        "click": {"command": _decorator, "option": _option, "argument": _option, "group": _decorator, "pass_context": _decorator,
                  "echo": lambda i, a, k, ln: i.call(i.builtins["print"], a, {}, ln)},
        "fire": {"Fire": lambda i, a, k, ln: i.call(a[0], [], {}, ln) if a and isinstance(a[0], Function) else Opaque("Fire()", ln)},
        "typer": {"run": lambda i, a, k, ln: i.call(a[0], [], {}, ln) if a else None, "Option": _first, "Argument": _first},
        "operator": {"itemgetter": unknown("itemgetter"), "add": lambda i, a, k, ln: binary(i, "Add", a[0], a[1], ln)},
        "bisect": {n: unknown(n) for n in ("bisect_left", "bisect_right")},
        "heapq": {"nlargest": unknown("nlargest")},
        "warnings": dict.fromkeys(("warn", "filterwarnings", "simplefilter"), none),
        "gc": dict.fromkeys(("collect", "freeze", "disable", "enable"), none),
        "atexit": {"register": _at_exit}, "signal": {"signal": _on_signal, "alarm": none},
        "unicodedata": {"normalize": _normalize, "category": unknown("category")},
        "logging": {**dict.fromkeys(("info", "warning", "debug", "error"), _log), "basicConfig": none},
    }  # fmt: skip
    for name, calls in table.items():
        out[name] = functions(Module(name, _unmodelled(name)), calls)
    chain = out["itertools"].attributes["chain"]
    from_iterable = Module("itertools.chain")
    from_iterable.attributes["from_iterable"] = Intrinsic(
        "chain.from_iterable", lambda i, a, k, ln: _chain(i, items_of(i, a[0], ln), {}, ln)
    )
    out["itertools"].attributes["chain"] = NativeClass("chain", chain.call)
    out["itertools"].attributes["chain"].attributes.update(from_iterable.attributes)
    pathlib = Module("pathlib", _unmodelled("pathlib"))
    path_class = NativeClass("Path", _make_path)
    path_class.attributes["cwd"] = Intrinsic("Path.cwd", lambda i, a, k, ln: path_object("."))
    path_class.attributes["home"] = Intrinsic("Path.home", lambda i, a, k, ln: path_object("~"))
    pathlib.attributes.update(Path=path_class, PosixPath=path_class, PurePath=path_class)
    out["pathlib"] = pathlib
    system = Module("sys", _unmodelled("sys"))
    system.attributes.update(
        argv=interp.made(["train.py"]), version="3.12.0", executable="python", platform="linux", maxsize=2**63 - 1,
        version_info=(3, 12, 0, "final", 0), byteorder="little", path=interp.made(["."]), exit=Intrinsic("sys.exit", _exit),
        stdout=Opaque("stdout", 0, "config"), stderr=Opaque("stderr", 0, "config"), modules=interp.made({}),
        setrecursionlimit=Intrinsic("sys.setrecursionlimit", none), flags=Opaque("flags", 0, "config"),
    )  # fmt: skip
    out["sys"] = system
    typing = Module("typing", lambda name: NativeClass(name, lambda i, a, k, ln: a[-1] if a else None))
    out["typing"] = out["typing_extensions"] = out["collections.abc"] = typing
    out.update(decoder_modules())
    return out


def _exit(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    raise raise_in_script("SystemExit", "", line)


def _unmodelled(name: str) -> Callable[[str], Value]:
    return lambda attribute: Opaque(f"{name}.{attribute} is not modelled", 0, "external")


def _dataclass_replace(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    source = args[0] if args else None
    fields = source.cls.lookup("%fields") if isinstance(source, Instance) else MISSING
    if not isinstance(source, Instance) or fields is MISSING:
        return source if isinstance(source, Opaque) else Opaque("replace() of no dataclass", line)
    from pgolf.untrusted.objects import is_set_late

    known = {
        name: source.attributes[name]
        for name, default in fields
        if name in source.attributes and not is_set_late(default)
    }
    return interp.call(source.cls, [], {**known, **kwargs}, line)


def _copy_value(interp: Interp, value: Value, line: int, depth: int = 0) -> Value:
    if depth > 20:
        return Opaque("copy of a deeply nested value", line)
    interp.step()
    if isinstance(value, Tensor):
        interp.cells(len(value.data))
        copied = Tensor(list(value.data), value.shape, value.dtype)
        copied.source, copied.library = value, value.library
        return copied
    if isinstance(value, list):
        return interp.made([_copy_value(interp, x, line, depth + 1) for x in value])
    if isinstance(value, dict):
        return interp.made({k: _copy_value(interp, x, line, depth + 1) for k, x in value.items()})
    if isinstance(value, tuple):
        return tuple(_copy_value(interp, x, line, depth + 1) for x in value)
    if isinstance(value, Instance):
        made = Instance(value.cls)
        made.attributes.update(
            {k: _copy_value(interp, x, line, depth + 1) for k, x in value.attributes.items()}
        )
        interp.register(made)
        return made
    if type(value) is Opaque:
        return Opaque(value.reason, value.line, value.origin)  # as unknown, and another one
    return value


def _struct_unpack(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    import struct

    form, data = args[0], args[1]
    if isinstance(form, str) and len(form) < 40 and not re.search(r"\d{5,}", form):
        if isinstance(data, bytes):
            try:
                return tuple(struct.unpack(form, data))
            except struct.error:
                raise raise_in_script("Exception", "unpack()", line) from None
        if isinstance(data, NativeObject) and data.kind == "shard bytes" and isinstance(data.state, tuple):
            text, at, n = data.state
            header = shard_slice(interp, text, "int32", at, n // 4, line)
            if isinstance(header, Tensor) and re.fullmatch(r"[<=]?\d*[iI]", form):
                return tuple(header.data)
    return Opaque("struct.unpack()", line)


def _struct_pack(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    import struct

    form, values = args[0], [scalar(v) for v in args[1:]]
    if (
        isinstance(form, str)
        and len(form) < 40
        and not re.search(r"\d{5,}", form)
        and all(isinstance(v, (int, float, bytes)) for v in values)
    ):
        try:
            return struct.pack(form, *[int(v) if isinstance(v, bool) else v for v in values])
        except (struct.error, OverflowError):
            raise raise_in_script("Exception", "pack()", line) from None
    return first_unknown(values) or Opaque("struct.pack()", line)


def _struct_iterate(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    import struct

    form, data = args[0], args[1] if len(args) > 1 else None
    if (
        isinstance(form, str)
        and len(form) < 40
        and isinstance(data, bytes)
        and not re.search(r"\d{5,}", form)
    ):
        interp.cells(len(data))
        try:
            return interp.made([tuple(row) for row in struct.iter_unpack(form, data)])
        except struct.error:
            raise raise_in_script("Exception", "iter_unpack()", line) from None
    return Opaque("struct.iter_unpack()", line)


_ARRAY_RANGES = {"b": 8, "B": 8, "h": 16, "H": 16, "i": 32, "I": 32, "l": 64, "L": 64, "q": 64, "Q": 64}


def _array_object(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`array.array("h", values)` as a list of numbers; one that is given bytes, or values out of its range, is unknown."""
    code = args[0] if args else None
    if not isinstance(code, str) or code not in _ARRAY_RANGES:
        return Opaque("array.array() of another kind", line)
    if len(args) < 2:
        return interp.made([])
    if isinstance(args[1], (bytes, bytearray, str)):
        return Opaque("array.array() of bytes", line)
    values = [scalar(v) for v in items_of(interp, args[1], line)]
    bits = _ARRAY_RANGES[code]
    low, high = (0, 2**bits) if code.isupper() else (-(2 ** (bits - 1)), 2 ** (bits - 1))
    if any(not isinstance(v, int) or not low <= v < high for v in values):
        return first_unknown(values) or Opaque("array.array() of other values", line)
    return interp.made([int(v) for v in values])


def _decorator(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """A decorator of a command-line library, with or without arguments: the function stays what it is."""
    if args and isinstance(args[0], (Function, Intrinsic)):
        return args[0]
    return Intrinsic("decorator", lambda i, a, k, ln: a[0] if a else None)


def _option(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`@click.option("--model-path", default=…)`: the function is called with the default under that name."""
    names = [a for a in args if isinstance(a, str)]
    plain = next((n for n in names if not n.startswith("-")), None) or max(names, key=len, default="").lstrip(
        "-"
    )
    name = plain.split("/")[0].replace("-", "_").lower()
    if "default" in kwargs:
        value = kwargs["default"]
    elif kwargs.get("is_flag"):
        value = False
    else:
        value = () if kwargs.get("multiple") else Opaque(f"option {name} without a default", line, "config")

    def decorate(interp: Interp, a: Args, k: Kwargs, ln: int) -> Value:
        target = a[0] if a else None
        if isinstance(target, Function):
            options: dict[str, Value] = {}
            found = target
            command = Intrinsic(
                "command",
                lambda i, a2, k2, l2: i.call(found, a2, k2 if a2 else {**options, **k2}, l2),
                options,
            )
        elif isinstance(target, Intrinsic) and target.name == "command" and isinstance(target.receiver, dict):
            command = target
        else:
            return target
        command.receiver[name] = value
        return command

    return Intrinsic("option", decorate)


def _first(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    value = args[0] if args else kwargs.get("default")
    return Opaque("a required argument", line, "config") if value is ... else value


def _spawn(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`mp.spawn(worker, args=(…), nprocs=8)`: the first process."""
    worker = args[0] if args else kwargs.get("fn")
    given = kwargs.get("args", args[1] if len(args) > 1 else ())
    if isinstance(given, (tuple, list)):
        interp.call(worker, [0, *given], {}, line)
        return None
    return Opaque("spawn() with unknown arguments", line)


def _process(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`Process(target=worker, args=(…))`, which runs when it is started."""
    target, given, named = kwargs.get("target"), kwargs.get("args", ()), kwargs.get("kwargs", {})

    def start(i: Interp, t: NativeObject, a: Args, k: Kwargs, ln: int) -> Value:
        if isinstance(given, (tuple, list)) and isinstance(named, dict) and target is not None:
            i.call(target, list(given), {k: v for k, v in named.items() if isinstance(k, str)}, ln)
        return None

    idle: NativeMethod = lambda i, t, a, k, ln: None  # noqa: E731
    return NativeObject("Process", {"start": start, "join": idle, "terminate": idle, "close": idle})


def _plain_json(value: Value, depth: int = 0) -> int:
    """How many nodes a value of plain JSON has, or a huge number for any other."""
    if value is None or isinstance(value, (bool, float, str)) or type(value) is int:
        return 1
    if depth > 12:
        return 1 << 40
    if isinstance(value, (list, tuple)):
        return 1 + sum(_plain_json(v, depth + 1) for v in value)
    if isinstance(value, dict) and all(isinstance(k, str) for k in value):
        return 1 + sum(_plain_json(v, depth + 1) for v in value.values())
    return 1 << 40


_JSON_OPTIONS = frozenset({"indent", "sort_keys", "ensure_ascii"})


def _json_text(interp: Interp, value: Value, kwargs: Kwargs, line: int) -> Value:
    """The text of plain JSON; any other value, and options that could change the text unseen, give something unknown."""
    nodes = _plain_json(value)
    if nodes > 200_000 or not kwargs.keys() <= _JSON_OPTIONS:
        return Opaque("JSON text", line, "text")
    options: dict[str, Any] = {k: v for k, v in kwargs.items() if v is None or isinstance(v, (int, bool))}
    if len(options) < len(kwargs) or (options.get("indent") or 0) > 16:
        return Opaque("JSON text", line, "text")
    interp.cells(nodes)
    interp.step(nodes)
    text = json.dumps(value, **options)
    if len(text) > interp.limits.string_chars:
        raise LimitTripped("string_chars", interp.limits.string_chars, "JSON text")
    return text


def _struct_size(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    import struct

    try:
        return (
            struct.calcsize(args[0])
            if isinstance(args[0], str) and len(args[0]) < 40
            else Opaque("calcsize()", line)
        )
    except struct.error:
        return Opaque("calcsize()", line)


def _normalize(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    import unicodedata

    form, text = args
    if form in ("NFC", "NFD", "NFKC", "NFKD") and isinstance(text, str) and len(text) < 10_000:
        return unicodedata.normalize(form, text)
    return first_unknown(args) or Opaque("normalize()", line)


__all__ = ["open_file", "path_attribute", "sort_values", "standard_modules", "toy_setting"]
