"""The environment and the trainer released with IC3Net, for benchmarks/junction.py --reference.

    python benchmarks/peer_ic3net.py PATH easy

PATH is a checkout of github.com/IC3Net/IC3Net, as it is. Its `main.py` is run with the command of
its README, one process instead of 16 and no epoch, which leaves its trainer behind. It wants the
gym of 2018, of which it uses four names, and visdom, of which it uses none: they are put in their
place. What numpy, torch and Python have changed since is turned back. A line "environment SECONDS"
or "training SECONDS" on stdin is answered by a line of JSON: steps a second.
"""

import contextlib
import inspect
import io
import json
import os
import runpy
import sys
import time
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import torch
from gymnasium import spaces

HIDDEN = 128
SIZES = {"easy": (5, 6, 20), "medium": (10, 14, 40), "hard": (20, 18, 80)}  # cars, cells, steps
RECIPE = (
    "--env_name traffic_junction --nprocesses 1 --num_epochs 0 --detach_gap 10 --lrate 0.001 "
    f"--ic3net --vision 0 --recurrent --add_rate_min 0.1 --add_rate_max 0.3 --hid_size {HIDDEN}"
)


class Grid:
    """numpy's ogrid as it was: a list."""

    def __getitem__(self, key: Any) -> list[Any]:
        """The open grid."""
        return list(OGRID[key])


OGRID, TIMES = np.ogrid, torch.Tensor.__imul__


def times(a: torch.Tensor, b: Any) -> torch.Tensor:
    """`a *= b`, also where entries of a share their memory: torch refuses that today."""
    return a * b if 0 in a.stride() else TIMES(a, b)


def stand_in() -> None:
    """What its code expects of old libraries."""
    made: dict[str, str] = {}

    def make(name: str) -> Any:
        module, _, kind = made[name].partition(":")
        return getattr(import_module(module), kind)()

    def register(id: str, entry_point: str) -> None:
        made[id] = entry_point

    contents: dict[str, dict[str, Any]] = {
        "gym": {"Env": object, "spaces": spaces, "make": make},
        "gym.envs": {},
        "gym.envs.registration": {"register": register},
        "visdom": {},
    }
    for name, content in contents.items():
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name]).update(content)
    vars(np)["ogrid"] = Grid()
    torch.Tensor.__imul__ = times  # type: ignore[method-assign,assignment]
    vars(inspect)["getargspec"] = inspect.getfullargspec  # gone since Python 3.11


def load(path: str, difficulty: str) -> dict[str, Any]:
    """What its main.py has made: `env`, `trainer`, `args`."""
    stand_in()
    cars, cells, steps = SIZES[difficulty]
    sizes = f"--nagents {cars} --dim {cells} --max_steps {steps} --difficulty {difficulty}"
    os.chdir(path)
    sys.path[:0] = [path, os.path.join(path, "ic3net-envs")]
    sys.argv = ["main.py", *RECIPE.split(), *sizes.split()]
    with contextlib.redirect_stdout(io.StringIO()):  # it prints; answers alone go to stdout
        return runpy.run_path("main.py")


def episode(made: dict[str, Any]) -> int:
    """An episode of random actions. Returns its steps."""
    env, args = made["env"], made["args"]
    env.reset(0)
    for _ in range(args.max_steps):
        env.step([np.random.randint(2, size=args.nagents)])
    return int(args.max_steps)


def per_second(call: Callable[[], int], seconds: float) -> float:
    """Steps a second of one core, over at least so many seconds."""
    steps, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        steps += call()
    return steps / (time.process_time() - start)


def main() -> None:
    """Answer until stdin ends."""
    torch.set_num_threads(1)
    made = load(os.path.abspath(sys.argv[1]), sys.argv[2])
    calls: dict[str, Callable[[], int]] = {
        "environment": lambda: episode(made),
        "training": lambda: int(made["trainer"].train_batch(0)["num_steps"]),
    }
    for line in sys.stdin:
        what, seconds = line.split()
        print(json.dumps(per_second(calls[what], float(seconds))), flush=True)


if __name__ == "__main__":
    main()
