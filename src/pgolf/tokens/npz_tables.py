"""Ready-made look-up tables in a NumPy `.npz` file, read without NumPy and never through pickle.

A `.npz` is a ZIP archive of `.npy` members; a `.npy` is a magic number, a version, a header that is a Python
literal, and the raw values. The header is matched by one strict linear pattern, not evaluated. Sources: the `.npy`
format description (NEP 1); the ZIP layout through `zipfile`, with every member read in bounded steps.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from pgolf.core.luts import LookupTables
from pgolf.errors import DataError
from pgolf.tokens.sentencepiece_model import read_bounded

MAX_NPZ_BYTES = 64 << 20
MAX_MEMBERS = 256
MAX_MEMBER_BYTES = 8 << 20
MAX_TOTAL_BYTES = 16 << 20
MAX_HEADER_BYTES = 4096

Scalar = int | float | bool | str

_HEADER = re.compile(
    r"\{ ?'descr': ?'(?P<descr>[<>|=]?[a-zA-Z][0-9]{0,6})', ?'fortran_order': ?(?P<order>True|False), ?"
    r"'shape': ?\((?P<shape>[0-9, ]*)\),? ?\}[ \n]*"
)
_FORMATS = {
    "b1": "?", "i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q", "u8": "Q",
    "f2": "e", "f4": "f", "f8": "d",
}  # fmt: skip

_BASE_BYTES = ("base_bytes", "base_bytes_lut", "base_bytes_np", "token_bytes", "bytes_per_token")
_LEADING_SPACE = ("has_leading_space", "has_leading_space_lut", "has_leading_space_np", "leading_space")
_BOUNDARY = (
    "is_boundary_token", "is_boundary", "is_boundary_token_lut", "is_boundary_token_np", "is_boundary_lut",
    "boundary",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NpyArray:
    """One array: NumPy type string ("<i2"), shape, and its values in C order (in the file's order when fortran)."""

    dtype: str
    shape: tuple[int, ...]
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class TablesFile:
    """Tables of a `.npz` file, the array each came from, and the scalars beside them (`vocab_size`, …)."""

    tables: LookupTables
    array_names: tuple[str, str, str]
    metadata: dict[str, Scalar]


def read_tables_npz(data: bytes, name: str) -> TablesFile:
    """The look-up tables in the `.npz` archive `data`; `name` is for messages.

    Raises DataError when the archive is broken, an array is missing, they have different lengths, or a flag array
    holds something else than 0 and 1.
    """
    arrays = read_npz(data, name)
    base = _find(arrays, _BASE_BYTES, "byte lengths", name)
    space = _find(arrays, _LEADING_SPACE, "leading-space flags", name)
    boundary = _find(arrays, _BOUNDARY, "boundary flags", name)
    lengths = {key: len(arrays[key].values) for key in (base, space, boundary)}
    if len(set(lengths.values())) > 1:
        raise DataError(f"{name}: arrays of different lengths: {lengths}")
    sizes = arrays[base].values
    if any(isinstance(value, str) for value in sizes):
        raise DataError(f"{name}: {base} holds text, expected numbers")
    return TablesFile(
        LookupTables(
            tuple(value for value in sizes if not isinstance(value, str)),
            _flags(arrays[space], space, name),
            _flags(arrays[boundary], boundary, name),
        ),
        (base, space, boundary),
        {key: array.values[0] for key, array in arrays.items() if array.shape == () and array.values},
    )


def read_tables_file(path: Path | str) -> TablesFile:
    """The look-up tables in the `.npz` file at `path`. Raises DataError as `read_tables_npz` does."""
    return read_tables_npz(read_bounded(Path(path), MAX_NPZ_BYTES, "tables"), str(path))


def read_npz(data: bytes, name: str) -> dict[str, NpyArray]:
    """All arrays of the `.npz` archive `data` by name (without `.npy`). Raises DataError; never unpickles."""
    if len(data) > MAX_NPZ_BYTES:
        raise DataError(f"{name}: {len(data)} bytes are more than the {MAX_NPZ_BYTES} a tables file may have")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise DataError(f"{name}: {len(members)} members, more than {MAX_MEMBERS}")
            out: dict[str, NpyArray] = {}
            budget = MAX_TOTAL_BYTES
            for member in members:
                if not member.filename.endswith(".npy"):
                    continue
                content = _member(archive, member, min(MAX_MEMBER_BYTES, budget), name)
                budget -= len(content)
                out[member.filename.removesuffix(".npy")] = read_npy(
                    content, f"{name}:{member.filename[:80]}"
                )
    except (
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        EOFError,
        ValueError,
        OSError,
        struct.error,
    ) as error:
        raise DataError(f"{name}: not a readable .npz archive: {error}") from error
    return out


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int, name: str) -> bytes:
    where = f"{name}:{member.filename[:80]}"
    if member.flag_bits & 1:
        raise DataError(f"{where}: encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(f"{where}: compression {member.compress_type} is not used by NumPy")
    with archive.open(member) as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise DataError(f"{where}: more than {limit} bytes")
    return content


def read_npy(data: bytes, name: str) -> NpyArray:
    """One `.npy` array. Booleans, integers, floats and fixed-width text; DataError for anything else."""
    if data[:6] != b"\x93NUMPY":
        raise DataError(f"{name}: offset 0: not a .npy array (magic {data[:6]!r})")
    if len(data) < 12 or data[6] not in (1, 2, 3):
        raise DataError(f"{name}: offset 6: .npy version {data[6:7].hex() or 'missing'}, expected 1, 2 or 3")
    start, length = (10, int.from_bytes(data[8:10], "little")) if data[6] == 1 else (
        12, int.from_bytes(data[8:12], "little")
    )  # fmt: skip
    if length > MAX_HEADER_BYTES or start + length > len(data):
        raise DataError(f"{name}: offset 8: header of {length} bytes, {len(data) - start} are left")
    header = _HEADER.fullmatch(data[start : start + length].decode("latin-1"))
    if header is None:
        raise DataError(f"{name}: offset {start}: header is not that of a plain array")
    descr = header["descr"]
    extents = [part for part in header["shape"].replace(" ", "").split(",") if part]
    if len(extents) > 8 or any(len(part) > 19 for part in extents):
        raise DataError(f"{name}: offset {start}: shape ({header['shape']:.60}) is not that of a table")
    shape = tuple(int(part) for part in extents)
    count = 1
    for extent in shape:
        count *= extent
    body = memoryview(data)[start + length :]
    order, kind = (descr[0], descr[1:]) if descr[0] in "<>|=" else ("=", descr)
    order = "<" if order in "|=" else order
    if kind == "O":
        raise DataError(f"{name}: holds Python objects; reading it would run pickle, which is refused")
    if kind[0] == "U" and kind[1:].isdigit() and int(kind[1:]):
        width = 4 * int(kind[1:])
    elif kind in _FORMATS:
        width = int(kind[1:])
    else:
        raise DataError(f"{name}: values of type {descr!r} are not numbers, flags or text")
    if count * width != len(body):
        raise DataError(
            f"{name}: offset {start + length}: {count} values need {count * width} bytes, found {len(body)}"
        )
    if kind[0] == "U":
        codec = "utf-32-le" if order == "<" else "utf-32-be"
        try:
            text = [bytes(body[i * width : (i + 1) * width]).decode(codec).rstrip("\0") for i in range(count)]
        except UnicodeDecodeError as error:
            raise DataError(f"{name}: text that is not UTF-32: {error.reason}") from error
        return NpyArray(descr, shape, tuple(text))
    return NpyArray(descr, shape, struct.unpack(f"{order}{count}{_FORMATS[kind]}", body))


def _find(arrays: dict[str, NpyArray], names: tuple[str, ...], what: str, name: str) -> str:
    for candidate in names:
        array = arrays.get(candidate)
        if array is not None:
            if len(array.shape) != 1:
                raise DataError(f"{name}: {candidate} has {len(array.shape)} dimensions, expected 1")
            return candidate
    present = ", ".join(sorted(arrays)[:12]) or "none"
    raise DataError(f"{name}: no array of {what} ({', '.join(names[:3])}, …); arrays present: {present}")


def _flags(array: NpyArray, key: str, name: str) -> tuple[bool, ...]:
    for index, value in enumerate(array.values):
        if value not in (0, 1):
            raise DataError(f"{name}: {key}[{index}] is {value!r:.40}, expected 0 or 1")
    return tuple(bool(value) for value in array.values)
