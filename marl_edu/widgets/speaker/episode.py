"""A speaker and a listener at work, and what may happen to a word on its way.

The environment is `SpeakerListener` in float64, the actors are trained ones or scripted policies.
`env.js` and `network.js` are the same in JavaScript.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from marl_edu import results
from marl_edu.algos.maddpg import Team
from marl_edu.core.evaluate import play_episodes
from marl_edu.envs import SpeakerListener
from marl_edu.envs.baselines import speaker_listener as scripted
from marl_edu.envs.baselines.particles import AHEAD
from marl_edu.envs.particles import DAMPING, DIRECTIONS, DT, FIELD, SIDE
from marl_edu.envs.speaker_listener import (
    ACCELERATION,
    COLOURS,
    LANDMARKS,
    LISTENER,
    NEAR,
    RADIUS,
    SPEAKER,
)
from marl_edu.experiments import catalogue
from marl_edu.widgets.shared.draws import uniforms
from marl_edu.widgets.shared.weights import pack, unpack

STEPS = 25
FOOT = 64  # of the picture: what the two say and hear, below the plane
TESTED = 2000  # episodes, those in which the stored pairs were tested
# What the listener hears: the word that was said, nothing, or a word of the reader's. The letters
# are those of a trail.
CHANNELS = {"said": "s", "mute": "m", "0": "0", "1": "1", "2": "2"}
SCRIPTED = {"deaf": scripted.middle, "told": scripted.told}
STORED = {  # pair: experiment, seed, and what there is to say of it
    "maddpg": ("maddpg-speaker-listener", 0, "MADDPG, seed 0"),
    "shared": ("maddpg-speaker-listener", 5, "MADDPG, seed 5: two goals share a word"),
    "ddpg": ("ddpg-speaker-listener", 0, "DDPG, seed 0"),
}
LABELS = {"deaf": "deaf: drives to the middle", "told": "told: says the goal’s number"}


def export(net: Team, label: str, score: float) -> dict[str, Any]:
    """A trained pair as JSON values: both actors, without inputs and outputs that they never use.

    Args:
        score: its mean return.
    """
    values = {}
    for i, seen, done in ((SPEAKER, LANDMARKS, LANDMARKS), (LISTENER, None, None)):
        last = len(net.actor.weights) - 1
        for k, (weight, bias) in enumerate(zip(net.actor.weights, net.actor.biases, strict=True)):
            rows, columns = seen if k == 0 else None, done if k == last else None
            values[f"{i}.weight{k}"] = weight[i, :rows, :columns].T
            values[f"{i}.bias{k}"] = bias[i, 0, :columns]
    return {"kind": "trained", "label": label, "score": score, **pack(values)}


def stored_pairs() -> dict[str, dict[str, Any]]:
    """The book's pairs and two scripted ones, exported."""
    found = {}
    for name, (experiment, seed, label) in STORED.items():
        net: Any = catalogue.load_policy(experiment, seed)
        score = results.load(experiment)[seed]["evaluation"]["return"]
        found[name] = export(net, label, score)
    for name, policy in SCRIPTED.items():
        tested = play_episodes(SpeakerListener(num_envs=250), policy, TESTED)
        score = tested["return"].mean().item()
        found[name] = {"kind": name, "label": LABELS[name], "score": score}
    return found


def policy_of(record: dict[str, Any]) -> Callable[[SpeakerListener], Tensor]:
    """What an exported pair does, `(B, 2)`: the most likely actions."""
    if record["kind"] != "trained":
        return SCRIPTED[record["kind"]]
    values = {name: value.double() for name, value in unpack(record).items()}
    layers = len(values) // 4

    def logits(i: int, x: Tensor) -> Tensor:
        for k in range(layers):
            x = F.linear(F.relu(x) if k else x, values[f"{i}.weight{k}"], values[f"{i}.bias{k}"])
        return x

    def act(env: SpeakerListener) -> Tensor:
        seen = env.obs[:, SPEAKER, :LANDMARKS], env.obs[:, LISTENER]
        return torch.stack([logits(i, x).argmax(-1) for i, x in enumerate(seen)], 1)

    return act


def start(number: int) -> tuple[Tensor, int]:
    """Where an episode begins: positions `(1, 5, 2)`, and its goal."""
    u = uniforms(0, number, 2 * (2 + LANDMARKS) + 1).double()
    return 2 * u[:-1].view(1, -1, 2) - 1, int(u[-1] * LANDMARKS)


class Episode:
    """An episode as it goes.

    Args:
        record: a pair, exported. number: of the episode. goal: a landmark; None: the episode's.
    """

    def __init__(self, record: dict[str, Any], number: int = 0, goal: int | None = None):
        self.act = policy_of(record)
        self.env = SpeakerListener(STEPS, num_envs=1, seed=0, dtype=torch.float64)
        self.env.reset()
        self.env.position, drawn = start(number)
        self.goal = drawn if goal is None else goal
        self.env.goal = torch.tensor([self.goal])
        self.env.observe()
        self.trail, self.returns = "t", 0.0
        self.path = [self.place]
        self.distances = [self.away[self.goal]]

    @property
    def t(self) -> int:
        """Steps taken."""
        return self.env.t

    @property
    def over(self) -> bool:
        """Whether time is up."""
        return self.t >= STEPS

    @property
    def place(self) -> list[float]:
        """Where the listener is."""
        return self.env.position[0, LISTENER].tolist()

    @property
    def landmarks(self) -> list[list[float]]:
        """Where the landmarks are."""
        return self.env.position[0, 2:].tolist()

    @property
    def away(self) -> list[float]:
        """How far the listener is from each landmark."""
        apart = self.env.position[0, 2:] - self.env.position[0, LISTENER]
        return torch.hypot(*apart.unbind(-1)).tolist()

    @property
    def said(self) -> int:
        """The word that the speaker says now."""
        return int(self.act(self.env)[0, SPEAKER])

    @property
    def heard(self) -> int | None:
        """The word that the listener heard last, None for nothing."""
        message = self.env.message[0]
        return int(message.argmax()) if message.any() else None

    def step(self, letter: str) -> None:
        """One step; `letter` says what becomes of the word."""
        action = self.act(self.env)
        if letter.isdigit():
            action[:, SPEAKER] = int(letter)
        _, reward, *_ = self.env.step(action)
        if letter == "m":
            self.env.message = torch.zeros_like(self.env.message)
            self.env.observe()
        self.trail += letter
        self.returns += float(reward[0, LISTENER])
        self.path.append(self.place)
        self.distances.append(self.away[self.goal])

    def follow(self, trail: str) -> "Episode":
        """Go through a trail: see `SpeakerFigure`."""
        for letter in checked(trail)[1:]:
            self.step(letter)
        return self


def checked(trail: str) -> str:
    """The trail. Raises ValueError where it is none."""
    if not re.fullmatch(rf"t[sm012]{{0,{STEPS}}}", trail):
        raise ValueError(f"trail must be t, then up to {STEPS} letters of sm012, got {trail!r}")
    return trail


class Meaning(NamedTuple):
    """What a word stands for in an episode's place."""

    word: str  # a letter of CHANNELS
    goals: list[int]  # for which the speaker says it
    landmark: int  # to which the listener comes nearest that hears nothing else
    away: float  # how near


def dictionary(record: dict[str, Any], number: int) -> list[Meaning]:
    """What each word means, and silence: found by trying, from the same start."""
    said = [Episode(record, number, goal).said for goal in range(LANDMARKS)]
    found = []
    for letter in "012m":
        away = Episode(record, number, 0).follow("t" + letter * STEPS).away
        goals = [goal for goal, word in enumerate(said) if str(word) == letter]
        found.append(Meaning(letter, goals, min(range(LANDMARKS), key=away.__getitem__), min(away)))
    return found


def room() -> dict[str, Any]:
    """The numbers of the environment and of its picture, for JavaScript."""
    return {
        "steps": STEPS,
        "dt": DT,
        "damping": DAMPING,
        "acceleration": ACCELERATION,
        "ahead": AHEAD,
        "directions": [list(direction) for direction in DIRECTIONS],
        "colours": [list(colour) for colour in COLOURS],
        "side": SIDE,
        "foot": FOOT,
        "field": FIELD,
        "radius": RADIUS,
        "near": NEAR,
    }
