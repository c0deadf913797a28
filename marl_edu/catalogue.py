"""Every experiment of the book: which method, on which world, with which settings.

Read this file to know what was run; `python -m marl_edu.experiments` runs it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from marl_edu import a2c, results, storage
from marl_edu.algos import commnet, tarmac
from marl_edu.envs import SpeakerProbe
from marl_edu.runs import Experiment

POLICIES = results.RESULTS.parent / "checkpoints"  # networks of finished seeds

EASY: dict[str, Any] = {
    "world_args": {"difficulty": "easy"},
    "updates": 2000,
    "anneal": 1.0,  # a one-seed trial with 0.4 stopped at 86 %
}
MEDIUM: dict[str, Any] = {
    "world_args": {"difficulty": "medium", "route": "one-hot"},
    "updates": 3200,
    "batch_size": 32,
    "checkpoint_every": 100,
}
HARD: dict[str, Any] = {
    "world_args": {"difficulty": "hard", "route": "one-hot"},
    "updates": 6000,
    "batch_size": 16,
    "checkpoint_every": 50,
}
DISTRACTORS = (1, 3, 7, 15)


def probe(distractors: int) -> dict[str, Any]:
    """The settings of a run on the speaker probe with so many distractors."""
    return {
        "world": SpeakerProbe,
        "world_args": {"distractors": distractors},
        "updates": 1200,
        "batch_size": 128,
        "entropy": 0.05,
        "entropy_end": 0.0,
        "reward_scale": 1.0,
    }


def evaluate(net: a2c.ActorCritic, cfg: a2c.Config, episodes: int) -> dict[str, float]:
    """The final evaluation of a team: fresh episodes of its world at full difficulty.

    Returns:
        success (share in [0, 1]), return and episodes of the greedy policy, and `success_sampling`
        of the policy as it was trained.
    """
    world = cfg.world(**cfg.world_args, batch_size=250, seed=cfg.seed)
    greedy = a2c.evaluate(net, world, episodes)
    sampling = a2c.evaluate(net, world, episodes, greedy=False)
    return greedy | {"success_sampling": sampling["success"]}


METHODS = (
    ("none", a2c.Config, a2c.train),
    ("commnet", commnet.Config, commnet.train),
    ("tarmac", tarmac.Config, tarmac.train),
)
EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        *(
            # Every seed's policy is kept: the bench of `marl_edu.channel` needs them all.
            Experiment(f"{m}-easy", config(**EASY), train, evaluate, keep_policy=tuple(range(8)))
            for m, config, train in METHODS
        ),
        *(
            Experiment(
                f"{m}-medium",
                config(**MEDIUM),
                train,
                evaluate,
                seeds=5,
                keep_policy=tuple(range(5)),
            )
            for m, config, train in METHODS
        ),
        *(
            Experiment(f"{m}-probe{k}", config(**probe(k)), train, evaluate, keep_policy=())
            for k in DISTRACTORS
            for m, config, train in METHODS
        ),
        # Four heads and two rounds: for the pictures of who listens to whom.
        Experiment(
            "tarmac-heads",
            tarmac.Config(**EASY, heads=4, content=8, rounds=2),
            tarmac.train,
            evaluate,
            seeds=1,
        ),
        Experiment("tarmac-hard", tarmac.Config(**HARD, rounds=2), tarmac.train, evaluate, seeds=2),
    )
}

BUILD: dict[type, Callable[[Any, Any], a2c.ActorCritic]] = {
    a2c.Config: a2c.build,
    commnet.Config: commnet.build,
    tarmac.Config: tarmac.build,
}


def make_world(name: str, batch_size: int = 1, seed: int | None = None):
    """The world on which the experiment `name` was trained, at full difficulty."""
    cfg = EXPERIMENTS[name].cfg
    return cfg.world(**cfg.world_args, batch_size=batch_size, seed=seed)


def load_policy(name: str, seed: int = 0, folder: Path = POLICIES) -> a2c.ActorCritic:
    """The trained team of a finished seed.

    Raises:
        ValueError: no experiment of that name, or a damaged or foreign file.
        FileNotFoundError: that seed's policy was not kept, or is not trained yet.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"name must be one of {', '.join(EXPERIMENTS)}, got {name!r}")
    path = folder / f"{name}-seed{seed}.safetensors"
    if not path.exists():
        raise FileNotFoundError(
            f"no policy {path}; make it with\n  python -m marl_edu.experiments run {name}"
        )
    tensors, _ = storage.load_checkpoint(path)
    cfg = EXPERIMENTS[name].cfg
    net = BUILD[type(cfg)](cfg, make_world(name))
    net.load_state_dict(tensors)
    return net.eval()
