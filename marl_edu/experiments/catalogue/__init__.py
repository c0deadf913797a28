"""Every experiment of the book: which method, in which environment, with which settings.

A file per chapter says what was run; `python -m marl_edu.experiments` runs it.
"""

from pathlib import Path
from typing import Any

from marl_edu.core import storage
from marl_edu.core.checks import did_you_mean
from marl_edu.experiments import methods
from marl_edu.experiments.catalogue import (
    communication,
    comparison,
    credit,
    critics,
    exploration,
    graphs,
    maddpg,
    memory,
    values,
)
from marl_edu.experiments.run import Experiment
from marl_edu.results.folders import POLICIES, how_to_make

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        *communication.EXPERIMENTS,
        *graphs.EXPERIMENTS,
        *exploration.EXPERIMENTS,
        *memory.EXPERIMENTS,
        *values.EXPERIMENTS,
        *critics.EXPERIMENTS,
        *communication.HARD_EXPERIMENTS,
        *comparison.EXPERIMENTS,
        *credit.EXPERIMENTS,
        *maddpg.EXPERIMENTS,
    )
}


def make_env(name: str, num_envs: int = 1, seed: int | None = None) -> Any:
    """The environment on which the experiment `name` was trained, at full difficulty."""
    return methods.env_of(EXPERIMENTS[name].cfg, num_envs, seed)


def parameters(name: str) -> tuple[int, int]:
    """How many numbers an experiment learns: see `methods.parameters`."""
    experiment = EXPERIMENTS[name]
    return methods.parameters(experiment.algorithm, experiment.cfg, make_env(name, seed=0))


def load_policy(name: str, seed: int = 0, folder: Path = POLICIES) -> Any:
    """The trained network of a finished seed, as the experiment's method builds it.

    Raises:
        ValueError: no experiment of that name, or a file that is damaged or not a checkpoint of
            this package.
        FileNotFoundError: that seed's policy was not kept, or is not trained yet.
    """
    if name not in EXPERIMENTS:
        hint = did_you_mean(name, EXPERIMENTS)
        raise ValueError(f"name must be one of {', '.join(EXPERIMENTS)}, got {name!r}.{hint}")
    path = folder / f"{name}-seed{seed}.safetensors"
    if not path.exists():
        raise FileNotFoundError(
            f"no policy {path}; {how_to_make(f'marl_edu.experiments run {name}')}"
        )
    tensors, _ = storage.load_checkpoint(path)
    experiment = EXPERIMENTS[name]
    net = experiment.algorithm.build(experiment.cfg, make_env(name))
    net.load_state_dict(tensors)
    return net.eval()
