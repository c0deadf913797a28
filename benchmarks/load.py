"""How long the book's records take to load with their checks, beside without.

    python benchmarks/load.py           # prints; half a minute
    python benchmarks/load.py --save    # also writes book/results/benchmark-load.json

All records are copied twice: with the digests that a run writes, and with none. Both are loaded in
turns, once to warm up and five times; medians count.
"""

import argparse
import hashlib
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from marl_edu import results
from marl_edu.core import storage
from marl_edu.core.provenance import cpu_model, git_commit, now
from marl_edu.core.records import digest

GOAL = 1.1  # with checks, over without
TURNS = 5
NOTHING = {"csv_rows": None, "csv_sha256": None, "digest": None}


def copy(folder: Path, checked: bool) -> int:
    """All records and curves, with digests or with none. Returns how many."""
    paths = sorted(results.RESULTS.glob("*/seed-*.json"))
    for path in paths:
        record = storage.read_json(path) | NOTHING
        curve = path.with_suffix(".csv").read_bytes()
        if checked:
            record["csv_rows"] = curve.count(b"\n") - 1
            record["csv_sha256"] = hashlib.sha256(curve).hexdigest()
            record["digest"] = digest(record)
        place = folder / path.parent.name
        place.mkdir(parents=True, exist_ok=True)
        storage.write_json(place / path.name, record)
        (place / path.name).with_suffix(".csv").write_bytes(curve)
    return len(paths)


def seconds(folder: Path) -> float:
    """To load every experiment of a folder, in seconds of this process."""
    began = time.process_time()
    for place in sorted(folder.iterdir()):
        results.load(place.name, folder=folder)
    return time.process_time() - began


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and save if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--save", action="store_true", help="write benchmark-load.json")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as place:
        folders = {"with checks": Path(place, "with"), "without": Path(place, "without")}
        copy(folders["without"], checked=False)
        number = copy(folders["with checks"], checked=True)
        times: dict[str, list[float]] = {name: [] for name in folders}
        for turn in range(TURNS + 1):
            for name, folder in folders.items():
                taken = seconds(folder)
                if turn:
                    times[name].append(taken)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    ratio = medians["with checks"] / medians["without"]
    for name, taken in medians.items():
        print(f"{number} records {name}: {taken:.2f} s")
    print(f"ratio {ratio:.2f} (goal: at most {GOAL})")
    if options.save:
        command = {"command": "python benchmarks/load.py --save", "cpu_model": cpu_model()}
        report = {"records": number, "seconds": times, "ratio": ratio, "goal": GOAL}
        provenance = command | git_commit() | {"finished": now()}
        storage.write_json(
            results.RESULTS / "benchmark-load.json", report | {"provenance": provenance}
        )


if __name__ == "__main__":
    main()
