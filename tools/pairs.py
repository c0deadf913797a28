"""Every algorithm on every environment: three updates, and what came of them.

usage: python tools/pairs.py [--save] [SOURCE ...]      e.g. mpe2 popgym

A pair has trained if its run made all updates and every number of its log and of its networks is
finite. Or it is refused, with the reason that stands here beside the environment: anything else
that goes wrong stops this command. A package that is not installed is named, and its environments
are left out. `--save` writes book/results/pairs.json, which a page of the book shows; the tests of
`make deep` try the same pairs.
"""

import argparse
import importlib
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import gymnasium
import torch
from torch import nn

from marl_edu import envs, results
from marl_edu.algos import commnet, counts, dqn, drqn, gat, ic3net, icm, rnd, tarmac
from marl_edu.core import storage
from marl_edu.core.provenance import git_commit, now
from marl_edu.envs.adapters import discretise, from_gymnasium, from_pettingzoo
from marl_edu.envs.registration import NAMES
from marl_edu.training import a2c, ppo

UPDATES = 3
SMALL = {"updates": UPDATES, "num_envs": 2, "hidden_dim": 8, "log_every": 1}
REPLAY = {"learning_starts": 1, "batch_size": 4, "capacity": 100}
STEPS = 6  # of an episode, where the environment does not say, or takes long


class Method(NamedTuple):
    """An algorithm: its config, what trains it, and settings that make it small."""

    config: Callable[..., Any]
    train: Callable[..., Any]
    settings: dict[str, Any] = {}  # noqa: RUF012  a NamedTuple has no other way


METHODS = {
    "none": Method(a2c.Config, a2c.train),
    "CommNet": Method(commnet.Config, commnet.train),
    "IC3Net": Method(ic3net.Config, ic3net.train),
    "TarMAC": Method(tarmac.Config, tarmac.train),
    "GAT": Method(gat.Config, gat.train),
    "DQN": Method(dqn.Config, dqn.train, REPLAY),
    "DRQN": Method(drqn.Config, drqn.train, REPLAY),
    "PPO": Method(ppo.Config, ppo.train),
    "counts": Method(counts.Config, counts.train),
    "ICM": Method(icm.Config, icm.train),
    "RND": Method(rnd.Config, rnd.train),
}


class Place(NamedTuple):
    """An environment, as the config of a run names it."""

    env: Callable[..., Any]
    args: dict[str, Any] = {}  # noqa: RUF012
    refused: str = ""  # a part of what is said when it is refused; "": it is taken


class Source(NamedTuple):
    """Environments that come from one package, and the packages that they need."""

    packages: tuple[str, ...]
    places: dict[str, Place]


def single(name: str, module: str = "gymnasium", refused: str = "", wrap: Any = None) -> Place:
    """A registered environment; `module` registers it."""

    def make() -> Any:
        importlib.import_module(module)
        # Gymnasium's checker knows single agents, and takes offence at the rewards of a team.
        env = gymnasium.make(name, disable_env_checker=True)
        return wrap(env) if wrap else env

    return Place(from_gymnasium, {"make_env": make, "max_steps": STEPS}, refused)


def together(name: str) -> Place:
    """A particle environment of mpe2, which says how long its episodes last."""

    def make() -> Any:
        return importlib.import_module(f"mpe2.{name}").parallel_env(max_cycles=STEPS)

    return Place(from_pettingzoo, {"make_env": make})


def in_turns(name: str, turns: int = STEPS) -> Place:
    """A classic game of PettingZoo; `turns` are those of all players together."""

    def make() -> Any:
        return importlib.import_module(f"pettingzoo.classic.{name}").env()

    return Place(from_pettingzoo, {"make_env": make, "max_steps": turns})


def image(env: Any) -> Any:
    """MiniGrid without the text of its mission."""
    return importlib.import_module("minigrid.wrappers").ImgObsWrapper(env)


MPE2 = (
    "simple_v3", "simple_adversary_v3", "simple_crypto_v3", "simple_push_v3",
    "simple_reference_v3", "simple_speaker_listener_v4", "simple_spread_v3", "simple_tag_v3",
    "simple_world_comm_v3",
)  # fmt: skip
MINIGRID = ("MiniGrid-Empty-5x5-v0", "MiniGrid-DoorKey-5x5-v0", "MiniGrid-MemoryS7-v0")
POPGYM = (
    "popgym-RepeatPreviousEasy-v0", "popgym-CountRecallEasy-v0", "popgym-AutoencodeEasy-v0",
    "popgym-PositionOnlyCartPoleEasy-v0",
)  # fmt: skip
TOYS = (
    "Blackjack-v1", "CliffWalking-v1", "FrozenLake-v1", "Taxi-v4", "Acrobot-v1", "CartPole-v1",
    "MountainCar-v0",
)  # fmt: skip
CONTINUOUS = ("MountainCarContinuous-v0", "Pendulum-v1")
SOURCES = {
    "marl_edu": Source(("marl-edu",), {name: Place(getattr(envs, name)) for name in NAMES}),
    "mpe2": Source(("mpe2", "pettingzoo"), {name: together(name) for name in MPE2}),
    "lbforaging": Source(
        ("lbforaging",), {"Foraging-5x5-2p-1f-v3": single("Foraging-5x5-2p-1f-v3", "lbforaging")}
    ),
    "rware": Source(("rware",), {"rware-tiny-2ag-v2": single("rware-tiny-2ag-v2", "rware")}),
    "minigrid": Source(
        ("minigrid",),
        {name: single(name, "minigrid", wrap=image) for name in MINIGRID}
        | {
            "MiniGrid-Empty-5x5-v0, with its mission": single(
                MINIGRID[0], "minigrid", "must be of spaces with a fixed size"
            )
        },
    ),
    "popgym": Source(
        ("popgym",),
        {name: single(name, "popgym") for name in POPGYM}
        | {
            "popgym-BattleshipEasy-v0": single(
                "popgym-BattleshipEasy-v0", "popgym", "must be Discrete, got MultiDiscrete"
            )
        },
    ),
    "pettingzoo.classic": Source(
        ("pettingzoo", "rlcard"),
        {
            "tictactoe_v3": in_turns("tictactoe_v3", 9),
            "connect_four_v3": in_turns("connect_four_v3"),
            "leduc_holdem_v4": in_turns("leduc_holdem_v4"),
            "texas_holdem_v4": in_turns("texas_holdem_v4"),
        },
    ),
    "gymnasium": Source(
        ("gymnasium",),
        {name: single(name) for name in TOYS}
        | {f"{name}, in three actions": single(name, wrap=discretise) for name in CONTINUOUS}
        | {name: single(name, refused="wrap the environment in discretise") for name in CONTINUOUS},
    ),
}


class Wrong(Exception):
    """A pair that neither trained nor was refused for the reason that was expected."""


def installed(source: str) -> dict[str, str]:
    """The versions of a source's packages.

    Raises:
        PackageNotFoundError: one is not installed.
    """
    return {name: version(name) for name in SOURCES[source].packages}


def try_pair(method: str, place: Place) -> str:
    """Train for three updates. Returns the reason why it was refused, or "" if it has trained.

    Raises:
        Wrong: a number is not finite, an update is missing, or it should have been refused. What
            the environment or the algorithm raises, unless it says what `place.refused` says.
    """
    config, train, settings = METHODS[method]
    cfg = config(env=place.env, env_args=place.args, **SMALL, **settings)
    try:
        result = train(cfg)
    except (TypeError, ValueError) as error:
        if place.refused and place.refused in str(error):
            return str(error)
        raise
    if place.refused:
        raise Wrong(f"trained, but {place.refused!r} should have been said")
    if result.rows[-1]["update"] != UPDATES:
        raise Wrong(f"made {result.rows[-1]['update']} updates instead of {UPDATES}")
    if wrong := [name for name, x in numbers(result) if not math.isfinite(x)]:
        raise Wrong(f"not finite: {', '.join(wrong)}")
    return ""


def numbers(result: Any) -> Iterator[tuple[str, float]]:
    """The numbers of a run's log, and of each parameter of its networks the sum."""
    for row in result.rows:
        yield from row.items()
    for name, part in vars(result).items():
        if isinstance(part, nn.Module):
            for inside, tensor in part.state_dict().items():
                yield f"{name}.{inside}", float(tensor.sum())


def try_source(source: str) -> list[dict[str, Any]]:
    """A row for each environment: which methods trained, and why the others were refused."""
    rows = []
    for name, place in SOURCES[source].places.items():
        said = {method: try_pair(method, place) for method in METHODS}
        trained = [method for method, reason in said.items() if not reason]
        refused = {method: reason for method, reason in said.items() if reason}
        rows.append({"environment": name, "trained": trained, "refused": refused})
        print(f"  {name:44}{len(trained):3} trained{len(refused):4} refused", flush=True)
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Try, print, and save if asked. The exit code is 1 if a package was missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("sources", nargs="*", metavar="SOURCE", help=f"of {', '.join(SOURCES)}")
    parser.add_argument("--save", action="store_true", help="write book/results/pairs.json")
    options = parser.parse_args(arguments)
    if unknown := set(options.sources) - SOURCES.keys():
        parser.error(f"SOURCE must be one of {', '.join(SOURCES)}, got {', '.join(unknown)}")
    if options.save and options.sources:
        parser.error("--save is for all sources at once")
    torch.set_num_threads(1)
    start, sources, missing = time.process_time(), [], []
    for source in options.sources or SOURCES:
        try:
            packages = installed(source)
        except PackageNotFoundError as error:
            missing.append(f"{source}: {error.name} is not installed")
            continue
        print(source, *(f"{name} {found}" for name, found in packages.items()))
        sources.append({"source": source, "packages": packages, "rows": try_source(source)})
    print(f"{time.process_time() - start:.0f} core seconds", *missing, sep="\n")
    if options.save and not missing:
        path = results.RESULTS / "pairs.json"
        made = {"time": now(), "torch": torch.__version__, **git_commit()}
        storage.write_json(
            path, {"updates": UPDATES, "methods": list(METHODS), "sources": sources, **made}
        )
        print(f"written: {path}")
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main())
