"""How soon a team learns in the page, beside PyTorch, on one core of this machine.

    python benchmarks/learning.py                  seeds 1 to 5, with 3 and 7 distractors
    python benchmarks/learning.py --save           ... to book/results/benchmark-learning.json

TarMAC learns the speaker probe from scratch, with the settings of the book's runs: in PyTorch on
one thread, and in Chromium with the live figure's JavaScript, in turns. Every 20 updates, with the
clock standing still, the team answers the questions of 500 fresh episodes greedily; the time that
counts is that of the first look at which 95 % are right, and of five seeds the slowest. Seconds
are those of the processor: of this process, and of all of Chromium's processes and threads.

Then the mean and silence train to the end in Chromium, to be held against the stored runs.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from playwright.sync_api import Browser, Page, sync_playwright

from marl_edu import results
from marl_edu.algos import tarmac
from marl_edu.core import storage
from marl_edu.core.evaluate import evaluate
from marl_edu.core.provenance import cpu_model, git_commit, now
from marl_edu.envs import SpeakerProbe
from marl_edu.experiments.catalogue.communication import probe
from marl_edu.training import a2c
from marl_edu.widgets import LearningFigure
from marl_edu.widgets.shared import bundle

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
from browser import launch, on_this_machine

GOAL = 6.0  # times PyTorch's seconds
ENOUGH, EPISODES = 0.95, 500
AT_THE_END = 2000  # episodes, as the stored runs were scored in
SEEDS = (1, 2, 3, 4, 5)
Row = dict[str, Any]


class Solved(Exception):
    """Ends a run that has reached the goal."""


def in_torch(distractors: int, seed: int) -> Row:
    """TarMAC of this course, until the goal."""
    cfg = tarmac.Config(**probe(distractors), seed=seed)
    nets: list[a2c.ActorCritic] = []
    fresh = SpeakerProbe(distractors, num_envs=EPISODES)
    spent, start = 0.0, 0.0

    def build(cfg: Any, env: Any) -> a2c.ActorCritic:
        nonlocal start
        nets.append(tarmac.build(cfg, env))
        start = time.process_time()
        return nets[-1]

    def on_log(row: Row) -> None:
        nonlocal spent, start
        spent += time.process_time() - start
        score = float(evaluate(fresh, a2c.TeamPolicy(nets[-1]), EPISODES)["success"])
        if score >= ENOUGH:
            raise Solved({"updates": row["update"], "seconds": spent, "success": score})
        start = time.process_time()

    try:
        a2c.train(cfg, on_log, None, build)
    except Solved as found:
        return dict(found.args[0])
    return {"updates": cfg.updates, "seconds": spent, "success": float("nan")}


class Chromium:
    """The figure's functions in a page, and the seconds that all of Chromium has spent."""

    MODULE = "learning/training.js"

    def __init__(self, browser: Browser):
        self.page: Page = browser.new_page()
        self.chrome = browser.new_browser_cdp_session()
        script = bundle.script(
            bundle.SHARED.parent / self.MODULE, last="window.J = { Learner, run };\n"
        )
        self.page.add_script_tag(content=script)

    def _seconds(self) -> float:
        found = self.chrome.send("SystemInfo.getProcessInfo")["processInfo"]
        return float(sum(one["cpuTime"] for one in found))

    def begin(self, talk: str, distractors: int, seed: int) -> None:
        """A fresh run."""
        cfg, figure = tarmac.Config(**probe(distractors)), LearningFigure()
        choice = {"talk": talk, "distractors": distractors, "lr": cfg.lr, "seed": seed}
        choice |= {"heads": cfg.heads, "signature": cfg.signature_dim, "value": cfg.value_dim}
        made = "([setup, choice]) => { window.learner = new J.Learner(setup, choice); }"
        self.page.evaluate(made, [figure.setup, choice])
        figure.close()

    def go(self, updates: int) -> float:
        """So many updates; the seconds they took."""
        start = self._seconds()
        self.page.evaluate("n => { for (; n > 0; n--) J.run(learner.update()); }", updates)
        return self._seconds() - start

    def score(self, episodes: int = EPISODES) -> float:
        """The share of right answers in fresh episodes."""
        shares = self.page.evaluate(
            "n => Array.from({ length: n / 20 }, (_, k) => learner.evaluate(20, 1_000_000 + k))",
            episodes,
        )
        return sum(shares) / len(shares)


def in_chromium(chromium: Chromium, distractors: int, seed: int) -> Row:
    """The figure's attention, until the goal."""
    cfg = tarmac.Config(**probe(distractors))
    chromium.begin("attention", distractors, seed)
    spent, score = 0.0, float("nan")
    for updates in range(cfg.log_every, cfg.updates + 1, cfg.log_every):
        spent += chromium.go(cfg.log_every)
        score = chromium.score()
        if score >= ENOUGH:
            return {"updates": updates, "seconds": spent, "success": score}
    return {"updates": cfg.updates, "seconds": spent, "success": float("nan")}


def race(distractors: int, chromium: Chromium) -> Row:
    """Both until the goal, seed after seed."""
    ways: dict[str, Callable[[int], Row]] = {
        "PyTorch": lambda seed: in_torch(distractors, seed),
        "Chromium": lambda seed: in_chromium(chromium, distractors, seed),
    }
    runs: dict[str, list[Row]] = {name: [] for name in ways}
    for seed in SEEDS:
        for name, way in ways.items():
            row = {"seed": seed, **way(seed)}
            runs[name].append(row)
            print(
                f"{distractors} distractors, {name:8} seed {seed}: {row['seconds']:6.2f} s, "
                f"{row['updates']:4} updates, {100 * row['success']:.1f} %",
                flush=True,
            )
    slowest = {name: max(row["seconds"] for row in rows) for name, rows in runs.items()}
    an_update = {
        name: sum(row["seconds"] for row in rows) / sum(row["updates"] for row in rows)
        for name, rows in runs.items()
    }
    ratio = slowest["Chromium"] / slowest["PyTorch"]
    print(f"{distractors} distractors: {ratio:.1f} times PyTorch's seconds (goal: {GOAL:g})")
    return {
        "distractors": distractors, "runs": runs, "slowest": slowest, "ratio": ratio,
        "seconds_of_an_update": an_update,
    }  # fmt: skip


def to_the_end(chromium: Chromium, distractors: int = 3) -> Row:
    """What the mean and silence come to in Chromium, beside the stored runs."""
    found: Row = {}
    for talk, experiment in (("mean", "commnet"), ("nobody", "none")):
        scores = []
        for seed in SEEDS:
            chromium.begin(talk, distractors, seed)
            chromium.go(tarmac.Config(**probe(distractors)).updates)
            scores.append(chromium.score(AT_THE_END))
        here = results.score_interval(scores, AT_THE_END)
        stored = results.summary(f"{experiment}-probe{distractors}")
        found[talk] = {"scores": scores, "here": here._asdict(), "stored": stored._asdict()}
        print(
            f"{talk}: {100 * here.value:.1f} % ({100 * here.low:.1f} to {100 * here.high:.1f}), "
            f"stored {100 * stored.value:.1f} % ({100 * stored.low:.1f} to {100 * stored.high:.1f})"
        )
    return {"distractors": distractors, "episodes": AT_THE_END, **found}


def measure(options: argparse.Namespace) -> Row:
    """Everything, printed as it comes."""
    torch.set_num_threads(1)
    # What torch loads with its first optimiser is not training.
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])
    with sync_playwright() as playwright:
        browser = launch(playwright, on_this_machine())
        chromium = Chromium(browser)
        races = [race(k, chromium) for k in options.distractors]
        ends = to_the_end(chromium)
        version = browser.version
        browser.close()
    return {
        "races": races,
        "goal": GOAL,
        "to_the_end": ends,
        "provenance": {
            "command": "python benchmarks/learning.py --save",
            "criterion": f"{100 * ENOUGH:g} % of the answers in {EPISODES} fresh greedy episodes",
            "cpu_model": cpu_model(),
            "cores": os.cpu_count(),
            "load_before": options.load,
            "versions": {"torch": torch.__version__, "chromium": version},
            **git_commit(),
            "finished": now(),
        },
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and save if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--distractors", nargs="+", type=int, default=[3, 7])
    parser.add_argument("--save", action="store_true", help="write benchmark-learning.json")
    options = parser.parse_args(arguments)
    options.load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    measured = measure(options)
    if options.save:
        storage.write_json(results.RESULTS / "benchmark-learning.json", measured)


if __name__ == "__main__":
    main()
