"""Does the message matter? Trained teams with their channel tampered with, stored and shown.

    python -m marl_edu.bench            plays every kept policy of `tarmac-easy` (about 3 minutes)

Each seed's team plays the same 2,000 fresh episodes through each channel; its numbers go to
`book/results/channels/<experiment>-seed<k>.json`, which is never overwritten.
"""

import sys
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from marl_edu import results
from marl_edu.core import storage
from marl_edu.experiments import catalogue, interventions
from marl_edu.results import Estimate

FOLDER = results.RESULTS / "channels"
BITS = (1, 2, 3, 4, 6, 8)


class Bench(NamedTuple):
    """Success of n trained teams, under each channel and against the bits they send."""

    estimates: dict[str, Estimate]  # `tarmac-<channel>` -> interquartile mean and interval
    bits: dict[float, Estimate]  # bits per agent and step -> the same
    n: int


def channels(world) -> dict[str, interventions.Channel | None]:
    """The tampering, by name; `world` is the one that will be played in."""
    return {
        "as trained": None,
        "all muted": interventions.Mute(probability=1.0),
        "half lost": interventions.Mute(probability=0.5),
        "shuffled": interventions.Shuffle(),
        "of another road": interventions.Shuffle(among="worlds"),
        "1 step late": interventions.Delay(1, world),
        "2 steps late": interventions.Delay(2, world),
        "noise 0.5 s.d.": interventions.Noise(0.5),
        "noise 1 s.d.": interventions.Noise(1.0),
        **{f"{bits} bits": interventions.Quantise(bits) for bits in BITS},
    }


def play(name: str, seed: int, episodes: int = 2000) -> list[dict[str, Any]]:
    """One trained team through every channel: the rows of `channel.bench`."""
    net = catalogue.load_policy(name, seed)
    world = catalogue.make_world(name, batch_size=500, seed=seed)
    return interventions.bench(net, world, channels(world), episodes)


def stored(name: str = "tarmac-easy", folder: Path = FOLDER) -> Bench:
    """What `python -m marl_edu.bench` found.

    Raises:
        FileNotFoundError: it has not been run; the message names the command.
    """
    paths = sorted(folder.glob(f"{name}-seed*.json"))
    if not paths:
        raise FileNotFoundError(f"nothing in {folder}; make it with\n  python -m marl_edu.bench")
    runs = [storage.read_json(path)["rows"] for path in paths]
    method = name.partition("-")[0]
    estimates, bits = {}, {}
    for rows in zip(*runs, strict=True):
        found = results.interval([row["success"] for row in rows])
        if rows[0]["channel"].endswith(" bits"):
            bits[float(rows[0]["bits"])] = found
        else:
            estimates[f"{method}-{rows[0]['channel']}"] = found
    return Bench(estimates, bits, len(paths))


def main(name: str = "tarmac-easy") -> None:
    """Play every kept policy of an experiment that has not been played yet."""
    seeds = [record["seed"] for record in results.load(name)]
    for seed in tqdm(seeds, desc=name, unit="team"):
        path = FOLDER / f"{name}-seed{seed}.json"
        if not path.exists():
            rows = play(name, seed)
            storage.write_json(path, {"experiment": name, "seed": seed, "rows": rows}, False)


if __name__ == "__main__":
    main(*sys.argv[1:2])
