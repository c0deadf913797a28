"""How long the checks take on this machine, beside the limits that they keep.

usage: python tools/times.py [--rounds N] [quick] [test] [deep]

Measured as a developer meets them: packages installed, the caches of pip and mypy warm, no
notebook's outputs stored. The median of the rounds counts; nothing else should run meanwhile.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
LOGS = ROOT / ".times"
# What is run, and the minutes that it may take on two cores.
LIMITS: dict[str, tuple[list[str], int]] = {
    "quick": (["make", "quick"], 2),
    "test": (["make", "test"], 15),
    "deep": (["make", "deep"], 45),
}


def measure(command: list[str], log: Path) -> tuple[float, float]:
    """Minutes by the clock, and minutes of one core, of a command that has to succeed."""
    shutil.rmtree(BUILD, ignore_errors=True)
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with log.open("w") as out:
        failed = subprocess.run(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT).returncode
    if failed:
        sys.exit(f"{' '.join(command)} failed: see {log}")
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    core = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall / 60, core / 60


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table. The exit code is 1 if something took longer than its limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(LIMITS)} (all)")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts (3)")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - LIMITS.keys():
        parser.error(f"NAME must be one of {', '.join(LIMITS)}, got {', '.join(sorted(unknown))}")
    LOGS.mkdir(exist_ok=True)
    subprocess.run(["make", "types"], cwd=ROOT, check=True)  # warms its cache
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before; minutes, by the clock")
    print(f"{'':8}{'median':>8}{'limit':>8}{'core':>8}   rounds")
    over = False
    for name in options.names or LIMITS:
        command, limit = LIMITS[name]
        rounds = [measure(command, LOGS / f"{name}-{i}.log") for i in range(options.rounds)]
        walls, cores = zip(*rounds, strict=True)
        median = statistics.median(walls)
        over |= median > limit
        each = " ".join(f"{wall:.1f}" for wall in walls)
        note = "  OVER" if median > limit else ""
        core = statistics.median(cores)
        print(f"{name:8}{median:8.1f}{limit:8}{core:8.1f}   {each}{note}", flush=True)
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
