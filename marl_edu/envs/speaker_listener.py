"""Speaker and listener: one knows the goal and cannot move, the other can move and does not know.

Description:
    Three landmarks in the plane, one of them the goal. The speaker stands still, sees the goal's
    colour and says one of three words. The listener hears the word one step later, and drives.
    What the words mean is for the two to find out. The physics and its conventions are those of
    `particles.py`: the listener has acceleration 5 and no largest speed; nothing collides.
Actions:
    speaker: the word, `0`, `1` or `2`. Listener: `0` nothing, `1` left, `2` right, `3` down,
    `4` up, a push for one step. With `continuous=True` numbers in [0, 1]: three of the speaker, all
    of which the listener hears, and five of the listener (`particles.py`).
Observation, without bounds, O = 11:
    speaker, 3 numbers: the goal's colour, 0.65 for the number of the landmark that is the goal and
    0.15 for the two others; then 8 zeros. Listener, 11 numbers: own velocity (x, y); for every
    landmark its position minus one's own (x, y); the word said in the last step, one-hot, which
    is 0 0 0 at the start.
Rewards, after the move:
    to both, minus the squared distance from the listener to the goal.
Start and end:
    bodies at rest, each anywhere in [-1, 1]² (the speaker's place means nothing); the goal is any
    landmark; `max_steps` steps, then truncation. `success`: the listener is now nearer to the goal
    than 0.1.
Arguments:
    max_steps: from 1. continuous: see Actions. num_envs, device, seed: as in every
    environment. dtype: torch.float32, or torch.float64.
Reference scores, per agent:
    -39.8 random and -33.3 standing still, exact; -15.4 if the listener ignores the speaker and
    drives to the middle of the landmarks, which no claim of communication may fall short of; -7.5
    if the speaker says the goal's number; -7.3 if the listener knows the goal.
Differences from OpenAI's original: order of a step and numbers of the actions, see `particles.py`;
    there both receive the sum of the two rewards. It can be had with `convention="openai"`.
Source:
    Lowe et al. 2017 (MADDPG, arXiv 1706.02275); as simple_speaker_listener_v4 in MPE2 1.1.
"""

from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from marl_edu.core.checks import one_of, positive_int
from marl_edu.core.registry import register
from marl_edu.envs.base.env import Actions
from marl_edu.envs.drawing.shapes import agent, canvas, target, words
from marl_edu.envs.particles import CONVENTIONS, SIDE, Particles

SPEAKER, LISTENER = 0, 1
LANDMARKS = 3
COLOURS = ((0.65, 0.15, 0.15), (0.15, 0.65, 0.15), (0.15, 0.15, 0.65))  # of the landmarks
ACCELERATION, RADIUS = 5.0, 0.075  # of the listener
NEAR = 0.1  # nearer to the goal is there


@register("speaker-listener")
class SpeakerListener(Particles):
    """B pairs; the module's docstring is the specification.

    State, beside positions and velocities: `goal` `(B,)`, the number of a landmark, and `message`
    `(B, 3)`, the last word one-hot.
    """

    obs_dim = 2 + 2 * LANDMARKS + LANDMARKS
    agent_names: ClassVar[list[str]] = ["speaker_0", "listener_0"]
    obs_sizes = (LANDMARKS, obs_dim)
    action_counts = (LANDMARKS, Particles.n_actions)

    def __init__(
        self,
        max_steps: int = 25,
        continuous: bool = False,
        num_envs: int = 64,
        device: str = "cpu",
        seed: int | None = None,
        dtype: torch.dtype = torch.float32,
        convention: str = "mpe2",
    ):
        super().__init__(continuous, num_envs, device, seed, dtype)
        self.max_steps = positive_int("max_steps", max_steps)
        self._make_bodies([0.0, ACCELERATION], radius=[0.0] * (2 + LANDMARKS))
        self.colours = self._numbers(COLOURS)
        self._follow(one_of("convention", convention, CONVENTIONS))

    def _reset(self) -> None:
        self._place([1.0] * self.n_bodies)
        self.goal = (self.uniform(1)[:, 0] * LANDMARKS).long()
        self.message = torch.zeros_like(self.colours[self.goal])
        self._measure()

    def _step(self, actions: Actions) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        self._move(actions)  # the speaker's words push with acceleration 0
        words = actions[:, SPEAKER]
        one_hot = words[:, :LANDMARKS] if self.continuous else F.one_hot(words.long(), LANDMARKS)
        self.message = one_hot.to(self.dtype)
        self._measure()
        reward = -self.distance.square()[:, None].expand(-1, 2)
        if self.convention == "openai":  # the sum over both
            reward = 2 * reward
        return reward, torch.zeros_like(self.running), {}

    def _measure(self) -> None:
        """How far the listener is from the goal, `(B,)`."""
        place = (2 + self.goal)[:, None, None].expand(-1, 1, 2)
        away = self.position.gather(1, place)[:, 0] - self.position[:, LISTENER]
        self.distance = torch.hypot(*away.unbind(1))

    def _success(self) -> Bool[Tensor, " B"]:
        return self.distance < NEAR

    def _get_obs(self) -> Float[Tensor, "B N O"]:
        landmarks = self.position[:, 2:] - self.position[:, LISTENER, None]
        speaker = F.pad(self.colours[self.goal], (0, self.obs_dim - LANDMARKS))
        listener = [self.velocity[:, LISTENER], landmarks.flatten(1), self.message]
        return torch.stack([speaker, torch.cat(listener, 1)], 1)

    @property
    def state_dim(self) -> int:
        """S."""
        return super().state_dim + 2 * LANDMARKS

    @property
    def state(self) -> Float[Tensor, "B S"]:
        """All there is to know: velocities, positions, the goal one-hot, the last word one-hot."""
        goal = F.one_hot(self.goal, LANDMARKS).to(self.dtype)
        return torch.cat([super().state, goal, self.message], 1)

    def _draw(self, b: int) -> str:
        """The goal's ring is thick; the listener is there when its disc lies within."""
        places, scale, edge = self._on_paper(b)
        goal, said = int(self.goal[b]), self.message[b]
        parts = [edge]
        for k, (x, y) in enumerate(places[2:]):
            width = 6 if k == goal else 2
            parts.append(target(x, y, radius=round(scale * (RADIUS + NEAR), 1), width=width))
            parts.append(words(str(k), x, y + 6))
        for i in (SPEAKER, LISTENER):
            parts.append(agent(i, *places[i], radius=round(scale * RADIUS, 1)))
        word = ""
        if said.any():
            word = f"says {int(said.argmax())}"
            x, y = places[SPEAKER]
            parts.append(words(word, x, y - 1.5 * scale * RADIUS))
        label = (
            f"Speaker and listener after {self.t} of {self.max_steps} steps: agent 0 "
            f"{word or 'has said nothing yet'}, agent 1 listens, the goal is landmark {goal}"
        )
        return canvas(SIDE, SIDE, parts, label)
