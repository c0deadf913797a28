"""tools/javascript.py: a missing tool is one line, and a compiler that was changed is not run."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests import ROOT

PATH = ROOT / "tools" / "javascript.py"


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("javascript", PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.delenv("CI", raising=False)
    return module


def test_a_missing_tool_is_one_line_and_a_failure_only_in_ci(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setattr(tool.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("sys.argv", ["javascript.py", "lint", "format", "--check", "types", "test"])
    assert tool.main() == 0
    (line,) = capsys.readouterr().out.splitlines()
    for step in ("lint", "format", "types", "test"):
        assert f"{step} has no " in line
    monkeypatch.setenv("CI", "true")
    assert tool.main() == 1


def test_a_step_that_fails_is_a_failure_and_the_others_run(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    monkeypatch.setattr(tool, "lint", lambda: ran.append("lint") or False)
    monkeypatch.setattr(tool, "format_", lambda check: ran.append(f"format {check}") or True)
    monkeypatch.setattr("sys.argv", ["javascript.py", "lint", "format"])
    assert tool.main() == 1 and ran == ["lint", "format False"]
    monkeypatch.setattr("sys.argv", ["javascript.py", "format", "--check"])
    assert tool.main() == 0 and ran[-1] == "format True"


@pytest.mark.parametrize("gives", ["nothing", "something else"])
def test_a_compiler_that_is_not_the_one_meant_is_not_used(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gives: str
) -> None:
    class Done:
        returncode = 0

    def npm(command: list[str], cwd: Path, **_: object) -> Done:
        if gives != "nothing":
            (cwd / f"typescript-{tool.TYPESCRIPT}.tgz").write_bytes(b"something else")
        return Done()

    monkeypatch.setattr(tool, "node_folder", lambda: tmp_path)
    monkeypatch.setattr(tool.subprocess, "run", npm)
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    error = tool.Missing if gives == "nothing" else SystemExit
    with pytest.raises(error, match="typescript@"):
        tool.typescript()
    assert not list((tmp_path / "share").iterdir())


def test_every_script_is_checked(tool: ModuleType) -> None:
    found = tool.files((*tool.SOURCES, *tool.TESTS))
    folders = ("marl_edu", "book/_static", "book/_ext", "tests")
    everything = {
        path.relative_to(tool.ROOT).as_posix()
        for folder in folders
        for path in (tool.ROOT / folder).rglob("*.js")
    }
    assert set(found) == everything
