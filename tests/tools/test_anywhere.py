"""The first cell of each notebook: at home nothing, elsewhere what is missing, or one sentence."""

import importlib.util
import json
import os
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import anywhere

import lab

HERE = {"torch": "2.9.1+cpu", "numpy": "2.1.0", "tqdm": "4.66.0"}


def version(name: str) -> str:
    if name not in HERE:
        raise metadata.PackageNotFoundError(name)
    return HERE[name]


def test_versions_are_compared_and_only_what_is_missing_is_named() -> None:
    found = anywhere.missing(anywhere.requirements(ROOT), version)
    names = [one.name for one, _ in found]
    assert "anywidget" in names and "safetensors" in names
    assert not {"torch", "numpy", "tqdm"} & set(names)
    assert all(there is None for _, there in found)


def test_at_home_nothing_is_missing() -> None:
    assert anywhere.missing(anywhere.requirements(ROOT)) == []


def ran(code: int, said: str = "") -> Any:
    calls: list[Any] = []

    def run(command: list[str], **_: Any) -> Any:
        calls.append(command)
        return SimpleNamespace(returncode=code, stderr=said)

    run.calls = calls  # type: ignore[attr-defined]
    return run


def test_it_says_what_it_installs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(anywhere, "missing", lambda needed: [(next(iter(needed)), None)])
    run = ran(0)
    anywhere.main(run)
    said = capsys.readouterr().out
    assert said == "Installing torch: a minute or two.\nThe book is ready.\n"
    assert run.calls[0][1:5] == ["-m", "pip", "install", "--quiet"]


@pytest.mark.parametrize("line", ["ERROR: No matching distribution", "Permission denied: 'site'"])
def test_what_pip_cannot_do_is_one_sentence(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setattr(anywhere, "missing", lambda needed: [(next(iter(needed)), None)])
    with pytest.raises(anywhere.Sorry, match="is there a network, and may you write here") as error:
        anywhere.main(ran(1, f"much\n{line}\n"))
    assert line in str(error.value) and error.value._render_traceback_() == [str(error.value)]


def test_an_older_torch_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = next(one for one in anywhere.requirements(ROOT) if one.name == "torch")
    monkeypatch.setattr(anywhere, "missing", lambda needed: [(torch, "2.3.1")])
    run = ran(0)
    with pytest.raises(anywhere.Sorry, match=r"torch.*2\.6.*here is 2\.3\.1: nothing was changed"):
        anywhere.main(run)
    assert run.calls == []


def test_an_older_python_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anywhere, "OLDEST", (99, 0))
    with pytest.raises(anywhere.Sorry, match=r"needs Python 3\.11 or newer"):
        anywhere.requirements(ROOT)


def first_cell(name: Path) -> str:
    cells = json.loads((lab.BOOK / name).read_text("utf-8"))["cells"]
    return "".join(next(cell for cell in cells if cell["cell_type"] == "code")["source"])


def test_all_notebooks_begin_with_the_same_cell() -> None:
    assert len({first_cell(name) for name in lab.notebooks(lab.BOOK)}) == 1


def test_at_home_the_cell_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    before = list(sys.path)
    exec(first_cell(Path(lab.FIRST)), {})
    assert capsys.readouterr().out == "" and sys.path == before


def test_without_a_network_the_cell_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(subprocess, "call", lambda command: 128)
    with pytest.raises(SystemExit, match="could not be fetched"):
        exec(first_cell(Path(lab.FIRST)), {})


@pytest.mark.long
def test_in_a_bare_environment_the_cell_gets_as_far_as_pip(tmp_path: Path) -> None:
    """A Python with nothing but pip; the copy of the book is this one, and pip finds no index."""
    venv.create(tmp_path / "bare", with_pip=True)
    python = next((tmp_path / "bare").glob("bin/python"), None)
    python = python or tmp_path / "bare" / "Scripts" / "python.exe"
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "marl-edu").symlink_to(ROOT)
    env = {key: x for key, x in os.environ.items() if not key.startswith(("PYTHON", "PIP_"))}
    tried = subprocess.run(
        [python, "-c", first_cell(Path(lab.FIRST))],
        cwd=tmp_path / "here",
        env=env | {"PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
    )
    assert "Installing torch, numpy" in tried.stdout, tried.stderr
    assert "pip could not install it: is there a network" in tried.stderr
