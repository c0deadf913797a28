"""What an agent that explores comes to in the page, and how soon, beside PyTorch, on one core.

    python benchmarks/exploring.py                  seeds 1 to 5 of each bonus
    python benchmarks/exploring.py --save           ... to book/results/benchmark-exploring.json

In Chromium, with the live figure's JavaScript, each seed trains to the end: after how many updates
has it met the goal, and after how many does it reach it in 90 % of episodes (an exact chance)?
Then both train from scratch for some updates, in turns, and what counts is the seconds of an
update: those of the processor, of this process, and of all of Chromium's processes and threads.

Predicted before the first run: Chromium needs at most as long as PyTorch for an update of each
bonus, since its networks look at each state once, however often it was met.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch
from learning import Chromium
from playwright.sync_api import sync_playwright

from marl_edu.algos import counts, rnd
from marl_edu.core import storage
from marl_edu.core.provenance import cpu_model, git_commit, now
from marl_edu.envs.key_door_maze import KeyDoorMaze
from marl_edu.results import exploration
from marl_edu.training import ppo
from marl_edu.widgets import ExploringFigure
from marl_edu.widgets.exploring.figure import BONUSES, MEASURED

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
from browser import launch, on_this_machine

GOAL = 1.0  # times PyTorch's seconds
SEEDS = (1, 2, 3, 4, 5)
TIMED = 20  # updates whose seconds are counted
Row = dict[str, Any]
TRAIN: dict[str, Any] = {
    "rnd": lambda: rnd.train(rnd.Config(updates=TIMED)),
    "counts": lambda: counts.train(counts.Config(updates=TIMED)),
    "none": lambda: ppo.train(ppo.Config(env=KeyDoorMaze, updates=TIMED)),
}


def in_torch(bonus: str) -> float:
    """Seconds of an update of this course's own."""
    start = time.process_time()
    TRAIN[bonus]()
    return (time.process_time() - start) / TIMED


class Explorers(Chromium):
    """The figure's agents in a page."""

    MODULE = "exploring/training.js"

    def start(self, bonus: str, seed: int) -> int:
        """A fresh run; how many updates it has."""
        figure = ExploringFigure()
        choice = {"bonus": bonus, "maze": "standard", "share": figure.share, "lr": figure.lr}
        made = "([setup, choice]) => { window.learner = new J.Learner(setup, choice); }"
        self.page.evaluate(made, [figure.setup, choice | {"seed": seed}])
        updates = int(figure.setup["updates"])
        figure.close()
        return updates

    def to_the_end(self, bonus: str, seed: int) -> Row:
        """When it met the goal, when it had solved the maze, and what it comes to."""
        seconds = self.go(self.start(bonus, seed))
        rows = self.page.evaluate("() => learner.rows")
        found = [row["update"] for row in rows if row["found"]]
        solved = [row["update"] for row in rows if row["success"] >= exploration.ENOUGH]
        return {
            "seed": seed, "found": found[0] if found else None,
            "solved": solved[0] if solved else None, "success": rows[-1]["success"],
            "cells": rows[-1]["cells"], "seconds": seconds,
        }  # fmt: skip


def measure() -> Row:
    """Everything, printed as it comes."""
    torch.set_num_threads(1)
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])  # what it loads first is not training
    runs: dict[str, list[Row]] = {}
    seconds: dict[str, Row] = {}
    with sync_playwright() as playwright:
        browser = launch(playwright, on_this_machine())
        chromium = Explorers(browser)
        for bonus in BONUSES:
            runs[bonus] = [chromium.to_the_end(bonus, seed) for seed in SEEDS]
            for row in runs[bonus]:
                print(f"{bonus:6} seed {row['seed']}: found {row['found']}, "
                      f"solved {row['solved']}, {row['seconds']:.1f} s", flush=True)  # fmt: skip
            chromium.start(bonus, 1)
            seconds[bonus] = {"Chromium": chromium.go(TIMED) / TIMED, "PyTorch": in_torch(bonus)}
            ratio = seconds[bonus]["Chromium"] / seconds[bonus]["PyTorch"]
            print(f"{bonus:6} {ratio:.2f} times PyTorch's seconds (goal: {GOAL:g})", flush=True)
        version = browser.version
        browser.close()
    return {
        "runs": runs,
        "updates": rnd.Config().updates,
        "seconds_of_an_update": seconds,
        "goal": GOAL,
        "provenance": {
            "command": "python benchmarks/exploring.py --save",
            "criterion": f"{100 * exploration.ENOUGH:g} % of episodes reach the goal, exact",
            "cpu_model": cpu_model(),
            "cores": os.cpu_count(),
            "versions": {"torch": torch.__version__, "chromium": version},
            **git_commit(),
            "finished": now(),
        },
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--save", action="store_true", help="write benchmark-exploring.json")
    options = parser.parse_args()
    found = measure()
    if options.save:
        storage.write_json(MEASURED, found)
