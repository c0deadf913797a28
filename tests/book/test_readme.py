"""What the README shows in Python runs as it stands, and says what it does."""

import contextlib
import io
import os
import re
from pathlib import Path

import pytest

from tests.unchecked import unchecked

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.long
def test_the_readme_s_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    short = code.replace("updates=2000", "updates=20").replace("updates=500", "updates=20")
    assert short.count("updates=20,") + short.count("updates=20)") == 2
    monkeypatch.chdir(tmp_path)
    found: dict[str, object] = {}
    with unchecked(), contextlib.redirect_stdout(io.StringIO()) as said:
        exec(short, found)
    assert os.listdir() == ["team.safetensors"]
    assert str(found["svg"]).startswith("<svg")
    assert re.search(r"^success 0\.\d+\n\.\.\. if nobody is heard 0\.\d+\n", said.getvalue(), re.M)
