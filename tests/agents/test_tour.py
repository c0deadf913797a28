"""The tour's corridor: whatever number is put into its settings, it runs, or it is named."""

import dataclasses
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tqdm.auto import tqdm

from marl_edu import results
from marl_edu.agents import DQNAgent, LSTMDQNAgent, tour
from marl_edu.envs import TMaze
from marl_edu.envs.adapters import to_pettingzoo
from marl_edu.results.claims import STRICT
from tests import ROOT
from tests.unchecked import unchecked


def trains() -> tuple[str, str]:
    """The cell of settings, and the one behind it."""
    text = (ROOT / "book" / "tour.ipynb").read_text("utf-8")
    cells = json.loads(text)["cells"]
    (k,) = [k for k, c in enumerate(cells) if "parameters" in c["metadata"].get("tags", [])]
    return "".join(cells[k]["source"]), "".join(cells[k + 1]["source"])


def run(cfg: Any) -> dict[str, Any]:
    """The names of the page after the cell behind its settings."""
    known = {"DQNAgent": DQNAgent, "LSTMDQNAgent": LSTMDQNAgent, "tour": tour, "TMaze": TMaze}
    page = known | {"to_pettingzoo": to_pettingzoo, "tqdm": tqdm, "torch": torch} | {
        "results": results, "cfg": cfg
    }  # fmt: skip
    exec(trains()[1], page)
    return page


def refused(runs: Callable[[], dict[str, Any]]) -> str:
    """Why the settings or the cell refuse a number; "" where it has run to its end."""
    try:
        with unchecked():
            page = runs()
    except (ValueError, TypeError) as error:
        return str(error)
    return "" if page["turns"].keys() == {"DQNAgent", "LSTMDQNAgent"} else "no result"


def test_the_page_starts_from_what_the_settings_are() -> None:
    page: dict[str, Any] = {"tour": tour}
    exec(trains()[0], page)
    assert page["cfg"] == tour.Walks()


@pytest.mark.long
@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(tour.Walks)])
def test_any_number_of_the_settings_runs_or_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(STRICT, raising=False)
    start = tour.Walks(walks=4)
    value = getattr(start, name)
    half = value // 2 if isinstance(value, int) else value / 2
    named = 0
    for tried in (half, 2 * value, 0, -1, 1e6, "many", math.nan):
        said = refused(lambda tried=tried: run(dataclasses.replace(start, **{name: tried})))
        assert said == "" or (said.startswith(f"{name} must be ") and "\n" not in said)
        named += bool(said)
    assert named >= 3  # of "many" and NaN at least, and of what is no whole number or not above 0
