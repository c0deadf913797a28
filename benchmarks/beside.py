"""The junction beside IC3Net's released code: `benchmarks/junction.py --reference PATH`.

Both on one core, in one run, with 128 hidden numbers, in turns of which the median counts. One step
is one step of one environment, with all its cars. Ours plays and learns in a batch.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from marl_edu.algos import commnet, ic3net, tarmac
from marl_edu.envs import TrafficJunction

PEER = Path(__file__).with_name("peer_ic3net.py")
TURNS = 5

Make = Callable[..., Callable[[], Any]]  # (difficulty, batch, ...) -> one episode of a batch


def measure(
    options: argparse.Namespace, play: Make, train: Make, batch: int = 64, hidden_dim: int = 128
) -> dict[str, Any]:
    """Environment steps a core second of IC3Net's released code and of ours, taken in turns."""
    torch.set_num_threads(1)
    commit = ["git", "-C", options.reference, "rev-parse", "HEAD"]
    found = subprocess.run(commit, capture_output=True, text=True, check=False).stdout.strip()
    rows = []
    print(f"{'':12}{'env':8}{'reference':>12}  ours: steps a core second, and times the reference")
    for what in ("environment", "training"):
        for difficulty in options.difficulties if what == "environment" else ("easy",):
            if what == "environment":
                ours = {str(what): play(difficulty, batch)}
            else:
                methods = {"TarMAC": tarmac, "CommNet": commnet, "IC3Net": ic3net}
                ours = {k: train("easy", batch, m, hidden_dim) for k, m in methods.items()}
            times = in_turns(what, difficulty, ours, batch, options)
            rates = {name: statistics.median(x) for name, x in times.items()}
            reference = rates.pop("reference")
            ratios = {name: rate / reference for name, rate in rates.items()}
            row = {"what": what, "difficulty": difficulty, "batch": batch, "reference": reference}
            rows.append(row | {"ours": rates, "ratios": ratios, "turns": times})
            cells = (f"{name} {rates[name]:,.0f} ({ratios[name]:.1f} x)" for name in rates)
            print(f"{what:12}{difficulty:8}{reference:12,.0f}  {', '.join(cells)}", flush=True)
    return {"reference_commit": found, "hidden_dim": hidden_dim, "rows": rows}


def in_turns(
    what: str,
    difficulty: str,
    ours: dict[str, Callable[[], Any]],
    batch: int,
    options: argparse.Namespace,
) -> dict[str, list[float]]:
    """Environment steps a core second, of "reference" and each of ours, TURNS times."""
    steps = batch * TrafficJunction(difficulty, num_envs=1).max_steps
    command = [sys.executable, "-W", "ignore", str(PEER), options.reference, difficulty]
    times: dict[str, list[float]] = {name: [] for name in ("reference", *ours)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as peer:
        if peer.stdin is None or peer.stdout is None:
            raise RuntimeError("the peer has no pipes")
        for turn in range(TURNS + 1):  # the first is for warming up
            peer.stdin.write(f"{what} {options.seconds}\n")
            peer.stdin.flush()
            rates = {"reference": json.loads(peer.stdout.readline())}
            for name, call in ours.items():
                calls, start = 0, time.process_time()
                while time.process_time() - start < options.seconds:
                    call()
                    calls += 1
                rates[name] = calls * steps / (time.process_time() - start)
            for name, rate in rates.items() if turn else ():
                times[name].append(rate)
    return times
