"""Scripted policies for speaker and listener: the value of being told the goal."""

from dataclasses import replace
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from marl_edu.envs.baselines.particles import drive
from marl_edu.envs.baselines.task import Always, ScriptedPolicy, Task, UniformPolicy
from marl_edu.envs.particles import DAMPING, DT, NOTHING
from marl_edu.envs.speaker_listener import LANDMARKS, LISTENER, SpeakerListener


def wandering(steps: int = 25, at_once: bool = False) -> float:
    """Expected return of a listener whose actions are all equally likely.

    Start and goal are 4/3 apart, squared, in the mean. A push changes the velocity along x with
    probability 2/5 by ±DT · 5, and by step t has moved the listener by what it coasted until then.
    Pushes are independent, so that the squares of what they moved add up; the same along y.

    at_once: a push moves the listener in the same step, as in OpenAI's order.
    """
    kept = 1 - DAMPING
    push = 2 / 5 * (DT * 5) ** 2
    moved = [(DT * (1 - kept ** (k + at_once)) / DAMPING) ** 2 * push for k in range(steps)]
    return -sum(4 / 3 + 2 * sum(moved[:t]) for t in range(1, steps + 1))


def _listen(
    env: SpeakerListener, offset: Float[Tensor, "B 2"], word: int | Tensor = 0
) -> Int[Tensor, "B N"]:
    """The speaker says `word`, the listener drives to what is `offset` away."""
    velocity = env.obs[:, LISTENER, None, :2]
    action = drive(offset[:, None], velocity, convention=env.convention)
    return torch.cat([torch.zeros_like(action) + word, action], 1)


def _landmarks(env: SpeakerListener) -> Float[Tensor, "B 3 2"]:
    """As the listener sees them: minus its own position."""
    return env.obs[:, LISTENER, 2 : 2 + 2 * LANDMARKS].unflatten(-1, (LANDMARKS, 2))


def _choose(landmarks: Float[Tensor, "B 3 2"], k: Int[Tensor, " B"]) -> Float[Tensor, "B 2"]:
    return landmarks.gather(1, k[:, None, None].expand(-1, 1, 2))[:, 0]


def middle(env: SpeakerListener) -> Int[Tensor, "B N"]:
    """To the middle of the landmarks: the best that one can do who ignores the speaker.

    The mean squared distance to three landmarks is smallest in their middle.
    """
    return _listen(env, _landmarks(env).mean(1))


class AnyLandmark:
    """To a landmark drawn by lot."""

    def __init__(self, seed: int = 0):
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, env: SpeakerListener) -> Int[Tensor, "B N"]:
        """What everybody does now."""
        if env.t == 0:
            shape = (env.num_envs,)
            lot = torch.randint(LANDMARKS, shape, generator=self.generator)
            self.lot = lot.to(env.device)
        return _listen(env, _choose(_landmarks(env), self.lot))


def told(env: SpeakerListener) -> Int[Tensor, "B N"]:
    """The speaker says the goal's number, and the listener goes there; before, to the middle."""
    obs, landmarks = env.obs, _landmarks(env)
    word = obs[:, LISTENER, -LANDMARKS:]
    offset = _choose(landmarks, word.argmax(1))
    offset = torch.where(word.any(1, keepdim=True), offset, landmarks.mean(1))
    return _listen(env, offset, word=obs[:, 0, None, :LANDMARKS].argmax(2))


def know_goal(env: SpeakerListener) -> Int[Tensor, "B N"]:
    """To the goal, from the first step on."""
    return _listen(env, _choose(_landmarks(env), env.goal))


def _policies(random: float, still: float) -> tuple[ScriptedPolicy, ...]:
    """All of them, and what the first two score exactly."""
    return (
        ScriptedPolicy("random", "random", UniformPolicy, exact=random),
        ScriptedPolicy("stand still", "open-loop", lambda: Always(NOTHING), exact=still),
        ScriptedPolicy("any landmark", "own view", AnyLandmark),
        ScriptedPolicy("middle of the landmarks", "own view", lambda: middle),
        ScriptedPolicy("told the goal", "shared view", lambda: told),
        ScriptedPolicy("know the goal", "best", lambda: know_goal),
    )


TASKS = (
    Task(
        key="speaker-listener",
        name="Speaker and listener",
        isolates="talk: finding a language",
        make=SpeakerListener,
        score="return",
        unit="return per agent",
        policies=_policies(wandering(), -25 * 4 / 3),
        show="told the goal",
    ),
)
# As in OpenAI's original, where both are paid the sum over both.
OPENAI_TASKS = (
    replace(
        TASKS[0],
        key="speaker-listener-openai",
        name="Speaker and listener, OpenAI's",
        make=partial(SpeakerListener, convention="openai"),
        unit="return of the team",
        policies=_policies(2 * wandering(at_once=True), -2 * 25 * 4 / 3),
    ),
)
