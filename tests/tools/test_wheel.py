"""The package as others install it: from a wheel, in an empty folder, without its repository."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import field

pytestmark = pytest.mark.long

TINY = """
from dataclasses import replace
from marl_edu.experiments.catalogue import EXPERIMENTS
from marl_edu.experiments.command import main

if __name__ == "__main__":
    full = EXPERIMENTS["none-easy"]
    cfg = replace(full.cfg, updates=2, num_envs=2, hidden_dim=8, log_every=1)
    raise SystemExit(main(["run", "none-easy", "--seeds", "1"],
                          {"none-easy": replace(full, cfg=cfg, episodes=4)}))
"""
TOUR = """
from marl_edu.agents import tour
tour.PROBE, tour.GRID = {"probe": lambda seed: {"evaluation": {"success": 0.5, "episodes": 1}}}, {}
tour.main([])
"""


NEEDY = """
from marl_edu import results, widgets
from marl_edu.agents import tour
from marl_edu.experiments import interventions, memory_probe, scaling
from marl_edu.results import tables

for make in (
    widgets.JunctionFigure, widgets.CorridorFigure, widgets.GraphFigure,
    lambda: results.summary("tarmac-easy"), tables.environments, interventions.stored,
    lambda: scaling.stored("gat-grid"), memory_probe.stored, lambda: tour.load("grid-dqn"),
):
    try:
        make()
    except FileNotFoundError as error:
        said = str(error)
    assert "make it with\\n  python -m marl_edu." in said, said
    assert "clone https://github.com/marl-edu/marl-edu, and run" in said, said
    said = ""
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """What a wheel puts into site-packages."""
    folder = tmp_path_factory.mktemp("wheel")
    wheel = field.build_wheel(folder)
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


@pytest.fixture
def call(site, tmp_path):
    """Run Python in an empty folder; returns it finished."""

    def call(*words: str, rc: int = 0) -> subprocess.CompletedProcess[str]:
        env = os.environ | {"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=env, capture_output=True, text=True
        )
        assert done.returncode == rc, done.stdout + done.stderr
        return done

    before = sorted(site.rglob("*"))
    yield call
    assert sorted(site.rglob("*")) == before, "nothing is written beside the package"


def test_it_is_the_wheel_that_is_tried_and_all_of_it_is_there(call, site):
    found = call("-c", "import marl_edu.widgets, marl_edu.experiments; print(marl_edu.__file__)")
    assert found.stdout.strip() == str(site / "marl_edu" / "__init__.py")
    for path in (ROOT / "marl_edu").rglob("*.*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert (site / path.relative_to(ROOT)).read_bytes() == path.read_bytes()


def test_exercises_and_lists_work_and_leave_nothing(call, tmp_path):
    assert "tarmac" in call("-m", "marl_edu.exercises").stdout
    for command in ("list", "status", "table"):
        assert "tarmac-easy" in call("-m", "marl_edu.experiments", command).stdout
    assert list(tmp_path.iterdir()) == []


def test_runs_and_scores_go_to_the_users_folder_and_are_found_there(call, tmp_path):
    (tmp_path / "tiny.py").write_text(TINY)
    assert "1 of 1 seeds are finished" in call("tiny.py").stdout
    runs = tmp_path / "marl_edu_runs"
    assert (runs / "results" / "none-easy" / "seed-0.json").exists()
    assert (runs / "checkpoints" / "none-easy-seed0.safetensors").exists()
    call("-m", "marl_edu.experiments", "reference", "tmaze", "--episodes", "4")
    read = "from marl_edu import results; from marl_edu.results import tables; "
    read += "tables.environments(); print(len(results.load('none-easy')))"
    assert call("-c", read).stdout.strip() == "1"
    (tmp_path / "tour.py").write_text(TOUR)
    call("tour.py")
    assert (runs / "results" / "tour" / "probe-seed0.json").exists()


@pytest.mark.parametrize("command", ["memory-probe", "interventions", "scaling"])
def test_what_needs_trained_networks_says_where_they_are(call, tmp_path, command):
    said = call("-m", "marl_edu.experiments", command, rc=2).stderr
    assert "make it with\n  python -m marl_edu.experiments run " in said
    assert "in its repository, not in the installed package: clone https://github.com/" in said
    assert list(tmp_path.iterdir()) == []


def test_figures_and_tables_of_stored_runs_say_what_they_need(call, tmp_path):
    (tmp_path / "all.py").write_text(NEEDY)
    call("all.py")


def test_figures_that_need_nothing_stored_work(call):
    call("-c", "from marl_edu.widgets import CuriosityFigure; CuriosityFigure().to_html()")
