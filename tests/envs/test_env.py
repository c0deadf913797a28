"""What an environment of one's own needs, and what it is told where something is missing."""

import inspect
import textwrap
from typing import Any

import pytest
import torch

from marl_edu.algos import commnet
from marl_edu.core.evaluate import evaluate
from marl_edu.envs import TMaze
from marl_edu.envs.base.env import BatchedEnv
from marl_edu.training.a2c import TeamPolicy
from tests.unchecked import unchecked


def example() -> type[BatchedEnv]:
    """The environment that the docstring shows."""
    _, _, text = inspect.cleandoc(BatchedEnv.__doc__ or "").partition("::\n\n")
    code = textwrap.dedent(text.partition("\n\n`commnet")[0])
    found: dict[str, Any] = {"torch": torch, "BatchedEnv": BatchedEnv}
    exec(code, found)
    made: type[BatchedEnv] = found["Swap"]
    return made


@pytest.mark.learning
def test_a_team_learns_in_the_environment_of_the_docstring() -> None:
    Swap = example()
    team = commnet.train(commnet.Config(env=Swap, updates=250)).net
    assert evaluate(Swap(500), TeamPolicy(team), 500)["success"] > 0.9  # without messages 0.5


def test_its_sizes_are_shown_and_asked_for() -> None:
    assert repr(example()(3)) == "Swap(B=3, N=2, O=1, A=2, T=4)"
    assert repr(TMaze(num_envs=2)).startswith("TMaze(B=2, N=")

    class Bare(BatchedEnv):
        n_agents = 2

    with pytest.raises(TypeError, match="Bare must set n_actions, obs_dim, max_steps"):
        Bare(2).reset()


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"_get_obs": lambda env: env.bit.float()}, r"_get_obs .*\(B, N, O\) = \(3, 2, 1\), got"),
        ({"_get_obs": lambda env: None}, r"_get_obs returns must be a tensor .*, got None"),
        ({"_step": lambda env, a: (torch.ones(3), env.running, {})}, r"reward .*\(B, N\) = \(3, 2"),
        ({"_step": lambda env, a: (torch.ones(3, 2), torch.ones(3, 2), {})}, r"ended .*\(B,\) = "),
    ],
)
def test_a_wrong_shape_is_named(wrong: dict[str, Any], message: str) -> None:
    made = type("Wrong", (example(),), wrong)(3)

    def play() -> None:
        made.reset()
        made.step(torch.zeros(3, 2, dtype=torch.int64))

    with unchecked(), pytest.raises(ValueError, match=message):
        play()
