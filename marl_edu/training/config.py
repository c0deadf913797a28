"""What the configs of all loops share: a setting is checked where it is made, in words.

One name means one thing in every loop, so that one table says what each takes.
"""

import inspect
import linecache
import re
import sys
from contextlib import suppress
from dataclasses import dataclass, fields
from itertools import dropwhile, islice, takewhile
from math import inf
from typing import Any

import torch

from marl_edu.core.checks import finite_number, probability, seed_number, whole_number
from marl_edu.training import memory

# Whole numbers of at least 1, and of at least 0.
COUNTS = frozenset((
    "updates", "num_envs", "batch_size", "capacity", "epochs", "minibatches", "window", "rounds",
    "heads", "hidden_dim", "signature_dim", "value_dim", "feature_dim", "model_dim", "mixing_dim",
    "predictor_dim", "detach_every", "log_every", "checkpoint_every", "target_update_interval",
    "actor_delay",
))  # fmt: skip
COUNTS_OR_0 = frozenset(("layers", "nearest", "burn_in", "learning_starts"))
# Finite numbers above 0, and of at least 0.
SIZES = frozenset((
    "lr", "lr_bonus", "reward_scale", "max_grad_norm", "train_freq", "clip_coef", "temperature",
))  # fmt: skip
SIZES_OR_0 = frozenset((
    "ent_coef", "ent_coef_end", "vf_coef", "ext_coef", "int_coef", "eta", "noise", "smoothing",
    "logit_cost",
))  # fmt: skip
# Numbers above 0 and at most 1, and from 0 to 1.
SHARES = frozenset(("anneal", "exploration_fraction", "bonus_share", "weight", "tau"))
SHARES_OR_0 = frozenset(
    ("gamma", "gamma_int", "gae_lambda", "lr_end", "epsilon", "epsilon_end", "beta")
)

RAREST = 10_000  # steps per gradient step: with more, nothing is learned for hours
MAKER = "a class or function that takes num_envs and seed, such as envs.TrafficJunction"


@dataclass(frozen=True)
class Checked:
    """The base of every config. Its settings are checked when it is made.

    Raises:
        TypeError: `env` cannot be called; a switch that is no bool.
        ValueError: a number that its setting does not take, or more memory than there may be.
    """

    def __init_subclass__(cls) -> None:
        """Take the comments into the docstring, for `help` and the page of the module."""
        args: dict[str, str] = {}
        for one in reversed(cls.__mro__):
            args |= comments(one)
        lines = [f"    {name}: {text}" for name, text in args.items()]
        cls.__doc__ = "\n".join([f"{cls.__doc__}\n", "Args:", *lines])

    def __post_init__(self) -> None:
        """Check all settings."""
        for field in fields(self):
            check(field.name, getattr(self, field.name), field.type in (bool, "bool"))
        env = getattr(self, "env", None)
        if not callable(env):
            hint = "" if isinstance(env, str) else " (its class, not an environment)"
            raise TypeError(f"env must be {MAKER}{hint}, got {env!r}")
        memory.check(self)


def comments(cls: type) -> dict[str, str]:
    """The comments behind the fields of a class, as its file has them."""
    lines = linecache.getlines(getattr(sys.modules[cls.__module__], "__file__", None) or "")
    rest = dropwhile(lambda line: not line.startswith(f"class {cls.__name__}("), lines)
    body = takewhile(lambda line: line[0] in " \n", islice(rest, 1, None))
    found = (re.fullmatch(r" {4}(\w+): .*?  # (.+)\n", one) for one in body)
    return {one[1]: one[2] for one in found if one}


def check(name: str, value: Any, switch: bool) -> None:
    """Raise unless the setting takes this value; what is neither number nor switch passes."""
    if switch and not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    if name == "seed":
        seed_number(value)
    elif name in COUNTS | COUNTS_OR_0:
        whole_number(name, value, int(name in COUNTS))
    elif name in SHARES_OR_0:
        probability(name, value)
    elif name in SIZES | SIZES_OR_0 | SHARES:
        found = None if isinstance(value, bool) else finite_number(value)
        low = "of at least 0" if name in SIZES_OR_0 else "above 0"
        high, most = (1.0, " and at most 1") if name in SHARES else (inf, "")
        if found is None or not 0 <= found <= high or (found == 0 and name not in SIZES_OR_0):
            raise ValueError(f"{name} must be a number {low}{most}, got {value!r}")
    if name == "train_freq" and value > RAREST:
        raise ValueError(f"train_freq must be at most {RAREST:,} steps, got {value!r}")


def make_env(cfg: Any, continuous: bool = False) -> Any:
    """Seed torch, and make the environment of a run.

    Args:
        continuous: whether the algorithm takes environments whose actions are `continuous`.
    Raises:
        ValueError: the environment is `continuous`, and the algorithm chooses among a few actions;
            or the run would need more memory than there may be.
        TypeError: `cfg` is no config, or its `env` does not take `env_args`, `num_envs` and `seed`.
    """
    if not issubclass(type(cfg), Checked):
        raise TypeError(f"cfg must be the algorithm's Config, got {cfg!r}")
    args = {**cfg.env_args, "num_envs": cfg.num_envs, "seed": cfg.seed}
    with suppress(ValueError):  # of what is written in C, nobody knows what it takes
        try:
            inspect.signature(cfg.env).bind(**args)
        except TypeError as error:
            raise TypeError(
                f"env must be {MAKER}, got {cfg.env!r}, given {args}: {error}"
            ) from error
    if cfg.num_envs > memory.MANY:  # of one, see what so many would need
        memory.check(cfg, cfg.env(**{**args, "num_envs": 1}))
    torch.manual_seed(cfg.seed)
    env = cfg.env(**args)
    if not continuous and getattr(env, "continuous", False):
        raise ValueError(
            f"env must have a few actions to choose from for {type(cfg).__module__}, got one that "
            "is continuous: train it with marl_edu.algos.maddpg, or make it with continuous=False"
        )
    memory.check(cfg, env)
    return env
