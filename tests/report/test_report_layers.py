"""A packed script on its way to SARIF: the text of the layer is there, and a line is a line of it."""

from __future__ import annotations

import base64
import json
import lzma
from dataclasses import replace

from pgolf.audit.source_layers import source_layers
from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.report import render_script
from pgolf.untrusted.script import Script
from pgolf.untrusted.unwrap import unwrap
from tests.report.samples import BUGGY_SCRIPT

INNER = "import math\n\n\ndef build_sentencepiece_luts(sp, vocab_size, device):\n    return None\n"


def packed(source: str) -> str:
    payload = base64.b85encode(lzma.compress(source.encode())).decode()
    return f"import lzma, base64\nexec(lzma.decompress(base64.b85decode({payload!r})))\n"


def test_a_layer_has_its_path_packing_text_and_hash() -> None:
    (layer,) = source_layers(unwrap(Script("train_gpt.py", packed(INNER).encode())))
    assert layer.path == "train_gpt.py::exec@2"
    assert layer.text == INNER
    assert set(layer.packing.split(" of ")) == {"lzma", "b85"}


def test_layers_in_layers_come_out_in_order() -> None:
    layers = source_layers(unwrap(Script("t.py", packed(packed(INNER)).encode())))
    assert [layer.path for layer in layers] == ["t.py::exec@2", "t.py::exec@2::exec@2"]
    assert layers[1].text == INNER


def test_a_plain_script_has_none() -> None:
    assert source_layers(unwrap(Script("t.py", INNER.encode()))) == ()


def test_the_line_of_a_finding_is_a_line_of_the_unpacked_text_in_sarif() -> None:
    layers = source_layers(unwrap(Script("train_gpt.py", packed(INNER).encode())))
    finding = Finding("bytes-space-twice", Severity.ERROR, Confidence.PROVED, "twice", layers[0].path, 4)
    report = replace(BUGGY_SCRIPT, deviations=(), findings=(finding,), layers=layers, locations=())
    run = json.loads(render_script(report, "sarif"))["runs"][0]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    artifact = run["artifacts"][place["artifactLocation"]["index"]]
    line = artifact["contents"]["text"].splitlines()[place["region"]["startLine"] - 1]
    assert line.startswith("def build_sentencepiece_luts")
    outside = run["results"][0]["relatedLocations"][0]["physicalLocation"]
    assert (outside["artifactLocation"]["uri"], outside["region"]["startLine"]) == ("train_gpt.py", 2)
