"""The page on taking a team elsewhere does what it says, block by block."""

import re
import warnings

import pytest

from tests import ROOT
from tests.unchecked import unchecked

pytestmark = pytest.mark.long
BLOCKS = re.findall(
    r"```python\n(.*?)```", (ROOT / "book" / "elsewhere.md").read_text(encoding="utf-8"), re.S
)
ONNX = ("onnx.export", "onnxruntime")


def run(blocks: list[str], folder, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    names: dict = {"__name__": "a_notebook"}
    with unchecked(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporters about themselves
        for block in blocks:
            exec(block, names)


def test_blocks_that_need_nothing_else(tmp_path, monkeypatch):
    run([b for b in BLOCKS if not any(word in b for word in ONNX)], tmp_path, monkeypatch)
    assert (tmp_path / "team.pt2").exists()


def test_blocks_for_onnx(tmp_path, monkeypatch):
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    first, *_ = BLOCKS
    exporting = [b for b in BLOCKS if any(word in b for word in (*ONNX, "batch ="))]
    run([first, *exporting], tmp_path, monkeypatch)
    assert len(exporting) == 3 and (tmp_path / "team.onnx").exists()
