"""The files an evaluation may read.

Files are not the host's. A script that globs for the validation shards is given the probe stream as one shard; a
file that lies beside the script is read through `Siblings`; every other file is unknown.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

from pgolf.errors import DataError, LimitTripped
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.calls import Args, Call, Kwargs, NativeMethod, first_unknown, scalar
from pgolf.untrusted.intrinsics.containers import copy_value
from pgolf.untrusted.intrinsics.element_types import dtype_of
from pgolf.untrusted.intrinsics.texts import decode
from pgolf.untrusted.operators import binary, raise_in_script
from pgolf.untrusted.scaled import stream_length
from pgolf.untrusted.tensor import Tensor, cast_all
from pgolf.untrusted.values import MISSING, Module, NativeClass, NativeObject, Opaque, Value

SHARD_HEADER_BYTES = 1024

_MAX_WRITTEN = 1024


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


def make_path(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
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


def path_exists(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    text = str(target.state)
    if sibling(interp, text) is not None or stream_kind(text) is not None or _is_folder(interp, text):
        return True
    return _unknown_file(target, line)


def is_file(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`Path.is_file`, `os.path.isfile`."""
    text = str(target.state)
    if sibling(interp, text) is not None or stream_kind(text) is not None:
        return True
    return False if _is_folder(interp, text) else _unknown_file(target, line)


def is_folder(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`Path.is_dir`, `os.path.isdir`."""
    text = str(target.state)
    if _is_folder(interp, text):
        return True
    return False if sibling(interp, text) is not None else _unknown_file(target, line)


def _unknown_file(target: NativeObject, line: int) -> Opaque:
    return Opaque(f"whether {str(target.state)[-60:]} exists", line, "config")


def _is_folder(interp: Interp, text: str) -> bool:
    """Whether a path is a folder that holds files of the submission."""
    if interp.around.siblings is None:
        return False
    plain = text.removeprefix("./").rstrip("/")
    return plain in ("", ".") or any(name.startswith(f"{plain}/") for name in interp.around.siblings.names())


def shard_size(interp: Interp, line: int) -> Value:
    """Bytes of the validation shard, which is larger in a real run."""
    return binary(
        interp,
        "Add",
        SHARD_HEADER_BYTES,
        binary(interp, "Mult", 2, stream_length(len(interp.probe.stream)), line),
        line,
    )


def _stat(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    module = Module("stat_result", lambda name: Opaque(f"file status {name}", line, "config"))
    kind = stream_kind(str(target.state))
    if kind is not None and interp.probe.stream:
        module.attributes["st_size"] = shard_size(interp, line)
    return module


def _read_text(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    data = sibling(interp, str(target.state))
    if data is None:
        return Opaque(f"content of {str(target.state)[-60:]}", line, "config")
    return _as_text(interp, data, args, kwargs, line)


def _as_text(interp: Interp, data: bytes, args: Args, kwargs: Kwargs, line: int) -> Value:
    """The text of a file, decoded as `open` does with `encoding`, `errors` and `newline`."""
    encoding = args[0] if args else kwargs.get("encoding")
    errors = args[1] if len(args) > 1 else kwargs.get("errors")
    newline = args[2] if len(args) > 2 else kwargs.get("newline")
    text = decode(
        interp,
        data,
        ["utf-8" if encoding is None else encoding, "strict" if errors is None else errors],
        {},
        line,
    )
    if not isinstance(text, str) or newline == "":
        return text
    if newline is not None:
        return Opaque("a file with line ends of its own", line)
    return text.replace("\r\n", "\n").replace("\r", "\n")


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
    if not interp.around.written:
        return MISSING
    if "" in interp.around.written:
        return interp.around.written[""]
    plain = text.removeprefix("./")
    found = interp.around.written.get(plain, MISSING)
    if found is MISSING and any(
        n.rsplit("/", 1)[-1] == plain.rsplit("/", 1)[-1] for n in interp.around.written
    ):
        # Which of two folders a relative name means is not followed; a file of that name was written somewhere.
        return Opaque("a file of that name was written", 0, "config")
    return found


def write_file(interp: Interp, name: Value, content: Value, line: int, append: bool = False) -> None:
    """A file is written: text, bytes, or something whose bytes are not known."""
    text = path_text(name)
    if text is None or text.startswith("/dev/"):
        return
    plain = text.removeprefix("./")
    if len(interp.around.written) >= _MAX_WRITTEN and plain not in interp.around.written:
        interp.around.written[""] = Opaque("too many files were written to keep them apart", line, "config")
        return
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    known: bytes | Opaque = Opaque("the file was written with something unknown", line, "config")
    if isinstance(data, (bytes, bytearray)) and not interp.fresh:
        known = bytes(data)
    before = interp.around.written.get(plain) if append else b""
    if append and before is None:
        before = sibling(interp, text)
    if isinstance(known, bytes) and isinstance(before, bytes):
        if len(before) + len(known) > interp.limits.string_chars:
            raise LimitTripped("string_chars", interp.limits.string_chars)
        known = before + known
    elif append:
        known = Opaque("the file was written with something unknown", line, "config")
    interp.cells(len(known) >> 3 if isinstance(known, bytes) else 1)
    interp.around.written[plain] = known
    interp.around.saved.pop(plain, None)


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
                "npz", NPZ_METHODS, {k: copy_value(interp, v, line) for k, v in kwargs.items()}
            )
        if not interp.fresh and saved is not MISSING:
            interp.around.saved[text.removeprefix("./")] = copy_value(interp, saved, line)
        return None

    return run


def saved_value(interp: Interp, target: Value, line: int) -> Value:
    """What the script itself saved under a name and has not written since, or MISSING."""
    text = path_text(target)
    found = MISSING if text is None else interp.around.saved.get(text.removeprefix("./"), MISSING)
    return MISSING if found is MISSING else copy_value(interp, found, line)


def sibling(interp: Interp, text: str) -> bytes | None:
    """A file beside the script, by the last part of its name when a longer path is asked for."""
    found_written = written_file(interp, text)
    if found_written is not MISSING:
        return found_written if isinstance(found_written, bytes) else None
    if interp.around.siblings is None:
        return None
    name = text.rsplit("/", 1)[-1]
    # What lies outside is meant by its whole name only.
    names = (text,) if text.startswith("../") else (text.removeprefix("./"), name)
    for candidate in dict.fromkeys(names):
        found: bytes | None = interp.around.siblings.read(candidate)
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
    if not any(c in pattern for c in "*?[") and sibling(interp, pattern) is not None:
        return interp.made([pattern])
    return Opaque(f"files of {pattern[-60:]}", line, "config")


def glob(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
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


def rename(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`os.replace(a, b)`, `shutil.move(a, b)`."""
    return _put_in_place(interp, args, line, True)


def copy_file(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`shutil.copy(a, b)`, `os.link(a, b)`."""
    return _put_in_place(interp, args, line, False)


def _put_in_place(interp: Interp, args: Args, line: int, moved: bool) -> Value:
    """What stands under the second name is what stood under the first."""
    names = [path_text(a) for a in args[:2]]
    if len(names) == 2 and names[1] is not None:
        data = sibling(interp, names[0]) if names[0] is not None else None
        write_file(interp, names[1], Opaque("a file put in place", line) if data is None else data, line)
        if moved:
            _remove(interp, args, line)
        return args[1]
    return Opaque("a renamed file", line, "config")


def _with_part(name: str) -> NativeMethod:
    def run(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
        if len(args) != 1 or kwargs or isinstance(args[0], Opaque):
            return first_unknown(args) or Opaque(f"{name}() with other arguments", line)
        if not isinstance(args[0], str):
            raise raise_in_script("TypeError", f"{name}() needs text", line)
        try:
            made = getattr(pathlib.PurePosixPath(str(target.state)), name)(str(args[0]))
        except ValueError:
            raise raise_in_script("ValueError", f"{name}() of this path", line) from None
        return path_object(str(made))

    return run


def _remove(interp: Interp, args: Args, line: int) -> Value:
    """A file is removed: whether there still is one of that name is not known."""
    write_file(interp, args[0] if args else None, Opaque("a file that was removed", line), line)
    return None


def remove(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`os.remove(path)`."""
    return _remove(interp, args, line)


PATH_METHODS: dict[str, NativeMethod] = {
    "resolve": lambda i, t, a, k, ln: t, "absolute": lambda i, t, a, k, ln: t, "expanduser": lambda i, t, a, k, ln: t,
    "exists": path_exists, "is_file": is_file, "is_dir": is_folder, "stat": _stat, "read_text": _read_text,
    "read_bytes": _read_bytes, "glob": _path_glob, "rglob": _path_glob,
    "as_posix": _path_part(lambda s: s), "__str__": _path_part(lambda s: s), "__fspath__": _path_part(lambda s: s),
    "mkdir": lambda i, t, a, k, ln: None, "unlink": lambda i, t, a, k, ln: _remove(i, [t], ln),
    "write_text": lambda i, t, a, k, ln: _write_path(i, t, a, ln),
    "write_bytes": lambda i, t, a, k, ln: _write_path(i, t, a, ln), "touch": lambda i, t, a, k, ln: None,
    "open": lambda i, t, a, k, ln: open_file(i, str(t.state), a, k, ln),
    "joinpath": lambda i, t, a, k, ln: make_path(i, [t, *a], {}, ln),
    "rename": lambda i, t, a, k, ln: rename(i, [t, *a], k, ln), "replace": lambda i, t, a, k, ln: rename(i, [t, *a], k, ln),
    "relative_to": lambda i, t, a, k, ln: _relative_to(t, a, ln),
    "with_suffix": _with_part("with_suffix"), "with_name": _with_part("with_name"), "with_stem": _with_part("with_stem"),
}  # fmt: skip

PATH_CLASS = NativeClass("Path", make_path)


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
    if name in ("name", "stem", "suffix"):
        if last in (".", ".."):
            return Opaque("name of a folder that is not followed", 0, "config")
        return getattr(pathlib.PurePosixPath(text), name)
    if name == "parent":
        return path_object(_parent(text))
    if name == "parents":
        out: list[Value] = []
        while text != "/" and len(out) < 16:
            text = _parent(text)
            out.append(path_object(text))
        return NativeObject("parents", {}, out)
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
    if stream_kind(text) is not None and interp.probe.stream:
        return NativeObject("shard file", SHARD_FILE_METHODS, [text, 0])
    data = sibling(interp, text)
    if data is None:
        return Opaque(f"content of {text[-60:]}", line, "config")
    if len(data) > interp.limits.string_chars:
        raise LimitTripped("string_chars", interp.limits.string_chars)
    content: Any = data
    if mode not in ("r", "rt", "tr", "rb", "br", "U", "rU"):
        raise raise_in_script("ValueError", "mode of a file", line)
    if "b" not in mode:
        content = _as_text(interp, data, args[2:], kwargs, line)
        if isinstance(content, Opaque):
            return content
    return NativeObject("input file", INPUT_METHODS, [content, 0, text])


def _input_read(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    content, at, _ = target.state
    if at < 0:
        raise raise_in_script("ValueError", "read of a closed file", line)
    n = scalar(args[0]) if args else None
    end = at + n if isinstance(n, int) and n >= 0 else len(content)
    target.state[1] = min(end, len(content))
    return content[at:end]


def _input_lines(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    content = target.state[0]
    return (
        interp.made(content.splitlines(True)) if isinstance(content, str) else Opaque("lines of bytes", line)
    )


def _close(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    target.state[1] = -1


INPUT_METHODS: dict[str, NativeMethod] = {
    "read": _input_read, "readlines": _input_lines, "close": _close, "__enter__": lambda i, t, a, k, ln: t, "__exit__": _close,
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
        n = SHARD_HEADER_BYTES + 2 * len(interp.probe.stream) - at
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
    stream = interp.probe.stream
    if kind is None or not stream:
        return Opaque(f"content of {text[-60:]}", line, "config")
    values: list[Value]
    if dtype in ("int32", "uint32") and offset < SHARD_HEADER_BYTES:
        values = [20240520, 1, stream_length(len(stream)), *[0] * 253][offset // 4 :]
    elif dtype in ("uint16", "int16") and offset >= SHARD_HEADER_BYTES:
        at = (offset - SHARD_HEADER_BYTES) // 2
        values = list(stream[at:]) if kind == "tokens" else list(interp.probe.sidecar[at:])
        interp.probe.shards_read.add("val" if "val" in text.rsplit("/", 1)[-1].lower() else "other")
    elif dtype in ("uint16", "int16"):
        # The header read as if it were tokens: its words are plain numbers in front of the stream's tokens.
        words = [part for word in (20240520, 1, len(stream)) for part in (word & 0xFFFF, word >> 16)]
        values = [*words, *[0] * 506][offset // 2 :]
        values += list(stream) if kind == "tokens" else list(interp.probe.sidecar)
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
    interp.around.tables_read.add(text.rsplit("/", 1)[-1])
    data = sibling(interp, text)
    if data is None:
        return Opaque(f"the table file {text.rsplit('/', 1)[-1]} is not beside the script", line, "npz")
    if interp.around.read_npz is None:
        return Opaque("table files are not read in this evaluation", line, "npz")
    try:
        arrays = interp.around.read_npz(data, text)
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
