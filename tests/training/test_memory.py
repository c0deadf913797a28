"""What would need more memory than there is, is refused by its name before it is asked for."""

import dataclasses
import math
from typing import Any

import gymnasium
import pytest
import torch

from marl_edu.algos import combined, dqn, drqn, gat, icm, maddpg, mappo, qmix, rnd, tarmac
from marl_edu.envs import MatrixGame, TMaze, TrafficJunction
from marl_edu.envs.adapters import from_gymnasium
from marl_edu.envs.games import TwoStepGame
from marl_edu.experiments import catalogue
from marl_edu.training import a2c, config, memory
from tests.unchecked import unchecked


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: tarmac.Config(heads=10**6), "heads=1000000 a run needs at least 110,592,229,376"),
        (lambda: tarmac.Config(value_dim=10**7), "value_dim=10000000"),
        (lambda: tarmac.Config(rounds=10**6), "rounds=1000000"),
        (lambda: tarmac.Config(hidden_dim=10**6), "hidden_dim=1000000"),
        (lambda: tarmac.Config(num_envs=10**7), "num_envs=10000000"),
        (lambda: gat.Config(layers=10**6), "layers=1000000"),
        (lambda: icm.Config(model_dim=10**7), "model_dim=10000000"),
        (lambda: rnd.Config(predictor_dim=10**6), "predictor_dim=1000000"),
        (lambda: qmix.Config(MatrixGame, mixing_dim=10**7), "mixing_dim=10000000"),
        (lambda: dqn.Config(TMaze, batch_size=10**8), "batch_size=100000000"),
        (lambda: dqn.Config(TMaze, capacity=10**9), "capacity=1000000000"),
    ],
)
def test_a_setting_that_needs_too_much_is_named_with_the_bytes(make: Any, named: str) -> None:
    with pytest.raises(ValueError, match=rf"must be smaller: with {named}.* bytes, and at most"):
        make()


@pytest.mark.parametrize(
    ("train", "cfg", "named"),
    [
        (tarmac.train, tarmac.Config(num_envs=100_000), "num_envs=100000"),
        (gat.train, gat.Config(**catalogue.graphs.relay(2), num_envs=10**6), "num_envs=1000000"),
        (drqn.train, drqn.Config(TMaze, capacity=10**7), "capacity=10000000"),
        (
            qmix.train,
            qmix.Config(TwoStepGame, hidden_dim=8, mixing_dim=10**6),
            "mixing_dim=1000000",
        ),
    ],
)
def test_what_shows_only_in_the_environment_is_refused_when_it_is_there(
    train: Any, cfg: Any, named: str
) -> None:
    with pytest.raises(ValueError, match=f"with {named}"):
        train(cfg)


def test_the_estimate_is_from_below() -> None:
    """Of a network that is there: weights alone, and what one step of one agent computes."""
    cfg = tarmac.Config(heads=2, hidden_dim=32, num_envs=1)
    net = tarmac.build(cfg, TrafficJunction("easy", num_envs=1))
    weights = sum(p.numel() for p in net.parameters())
    known = {name: int(getattr(cfg, name, least)) for name, least in memory.KNOWN.items()}
    assert 0.5 * weights * memory.LEARNED < memory.of_settings(known) < weights * memory.LEARNED


def test_the_books_own_runs_are_allowed() -> None:
    for name, experiment in catalogue.EXPERIMENTS.items():
        if hasattr(experiment.cfg, "num_envs"):
            numbers = experiment.algorithm.id == "maddpg"  # takes actions that are numbers
            assert config.make_env(experiment.cfg, continuous=numbers).num_envs >= 1, name


# -- Every number of a chapter's parameters, at values that somebody tries ---

CART_POLE = {"make_env": lambda: gymnasium.make("CartPole-v1"), "max_steps": 100}
CHAPTERS: dict[str, tuple[Any, Any]] = {
    "tarmac": (tarmac.train, tarmac.Config(env_args={"difficulty": "easy"}, num_envs=2)),
    "gat": (gat.train, gat.Config(**catalogue.graphs.relay(2), layers=2, num_envs=2, nearest=64)),
    "drqn": (
        drqn.train,
        drqn.Config(TMaze, {"length": 3}, hidden_dim=32, learning_starts=20, num_envs=4),
    ),
    "icm": (icm.train, icm.Config(num_envs=2)),
    "rnd": (rnd.train, rnd.Config(num_envs=2)),
    "comparison": (
        combined.train_team,
        dataclasses.replace(
            catalogue.EXPERIMENTS["tarmac_drqn-witness"].cfg, num_envs=4, learning_starts=20
        ),
    ),
    "qmix": (
        qmix.train,
        qmix.Config(TwoStepGame, **catalogue.values.GAME | {"num_envs": 4, "learning_starts": 8}),
    ),
    "environments": (a2c.train, a2c.Config(from_gymnasium, CART_POLE, num_envs=4)),
    "mappo": (mappo.train, mappo.Config(**catalogue.critics.HUNT, num_envs=2)),
    "maddpg": (
        maddpg.train,
        maddpg.Config(**catalogue.maddpg.NUMBERS, num_envs=2, learning_starts=100),
    ),
}
LONG = ("updates", "epochs", "minibatches", "learning_starts")
SLOW = {("qmix", "num_envs")}  # so small a game that a million of them run, in a minute
FEW = 2  # updates, where it is not they that are changed


def values(value: float) -> list[Any]:
    """What is tried of a number."""
    half = value // 2 if isinstance(value, int) else value / 2
    return [half, 2 * value, 0, -1, 1e6, 10**6, math.nan, "many"]


def refused(train: Any, start: Any, name: str, value: Any) -> str | None:
    """Why it does not run with this value; None where it has run."""
    try:
        with unchecked():
            run = train(dataclasses.replace(start, **{name: value}))
    except (ValueError, TypeError) as error:
        return str(error)
    return None if run.rows and isinstance(run.net, torch.nn.Module) else "no result"


@pytest.mark.long
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_any_number_of_the_parameters_runs_or_is_named(chapter: str) -> None:
    train, start = CHAPTERS[chapter]
    start = dataclasses.replace(start, updates=FEW, log_every=1)
    for field in dataclasses.fields(start):
        value = getattr(start, field.name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        for tried in values(value):
            endless = field.name in LONG or (chapter, field.name) in SLOW
            if endless and type(tried) is int and tried == 10**6:
                continue  # it would run, for a day
            said = refused(train, start, field.name, tried)
            assert said is None or "\n" not in said, said
            assert said is None or said.startswith((field.name, "layers must", "seed must")), (
                field.name, tried, said
            )  # fmt: skip
            assert said is None or field.name in said
