"""Ready-made `.npz` tables, against NumPy and against hostile archives."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pgolf.errors import DataError
from pgolf.tokens import npz_tables
from pgolf.tokens.npz_tables import read_npy, read_npz, read_tables_file, read_tables_npz


def archive(compressed: bool = False, **arrays: object) -> bytes:
    out = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(out, **{k: np.asarray(v) for k, v in arrays.items()})
    return out.getvalue()


def raw_archive(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for key, content in members.items():
            target.writestr(f"{key}.npy", content)
    return out.getvalue()


def npy(header: str, body: bytes = b"", version: int = 1) -> bytes:
    length = len(header).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + header.encode("latin-1") + body


@pytest.mark.shared_data
@pytest.mark.parametrize(("which", "threes"), [("buggy", 27), ("correct", 0)])
def test_the_real_tables_read_as_numpy_reads_them(shared_data: Path, which: str, threes: int) -> None:
    path = shared_data / "tables" / f"scylla_{which}.npz"
    found = read_tables_file(path)
    with np.load(path) as oracle:
        assert found.tables.base_bytes == tuple(oracle["base_bytes"].tolist())
        assert found.tables.has_leading_space == tuple(oracle["has_leading_space"].tolist())
        assert found.tables.is_boundary == tuple(oracle["is_boundary_token"].tolist())
    assert found.metadata["vocab_size"] == len(found.tables) == 998
    assert found.metadata["tokenizer_kind"] == "tokenmonster"
    other = read_tables_file(shared_data / "tables" / "scylla_correct.npz").tables.base_bytes
    assert sum(a != b for a, b in zip(found.tables.base_bytes, other, strict=True)) == threes


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    "dtype", ["?", "i1", "u1", "<i2", ">i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", ">f8"]
)
def test_every_number_type_reads_as_numpy_reads_it(dtype: str, compressed: bool) -> None:
    values = np.array([0, 1, 1, 0, 1], dtype=dtype)
    array = read_npz(archive(compressed, a=values), "t")["a"]
    assert array.values == tuple(values.tolist())
    assert array.shape == (5,)


def test_names_vary() -> None:
    found = read_tables_npz(
        archive(base_bytes_lut=[1, 2], has_leading_space=[0, 1], is_boundary=[True, False]), "t"
    )
    assert found.array_names == ("base_bytes_lut", "has_leading_space", "is_boundary")
    assert found.tables.is_boundary == (True, False)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"base_bytes": [1]}, "no array of leading-space flags"),
        ({"x": [1]}, "no array of byte lengths .*present: x"),
        ({"base_bytes": [1], "has_leading_space": [0], "is_boundary": [0, 1]}, "different lengths"),
        ({"base_bytes": [[1]], "has_leading_space": [0], "is_boundary": [0]}, "2 dimensions"),
        ({"base_bytes": ["a"], "has_leading_space": [0], "is_boundary": [0]}, "holds text"),
        ({"base_bytes": [1], "has_leading_space": [2], "is_boundary": [0]}, r"has_leading_space\[0\] is 2"),
        ({"base_bytes": [1], "has_leading_space": [0], "is_boundary": [float("nan")]}, "expected 0 or 1"),
    ],
)
def test_unusable_tables_are_one_sentence(arrays: dict[str, object], says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_tables_npz(archive(**arrays), "t.npz")


class Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("executed",)


def test_objects_are_refused_and_never_unpickled(capsys: pytest.CaptureFixture[str]) -> None:
    body = pickle.dumps(Trap())
    for descr in ("|O", "O", "|O8"):
        header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': (1,), }}\n"
        with pytest.raises(DataError):
            read_npz(raw_archive(a=npy(header, body)), "t")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a .npy"),
        (b"\x93NUMPY\x09\x00" + b"\0" * 8, "version 09"),
        (b"\x93NUMPY\x01\x00\xff\xff", "version 01|header of"),
        (b"\x93NUMPY\x01\x00\xff\xff" + b"\0" * 8, "header of 65535"),
        (npy("__import__('os').system('true')"), "not that of a plain array"),
        (
            npy("{'descr': [('a', '<i2')], 'fortran_order': False, 'shape': (1,), }"),
            "not that of a plain array",
        ),
        (
            npy("{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }", b"\0\0\0"),
            "2 values need 4 bytes, found 3",
        ),
        (npy("{'descr': '<U0', 'fortran_order': False, 'shape': (999999999999,), }"), "not numbers"),
        (
            npy("{'descr': '<i2', 'fortran_order': False, 'shape': (" + "9" * 30 + ",), }"),
            "not that of a table",
        ),
        (
            npy("{'descr': '<i2', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }"),
            "not that of a table",
        ),
        (npy("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", b"\0" * 8), "not numbers"),
        (npy("{'descr': '<U1', 'fortran_order': False, 'shape': (1,), }", b"\xff\xff\xff\xff"), "UTF-32"),
    ],
)
def test_a_broken_array_is_one_sentence(content: bytes, says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_npy(content, "a.npy")


def test_header_version_2_reads() -> None:
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }\n"
    assert read_npy(npy(header, b"\x01\x02", version=2), "a").values == (1, 2)


def test_a_bomb_stops_at_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz_tables, "MAX_MEMBER_BYTES", 1000)
    with pytest.raises(DataError, match="more than 1000 bytes"):
        read_npz(raw_archive(a=b"\0" * 100_000), "t")
    monkeypatch.setattr(npz_tables, "MAX_MEMBERS", 1)
    with pytest.raises(DataError, match="2 members"):
        read_npz(raw_archive(a=b"", b=b""), "t")
    monkeypatch.setattr(npz_tables, "MAX_NPZ_BYTES", 10)
    with pytest.raises(DataError, match="more than the 10"):
        read_npz(raw_archive(a=b""), "t")


def test_other_members_and_other_compressions() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        target.writestr("readme.txt", "hello")
    assert read_npz(out.getvalue(), "t") == {}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as target:
        target.writestr("a.npy", b"x")
    with pytest.raises(DataError, match="compression 14"):
        read_npz(out.getvalue(), "t")


def test_damage_is_a_data_error() -> None:
    good = archive(
        True, base_bytes=np.arange(50), has_leading_space=np.zeros(50, bool), is_boundary=np.zeros(50, bool)
    )
    for position in range(0, len(good), 7):
        damaged = bytearray(good)
        damaged[position] ^= 0x5A
        try:
            read_tables_npz(bytes(damaged), "t")
        except DataError:
            continue
    for length in range(0, len(good), 37):
        with pytest.raises(DataError):
            read_tables_npz(good[:length], "t")
