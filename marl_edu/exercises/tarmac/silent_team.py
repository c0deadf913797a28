"""Exercise: find the bug that raises no error and changes no number, only what is learned."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from marl_edu.core.ops import masked_softmax
from marl_edu.envs import SpeakerProbe
from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.inputs import teams
from marl_edu.exercises.engine.kinds import Flags, Reals
from marl_edu.exercises.engine.training import Trial
from marl_edu.exercises.engine.trying import Case
from marl_edu.training import a2c
from marl_edu.training.checkpoint import Row

UPDATES, ENOUGH = 240, 0.9  # of training, and the share of right answers that shows learning


class _Listener(nn.Module):
    """TarMAC's eqs. (1), (2) and (5) around a `hear` that does eqs. (3) and (4)."""

    def __init__(self, hidden_dim: int, hear: Callable[..., Any], d_k: int = 8, d_v: int = 4):
        super().__init__()
        self.hear = hear
        self.W_k, self.W_v = nn.Linear(hidden_dim, d_k), nn.Linear(hidden_dim, d_v)
        self.W_q = nn.Linear(hidden_dim, d_k)
        self.W_c = nn.Linear(d_v, hidden_dim, bias=False)
        self.W_z = nn.Linear(hidden_dim, hidden_dim)

    def forward(self, z, mask):
        message = torch.cat([self.W_k(z), self.W_v(z)], -1)
        heard = self.hear(message, self.W_q(z), mask)
        attention = torch.zeros_like(mask[:, None, None], dtype=z.dtype)  # nobody looks at it here
        return torch.tanh(self.W_c(heard) + self.W_z(z)), attention


def probe_curve(hear: Callable[..., Any]) -> list[Row]:
    """Train four agents with `hear` on the speaker probe, 4 symbols and 2 distractors.

    Returns:
        the rows of the training log, with `env_steps` and `success`; takes about a second.
    """
    cfg = a2c.Config(
        env=SpeakerProbe,
        env_args={"distractors": 2, "symbols": 4},
        updates=UPDATES,
        hidden_dim=32,
        lr=1e-2,
        ent_coef=0.05,
        reward_scale=1.0,
        log_every=UPDATES // 24,
    )

    def build(cfg: a2c.Config, env: SpeakerProbe) -> a2c.ActorCritic:
        return a2c.ActorCritic(
            env.obs_dim, env.n_actions, cfg.hidden_dim, _Listener(cfg.hidden_dim, hear)
        )

    return a2c.train(cfg, build=build).rows


def _messages(rng: torch.Generator) -> Iterator[Case]:
    for what, B, alive, dtype in teams():
        d_k, d_v = (int(n) for n in torch.randint(2, 6, (2,), generator=rng))
        shapes = (B, alive.shape[1], d_k + d_v), (B, alive.shape[1], d_k)
        message, query = (torch.randn(s, generator=rng, dtype=dtype) for s in shapes)
        yield Case(what, (message, query, alive[:, :, None] & alive[:, None, :]))


exercise = Exercise(
    place=80,
    title="Bug hunt: the team that never learns to talk",
    difficulty=3,
    importance=5,
    minutes="10–20",
    statement="""\
`suspect` computes what each agent hears, eqs. (3) and (4) of `tarmac.py`. It raises nothing, its
shapes are right, and so is every number it returns. Yet a team that is trained with it on the
speaker probe hardly does better than guessing. Find the reason and write the function without it.
The grader trains a team with yours.""",
    hint="""\
If the numbers are right, what else does a function hand on in training, and in which direction?
Ask for it: make a `message` with `requires_grad=True`, call `suspect`, then `.sum().backward()`,
and look at `message.grad`.""",
    domain=Domain(
        sizes={"B": (1, 3), "N": (1, 5), "d_k": (1, 5), "d_v": (1, 5)},
        given={
            "message": Reals("B N d_k+d_v", spreads=(1, 0.1, 4)),
            "query": Reals("B N d_k", spreads=(1, 0.1, 4), ties=True),
            "_alive": Flags("B N"),
        },
        finish=lambda given, _: (
            given | {"mask": given["_alive"][:, :, None] & given["_alive"][:, None]}
        ),
        notes={"mask": "of agents that live"},
    ),
    inputs=_messages,
    trial=Trial(
        curve=probe_curve,
        learned=lambda rows: rows[-1]["success"] > ENOUGH,
        says=lambda rows: f"{rows[-1]['success']:.0%} of the team's answers are right.",
    ),
)


@exercise.suspected
def suspect(message, query, mask):
    """What each agent hears: (B, N, d_v).

    message: (B, N, d_k + d_v), signature and value. query: (B, N, d_k).
    mask: (B, N, N).
    """
    inbox = message.detach().clone()  # everybody gets a copy of what was said
    d_k = query.shape[-1]
    signature, value = inbox[..., :d_k], inbox[..., d_k:]
    score = query @ signature.transpose(-1, -2) / d_k**0.5
    return masked_softmax(score, mask) @ value


@exercise.solved_by
def hear_and_learn(message, query, mask):
    """What each agent hears: (B, N, d_v).

    message: (B, N, d_k + d_v), signature and value. query: (B, N, d_k).
    mask: (B, N, N).
    """
    d_k = query.shape[-1]
    signature, value = message[..., :d_k], message[..., d_k:]  # no detach
    score = query @ signature.transpose(-1, -2) / d_k**0.5
    return masked_softmax(score, mask) @ value


@exercise.mistake
def message_detached(message, query, mask):
    """No gradient comes back through the message: who spoke never learns what to say."""
    return hear_and_learn(message.detach(), query, mask)


@exercise.mistake
def value_detached(message, query, mask):
    """The gradient comes back through the signature but not through the value. Senders learn to be
    listened to, but not what to say."""
    d_k = query.shape[-1]
    cut = torch.cat([message[..., :d_k], message[..., d_k:].detach()], -1)
    return hear_and_learn(cut, query, mask)


@exercise.mistake
def signature_detached(message, query, mask):
    """The gradient comes back through the value but not through the signature. Senders learn what
    to say, but not how to be found."""
    d_k = query.shape[-1]
    cut = torch.cat([message[..., :d_k].detach(), message[..., d_k:]], -1)
    return hear_and_learn(cut, query, mask)


@exercise.mistake
def query_detached(message, query, mask):
    """The message is mended, but now no gradient comes back through the query: receivers never
    learn whom to listen to."""
    return hear_and_learn(message, query.detach(), mask)


@exercise.mistake
def attention_detached(message, query, mask):
    """No gradient comes back through the attention weights: the values are learned, whom to listen
    to is not."""
    d_k = query.shape[-1]
    cut = torch.cat([message[..., :d_k].detach(), message[..., d_k:]], -1)
    return hear_and_learn(cut, query.detach(), mask)


@exercise.mistake
def nothing_learned(message, query, mask):
    """No gradient comes back at all: is it computed under `no_grad`, or detached at the end?"""
    return hear_and_learn(message, query, mask).detach()


@exercise.mistake
def uniform_hearing(message, query, mask):
    """Everybody hears the mean of all messages: the scores are gone."""
    return hear_and_learn(message, query * 0, mask)


@exercise.mistake
def scale_lost(message, query, mask):
    """The division of the scores by √d_k was lost."""
    return hear_and_learn(message, query * query.shape[-1] ** 0.5, mask)


exercise.slips = {
    "message_detached": (
        "message[..., :d_k], message[..., d_k:]",
        "message.detach()[..., :d_k], message.detach()[..., d_k:]",
    ),
    "value_detached": ("message[..., d_k:]", "message[..., d_k:].detach()"),
    "signature_detached": ("message[..., :d_k],", "message[..., :d_k].detach(),"),
    "query_detached": ("score = query @", "score = query.detach() @"),
    "scale_lost": (" / d_k**0.5", ""),
}
