"""Decoders, and files: what the wrapper wrote (in memory only), files beside the script, streams and archives."""

from __future__ import annotations

import io
import posixpath
import zipfile
from typing import Any

from pgolf.errors import LimitTripped
from pgolf.untrusted import codecs
from pgolf.untrusted.payload.operations import Operations
from pgolf.untrusted.payload.state import ROOT
from pgolf.untrusted.payload.values import (
    Archive,
    Bound,
    File,
    PathParents,
    PathValue,
    Step,
    Unknown,
    first_unknown,
)

TEMPORARY = "/__temporary__"
TEMPORARY_MAKERS = frozenset(
    ("tempfile.mkdtemp", "tempfile.gettempdir", "tempfile.mktemp", "os.getcwd", "tempfile.mkstemp")
)


class Files(Operations):
    """A file system of the wrapper's own making over the submission's folder, which is only read."""

    # -- decoders

    def decode(self, dotted: str, args: list[Any], options: dict[str, Any]) -> Any:
        found = codecs.decoder_for(dotted)
        if found is None:
            return self.unknown(f"the result of {dotted}()")
        for each in [*args, *options.values()]:
            if wrong := first_unknown(each):
                return wrong
        args = list(args)
        for name in ("s", "data", "b", "hexstr", "string", "buf"):
            if not args and name in options:
                args = [options[name]]
                options = {key: value for key, value in options.items() if key != name}
        data = args[0]
        if isinstance(data, str):
            data = self.track(codecs.encode_text(data, "ascii", "strict", self.limits), data)
        if isinstance(data, bytearray):
            data = bytes(data)
        if not isinstance(data, bytes):
            return self.unknown(f"{dotted} of something that is not bytes")
        made = found[1](data, self.limits, *args[1:], **options)
        self.decoded(found[0], data, made)
        return made

    def decoded(self, codec: str, data: bytes, made: bytes) -> None:
        self.made += 1
        self.unpacked += len(made)
        if self.unpacked > self.limits.unpacked_bytes:
            raise LimitTripped("unpacked_bytes", self.limits.unpacked_bytes, "all layers together")
        self.chains[made] = (*self.chains.get(data, ()), Step(codec, len(data), len(made)))[-64:]

    # -- paths

    def absolute(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self.folder, path))

    def path_text(self, value: Any) -> str | None:
        if isinstance(value, PathValue):
            return value.text
        if isinstance(value, File):
            return value.path or None
        return value if isinstance(value, str) and "\0" not in value and len(value) < 4096 else None

    def path_attribute(self, owner: PathValue, name: str) -> Any:
        text = owner.text
        if name == "parent":
            return PathValue(posixpath.dirname(text.rstrip("/")) or ".")
        if name == "parents":
            return PathParents(text)
        if name == "name":
            return posixpath.basename(text.rstrip("/"))
        if name in ("stem", "suffix"):
            stem, suffix = posixpath.splitext(posixpath.basename(text))
            return stem if name == "stem" else suffix
        return Bound(owner, name)

    def call_path(self, text: str, name: str, args: list[Any], options: dict[str, Any]) -> Any:
        if name in ("resolve", "absolute", "expanduser"):
            return PathValue(self.absolute(text))
        if name == "as_posix" or name == "__str__" or name == "__fspath__":
            return text
        if name == "read_bytes":
            return self.as_bytes(self.read_path(text))
        if name == "read_text":
            return self.as_text(
                self.read_path(text), options.get("encoding") or (args[0] if args else None) or "utf-8"
            )
        if name in ("write_text", "write_bytes"):
            self.write_path(text, args[0] if args else options.get("data"))
            return None
        if name == "open":
            return self.open_file([PathValue(text), *args], options)
        if name in ("with_suffix", "with_name") and args and isinstance(args[0], str):
            folder, last = posixpath.split(text)
            new = args[0] if name == "with_name" else posixpath.splitext(last)[0] + args[0]
            return PathValue(posixpath.join(folder, new))
        if name == "with_stem" and args and isinstance(args[0], str):
            folder, last = posixpath.split(text)
            return PathValue(posixpath.join(folder, args[0] + posixpath.splitext(last)[1]))
        if name == "joinpath":
            parts = [self.path_text(each) for each in args]
            return (
                PathValue(posixpath.join(text, *[p for p in parts if p]))
                if all(parts)
                else self.unknown("a path")
            )
        if name in ("exists", "is_file"):
            return (
                True
                if not isinstance(self.read_path(text), Unknown)
                else self.unknown("whether a file exists")
            )
        if name in ("mkdir", "unlink", "touch", "chmod"):
            return None
        return self.unknown(f"the path method {name}")

    def call_os_path(self, name: str, args: list[Any]) -> Any:
        parts = [self.path_text(each) for each in args]
        wrong = next((each for each in args if isinstance(each, Unknown)), None)
        if wrong is not None or not parts or any(part is None for part in parts):
            return wrong or self.unknown(f"os.path.{name}")
        texts = [part for part in parts if part is not None]
        if name in ("abspath", "realpath"):
            return self.absolute(texts[0])
        if name in ("join", "dirname", "basename", "splitext", "normpath", "split"):
            return getattr(posixpath, name)(*texts)
        if name in ("expanduser", "expandvars", "normcase"):
            return texts[0]
        if name in ("exists", "isfile"):
            return (
                True
                if not isinstance(self.read_path(texts[0]), Unknown)
                else self.unknown("whether a file exists")
            )
        if name == "isabs":
            return texts[0].startswith("/")
        return self.unknown(f"os.path.{name}")

    def temporary(self, name: str, options: dict[str, Any]) -> Any:
        if name == "os.getcwd":
            return self.folder
        if name == "tempfile.gettempdir":
            return TEMPORARY
        self.temporaries += 1
        suffix = options.get("suffix", "")
        path = f"{TEMPORARY}/{self.temporaries}{suffix if isinstance(suffix, str) else ''}"
        if name != "tempfile.mkstemp":
            return path
        self.descriptors[self.temporaries + 100] = path
        return self.temporaries + 100, path

    # -- contents

    def read_path(self, path: str) -> Any:
        """Bytes of a file: what the wrapper wrote, or a file of the submission."""
        full = self.absolute(path)
        if full in self.written:
            return self.written[full]
        if full == self.file_name:
            return self.script.data
        relative = posixpath.relpath(full, self.folder)
        data = self.script.siblings.read(relative)
        if data is None:
            where = (
                "is not in the submission's folder"
                if relative.startswith("..")
                else "is not beside the script"
            )
            shown = posixpath.relpath(full, ROOT) if full.startswith(ROOT + "/") else full
            return Unknown(f"the file {shown[:200]} {where}", self.line, "\0file:" + shown)
        self.chains.setdefault(data, (Step("file", len(data), len(data), relative),))
        return data

    def write_path(self, path: str, data: Any) -> None:
        full = self.absolute(path)
        self.made += 1
        self.put(self.written, full, data)
        if isinstance(data, (str, bytes)):
            self.grow(len(data))

    def as_text(self, data: Any, encoding: Any = "utf-8") -> Any:
        if not isinstance(data, bytes):
            return data
        text = codecs.decode_text(
            data, encoding if isinstance(encoding, str) else "utf-8", "strict", self.limits
        )
        return self.track(text.replace("\r\n", "\n").replace("\r", "\n"), data)

    def as_bytes(self, data: Any) -> Any:
        """What a text file that the wrapper wrote holds."""
        if not isinstance(data, str):
            return data
        return self.track(codecs.encode_text(data, "utf-8", "strict", self.limits), data)

    def contents(self, value: Any) -> Any:
        """The bytes behind a file, a path or bytes."""
        if isinstance(value, File):
            if isinstance(value.data, (str, bytes)):
                return value.data[value.position :]
            return value.data
        path = self.path_text(value)
        return self.read_path(path) if path is not None else value

    def open_file(self, args: list[Any], options: dict[str, Any]) -> Any:
        path = self.path_text(args[0] if args else options.get("file"))
        mode = args[1] if len(args) > 1 else options.get("mode", "r")
        if path is None or not isinstance(mode, str):
            found = (
                args[0]
                if args and isinstance(args[0], Unknown)
                else self.unknown("a file name that was not followed")
            )
            return found
        text = "b" not in mode
        if any(letter in mode for letter in "wxa"):
            start: Any = "" if text else b""
            if "a" in mode:
                existing = self.read_path(path)
                start = self.as_text(existing) if text else existing
                start = ("" if text else b"") if isinstance(start, Unknown) else start
            self.write_path(path, start)
            return File(path, start, text, True)
        data = self.read_path(path)
        encoding = options.get("encoding") or (args[3] if len(args) > 3 else None) or "utf-8"
        return File(path, self.as_text(data, encoding) if text else self.as_bytes(data), text, False)

    def call_file(self, file: File, name: str, args: list[Any]) -> Any:
        data = file.data
        if name in ("write", "writelines"):
            piece = args[0] if args else self.unknown("nothing written")
            if name == "writelines":
                items = self.iterate(piece)
                joined: list[Any] = (
                    list(items) if items is not None else [self.unknown("lines that were not followed")]
                )
                wrong = first_unknown(joined)
                piece = wrong or ("" if file.text else b"").join(joined)
            if isinstance(data, Unknown) or isinstance(piece, Unknown) or self.maybe:
                file.data = (
                    piece if isinstance(piece, Unknown) else self.unknown("written on an unknown path")
                )
            elif file.sought:
                file.data = self.unknown("written in the middle of a file")
            else:
                if isinstance(piece, (bytes, bytearray)):
                    piece = bytes(piece)
                self.grow(len(data) + len(piece))
                file.data = self.track(data + piece, piece)
            if file.path:
                self.write_path(file.path, file.data)
            return len(piece) if isinstance(piece, (str, bytes)) else None
        if isinstance(data, Unknown):
            return (
                data
                if name in ("read", "readline", "readlines", "getvalue", "read_text", "read_bytes")
                else None
            )
        if name == "getvalue":
            return data
        if name == "read":
            size = args[0] if args and isinstance(args[0], int) and args[0] >= 0 else len(data)
            made = data[file.position : file.position + size]
            file.position += len(made)
            return self.track(made, data)
        if name in ("readline", "readlines"):
            lines = data[file.position :].splitlines(True)
            if name == "readlines":
                file.position = len(data)
                return lines
            made = lines[0] if lines else data[:0]
            file.position += len(made)
            return self.track(made, data)
        if name == "seek" and args and isinstance(args[0], int):
            whence = args[1] if len(args) > 1 and isinstance(args[1], int) else 0
            file.sought = True
            base = (0, file.position, len(data))[whence] if 0 <= whence <= 2 else 0
            file.position = max(0, min(len(data), base + args[0]))
            return file.position
        if name == "tell":
            return file.position
        if name == "truncate" and data:
            file.data = self.unknown("a file that was cut")
        if name in ("close", "flush", "truncate", "__exit__", "fileno"):
            return None
        return file if name in ("__enter__", "detach") else self.unknown(f"the file method {name}")

    def call_archive(self, archive: Archive, name: str, args: list[Any]) -> Any:
        """`zipfile.ZipFile(...)`: members by name, each decoded under the same bounds as any layer."""
        try:
            with zipfile.ZipFile(io.BytesIO(archive.data)) as opened:
                if name in ("namelist", "infolist"):
                    return opened.namelist()[:10_000] if name == "namelist" else self.unknown("infolist")
                if name in ("read", "open") and args and isinstance(args[0], str):
                    member = opened.getinfo(args[0])
                    bound = self.limits.layer_output_bytes
                    with opened.open(member) as stream:
                        data = stream.read(bound + 1)
                    if len(data) > bound:
                        raise LimitTripped("layer_output_bytes", bound, f"zip member {args[0][:80]}")
                    self.decoded("zip", archive.data, data)
                    return data if name == "read" else File("", data, False, False)
        except (
            zipfile.BadZipFile,
            KeyError,
            RuntimeError,
            NotImplementedError,
            OSError,
            EOFError,
            ValueError,
        ) as error:
            return self.unknown(f"zip: {type(error).__name__}")
        except Exception as error:
            if isinstance(error, LimitTripped):
                raise
            return self.unknown(f"zip: {type(error).__name__}")
        return None if name in ("close", "__exit__") else self.unknown(f"the archive method {name}")


def parent_folders(text: str) -> list[str]:
    found: list[str] = []
    current = text.rstrip("/")
    while (above := posixpath.dirname(current)) != current:
        found.append(above or ".")
        if not above:
            break
        current = above
    return found
