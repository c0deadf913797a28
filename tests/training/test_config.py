"""Settings: what no run can be made of is refused where it is written, by its name."""

import dataclasses
import inspect
import re
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import numpy as np
import pytest
import torch

from marl_edu import algos
from marl_edu.algos import dqn, drqn, icm, qmix, tarmac
from marl_edu.envs import MatrixGame, TMaze, TrafficJunction
from marl_edu.training import a2c, config, ppo, qlearning
from marl_edu.training.checkpoint import load_net
from tests.unchecked import unchecked


@pytest.fixture(autouse=True)
def _as_users() -> Iterator[None]:
    with unchecked():
        yield


GROUPS = [
    config.COUNTS, config.COUNTS_OR_0, config.SIZES, config.SIZES_OR_0, config.SHARES,
    config.SHARES_OR_0, frozenset(("seed",)),
]  # fmt: skip


def configs() -> list[Any]:
    """All configs of the algorithms and their loops."""
    files = [import_module(f"marl_edu.algos.{one.name}") for one in iter_modules(algos.__path__)]
    found = {
        one
        for file in [*files, a2c, ppo, qlearning]
        for _, one in inspect.getmembers(file, inspect.isclass)
        if issubclass(one, config.Checked) and one is not config.Checked
    }
    return sorted(found, key=lambda one: f"{one.__module__}.{one.__qualname__}")


@pytest.mark.parametrize("cfg", configs(), ids=lambda one: f"{one.__module__}.{one.__name__}")
def test_every_number_of_every_config_is_of_one_kind(cfg: Any) -> None:
    for field in dataclasses.fields(cfg):
        kinds = sum(field.name in group for group in GROUPS)
        assert kinds == (field.type in ("int", "float", int, float)), field.name


def test_no_kind_holds_a_setting_that_nobody_has() -> None:
    there = {field.name for cfg in configs() for field in dataclasses.fields(cfg)}
    assert frozenset().union(*GROUPS) <= there


@pytest.mark.parametrize(
    "make, message",
    [
        (partial(icm.Config, lr=-0.1), "lr must be a number above 0, got -0.1"),
        (partial(icm.Config, lr="1e-3"), "lr must be a number above 0, got '1e-3'"),
        (partial(icm.Config, lr=float("nan")), "lr must be a number above 0, got nan"),
        (partial(icm.Config, eta=-1), "eta must be a number of at least 0, got -1"),
        (partial(icm.Config, bonus_share=1.5), "bonus_share must be a number above 0 and at most"),
        (partial(icm.Config, epochs=0), "epochs must be a whole number of at least 1, got 0"),
        (partial(icm.Config, minibatches=0), "minibatches must be a whole number of at least 1"),
        (partial(tarmac.Config, updates=2.5), "updates must be a whole number of at least 1"),
        (partial(tarmac.Config, updates=True), "updates must be a whole number of at least 1"),
        (partial(tarmac.Config, gamma=1.5), r"gamma must be a number in \[0, 1\], got 1.5"),
        (partial(tarmac.Config, anneal=0), "anneal must be a number above 0 and at most 1, got 0"),
        (partial(tarmac.Config, detach_every=0), "detach_every must be a whole number"),
        (partial(tarmac.Config, hear_self=1), "hear_self must be True or False, got 1"),
        (partial(tarmac.Config, seed="0"), "seed must be a whole number or None, got '0'"),
        (partial(drqn.Config, TMaze, burn_in=-1), "burn_in must be a whole number of at least 0"),
        (partial(dqn.Config, TMaze, train_freq=0), "train_freq must be a number above 0, got 0"),
        (partial(qmix.Config, TMaze, weight=0), "weight must be a number above 0 and at most 1"),
        (partial(tarmac.Config, env="junction"), "env must be a class or function that takes"),
        (
            partial(tarmac.Config, env=TrafficJunction("easy", num_envs=2)),
            r"its class, not an environment\), got",
        ),
    ],
)
def test_what_no_run_can_be_made_of_is_refused_by_its_name(make: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_numbers_of_other_libraries_are_numbers() -> None:
    given = {"updates": np.int64(3), "num_envs": np.int32(4), "lr": np.float32(0.01)}
    cfg = tarmac.Config(**given, gamma=torch.tensor(0.5))
    assert tarmac.train(cfg).rows[-1]["update"] == 3
    assert dqn.Config(partial(TMaze), epsilon=0, learning_starts=0).learning_starts == 0


@pytest.mark.parametrize(
    "settings, named",
    [
        ({"env": lambda: None}, "num_envs"),
        ({"env": MatrixGame, "env_args": {"difficulty": "easy"}}, "difficulty"),
    ],
)
def test_what_does_not_take_what_it_is_given_is_named(settings: Any, named: str) -> None:
    with pytest.raises(TypeError, match=f"env must be .* got an unexpected keyword.*'{named}'"):
        tarmac.train(tarmac.Config(**settings))


@pytest.mark.parametrize("train", [tarmac.train, icm.train, dqn.train])
def test_what_is_no_config_is_named(train: Any) -> None:
    with pytest.raises(TypeError, match="cfg must be the algorithm's Config, got"):
        train(TrafficJunction("easy", num_envs=2))


def test_a_run_leaves_its_last_network_which_acts_the_same(tmp_path: Path) -> None:
    path = str(tmp_path / "team.safetensors")
    cfg = tarmac.Config(updates=5, num_envs=4, checkpoint_every=3)
    run = tarmac.train(cfg, checkpoint=path)
    again = tarmac.train(cfg, checkpoint=path)  # over: nothing is trained
    loaded = tarmac.build(cfg, config.make_env(cfg))
    assert load_net(loaded, path) is loaded and not loaded.training
    for name, value in run.net.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name])
        assert torch.equal(value, again.net.state_dict()[name])
    assert [row["update"] for row in again.rows] == [row["update"] for row in run.rows]
    other = tarmac.build(dataclasses.replace(cfg, hidden_dim=8), config.make_env(cfg))
    with pytest.raises(
        ValueError, match=r"of another network: encode.weight is \(64, 17\) in the file"
    ):
        load_net(other, path)


# -- Every number of every config, at values that somebody tries ---

SIZED = ("hidden_dim", "heads", "signature_dim", "value_dim", "rounds", "batch_size", "capacity",
         "feature_dim", "model_dim", "predictor_dim", "mixing_dim", "num_envs")  # fmt: skip
SPLIT = ("gat", "combined")  # there heads share hidden_dim out: more of them need no more


def started(cfg: Any) -> Any:
    """One of the configs, with the environment that it may need."""
    return cfg(env=TrafficJunction)


def said(cfg: Any, name: str, value: Any) -> str:
    """Why the config does not take this value; "" where it does."""
    try:
        dataclasses.replace(cfg, **{name: value})
    except (ValueError, TypeError) as error:
        return str(error)
    return ""


def numbers(cfg: Any) -> dict[str, Any]:
    """The numbers of a config, by their names."""
    found = {field.name: getattr(cfg, field.name) for field in dataclasses.fields(cfg)}
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


@pytest.mark.parametrize("kind", configs(), ids=lambda one: f"{one.__module__}.{one.__name__}")
def test_every_number_is_taken_or_named_in_one_sentence(kind: Any) -> None:
    cfg = started(kind)
    for name, value in numbers(cfg).items():
        half = value // 2 if isinstance(value, int) else value / 2
        for tried in (half, 2 * value, 0, -1, 1e6, 10**6, 2.5):
            text = said(cfg, name, tried)
            assert text == "" or (text.startswith(f"{name} must be ") and "\n" not in text), text
        assert said(cfg, name, value) == ""
        for tried in ("many", float("nan"), None):
            text = said(cfg, name, tried)
            assert text.startswith(f"{name} must be ") and repr(tried) in text


@pytest.mark.parametrize("kind", configs(), ids=lambda one: f"{one.__module__}.{one.__name__}")
def test_what_the_labs_are_to_refuse_is_refused_by_all(kind: Any) -> None:
    cfg = started(kind)
    there = numbers(cfg)
    for name, tried in (("heads", 2.5), ("hidden_dim", 0), ("gamma", 2.0)):
        if name in there:
            assert said(cfg, name, tried).startswith(f"{name} must be a ")
    for name in SIZED:
        if name in there and not (name == "heads" and kind.__module__.endswith(SPLIT)):
            text = said(cfg, name, 10**9)
            needs = (
                rf"{name} must be smaller: with {name}=1000000000 a run needs .* [\d,]+ bytes, .*"
            )
            assert re.fullmatch(needs, text), name
