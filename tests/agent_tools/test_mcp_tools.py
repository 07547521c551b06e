"""The MCP server: every tool is read-only, answers with structure, and fails with the command's own sentence."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="the extra [mcp] is not installed")

import anyio
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from pgolf.cli import mcp_tools
from pgolf.cli.main import main
from pgolf.cli.mcp_tools import TOOLS, make_server

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def importable_in_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))


def call(name: str, arguments: dict[str, Any]) -> Any:
    async def once() -> Any:
        async with Client(make_server()) as client:
            return await client.call_tool(name, arguments)

    return anyio.run(once)


def said(result: Any) -> str:
    return " ".join(part.text for part in result.content)


def test_every_tool_is_listed_as_read_only_with_a_schema() -> None:
    async def listed() -> Any:
        async with Client(make_server()) as client:
            return (await client.list_tools()).tools

    tools = anyio.run(listed)
    assert [tool.name for tool in tools] == [tool.__name__ for tool in TOOLS]
    for tool in tools:
        assert tool.annotations.read_only_hint is True
        assert tool.annotations.destructive_hint is False
        assert tool.output_schema["type"] == "object"
        assert tool.description


def test_no_tool_runs_a_command_that_writes_or_spends() -> None:
    source = inspect.getsource(mcp_tools)
    for word in (
        '"run"',
        '"create"',
        '"result"',
        '"fail"',
        '"fetch"',
        '"register-thresholds"',
        '"init"',
        '"decide"',
    ):
        assert word not in source


def test_explain_answers_with_the_page() -> None:
    result = call("explain", {"name": "val_subset"})
    assert not result.is_error
    assert result.structured_content["exit_code"] == 0
    assert result.structured_content["answer"]["markdown"].startswith("# val-subset\n")
    names = call("explain", {}).structured_content["answer"]
    assert {"name", "summary"} == set(names[0])


def test_an_unusable_input_is_the_commands_own_sentence() -> None:
    result = call("explain", {"name": "nothing of this name"})
    assert result.is_error
    assert "no page about 'nothing of this name'" in said(result)
    assert "Traceback" not in said(result)


@pytest.mark.parametrize("name", ["--help", "--json", "-h", "--format=json"])
def test_an_argument_cannot_become_an_option(name: str) -> None:
    result = call("explain", {"name": name})
    assert result.is_error
    assert "no page about" in said(result)


def test_a_submission_is_audited_and_its_verdict_is_structured(tmp_path: Path) -> None:
    (tmp_path / "submission.json").write_text('{"val_bpb": 1.1, "val_loss": 1.857}')
    result = call("audit_submission", {"folder": str(tmp_path)})
    assert not result.is_error, said(result)
    answer = result.structured_content["answer"]
    assert answer["kind"] == "submission"
    assert answer["row"]["verdict"] in ("FLAGGED", "UNVERIFIED")
    assert result.structured_content["exit_code"] in (1, 3)


def test_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    assert str(gone) in said(call("audit_submission", {"folder": str(gone)}))
    assert "no such folder" in said(call("budget", {"workspace": str(gone)}))


@pytest.mark.parametrize("tool", ["decide", "budget", "list_experiments"])
def test_a_folder_without_a_workspace_is_a_clear_error(tmp_path: Path, tool: str) -> None:
    arguments = {"workspace": str(tmp_path)} | ({"experiment": "exp_001"} if tool == "decide" else {})
    result = call(tool, arguments)
    assert result.is_error
    assert "pgolf.toml" in said(result)


def test_a_file_in_the_folder_is_not_imported_in_place_of_the_package(tmp_path: Path) -> None:
    (tmp_path / "pgolf.py").write_text("import pathlib; pathlib.Path('imported').write_text('x')")
    (tmp_path / "json.py").write_text("import pathlib; pathlib.Path('imported').write_text('x')")
    call("budget", {"workspace": str(tmp_path)})
    assert not (tmp_path / "imported").exists()


def test_a_command_that_hangs_ends_at_the_time_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mcp_tools, "TIME_LIMIT_SECONDS", 0.001)
    result = call("explain", {})
    assert result.is_error
    assert "no answer within" in said(result)


def test_an_oversized_answer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_tools, "LONGEST_ANSWER", 10)
    assert "run the command itself" in said(call("explain", {}))


def test_decide_reads_and_records_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pgolf.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    assert main(["track", "create", "--hypothesis", "h", "--techniques", "a"]) == 0
    rule = ["--seed1-continue", "1.2", "--publish", "0.005", "--internal", "0.003", "--reference-value", "1.1",
            "--tokenizer", "sp8192"]  # fmt: skip
    assert main(["register-thresholds", "exp_001", *rule]) == 0
    assert main(["track", "result", "exp_001", "--bpb", "1.3", "--seed", "42"]) == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    result = call("decide", {"experiment": "exp_001", "workspace": str(tmp_path)})
    assert not result.is_error, said(result)
    assert result.structured_content["answer"]["recorded"] is False
    assert result.structured_content["answer"]["decision"]["verdict"] == "SCREENED_OUT"
    assert {path: path.read_bytes() for path in before} == before


def test_status_budget_and_experiments_of_a_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["init", str(tmp_path / "lab")]) == 0
    place = {"workspace": str(tmp_path / "lab")}
    monkeypatch.chdir(tmp_path / "lab")
    assert main(["track", "create", "--hypothesis", "wider is better", "--techniques", "a"]) == 0
    monkeypatch.chdir(tmp_path)
    for tool, wanted in (("status", "exp_001"), ("list_experiments", "wider is better"), ("budget", "spent")):
        result = call(tool, place)
        assert not result.is_error, said(result)
        assert wanted in json.dumps(result.structured_content["answer"])


def test_a_log_is_read_and_its_bytes_per_token_decided(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text("final_int8_zlib_roundtrip_exact val_loss:3.07329340 val_bpb:1.01080000\n")
    result = call("audit_log", {"path": str(log), "tokenizer": "sp8192"})
    assert not result.is_error, said(result)
    read = result.structured_content["answer"]["logs"][0]
    assert read["bytes_per_token"] == pytest.approx(4.3864, abs=1e-4)
    assert read["fingerprint_status"] == "DEVIATES"
    assert result.structured_content["exit_code"] == 1


def test_a_tokenizer_is_counted_on_text(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("Plain text of a few words.\n")
    model = ROOT / "examples" / "tokenizer.model"
    result = call("audit_tokenizer", {"model": str(model), "text": str(text)})
    assert not result.is_error, said(result)
    assert result.structured_content["exit_code"] in (0, 1, 3)


def test_the_server_speaks_over_standard_input_and_output() -> None:
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-P", "-m", "pgolf", "mcp"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )

    async def session() -> Any:
        async with Client(stdio_client(parameters)) as client:
            return await client.call_tool("explain", {"name": "slot"})

    assert anyio.run(session).structured_content["answer"]["name"] == "slot"


def test_the_list_of_tools_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mcp", "--list"]) == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        t.__name__ for t in TOOLS
    ]


def test_without_the_sdk_the_extra_is_named() -> None:
    code = "import sys; sys.modules['mcp'] = None; from pgolf.cli.main import main; sys.exit(main(['mcp']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'pgolf[mcp]'" in done.stderr


def test_the_plugin_manifests_name_this_server() -> None:
    market = json.loads((ROOT / ".claude-plugin" / "marketplace.json").read_text("utf-8"))
    plugin = json.loads((ROOT / ".claude-plugin" / "plugin.json").read_text("utf-8"))
    assert [entry["name"] for entry in market["plugins"]] == [plugin["name"]]
    assert (ROOT / market["plugins"][0]["source"]).resolve() == ROOT
    server = plugin["mcpServers"]["pgolf"]
    assert [server["command"], *server["args"]] == ["pgolf", "mcp"]
