"""Each format of each sample is, byte for byte, what was read and committed."""

from __future__ import annotations

import pytest

from tests.report.golden import FOLDER, renderings


@pytest.mark.parametrize("name", sorted(renderings()))
def test_rendering_equals_its_golden_file(name: str) -> None:
    assert renderings()[name]() == (FOLDER / name).read_text(encoding="utf-8")


def test_no_golden_file_without_a_rendering() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(renderings())
