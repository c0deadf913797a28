"""Exercise: find the bug that changes no number, only what an agent can learn to remember."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional as F

from marl_edu.algos import drqn
from marl_edu.core.protocols import Env
from marl_edu.envs import TMaze
from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals
from marl_edu.exercises.engine.training import Rows, Trial
from marl_edu.exercises.engine.trying import Case
from marl_edu.training.checkpoint import Row

UPDATES, LENGTH, ENOUGH = 800, 4, 0.9  # of training; the corridor; the share that shows learning


class _Agent(drqn.RecurrentQ):
    """A DRQN whose GRU is written by a reader, and starts out neither keeping nor forgetting."""

    def __init__(self, obs_dim: int, n_actions: int, hidden_dim: int, unroll: Callable[..., Any]):
        super().__init__(obs_dim, n_actions, hidden_dim, "gru")
        self.gru = unroll
        with torch.no_grad():
            bias: Any = self.memory.bias_ih_l0
            bias[hidden_dim : 2 * hidden_dim] -= 1.0

    def unroll(self, obs, hidden):
        m: Any = self.memory
        z = F.relu(self.encode(obs))
        h = self.gru(z, hidden, m.weight_ih_l0, m.weight_hh_l0, m.bias_ih_l0, m.bias_hh_l0)
        return self.q(h), h[:, -1]


def maze_curve(unroll: Callable[..., Any]) -> list[Row]:
    """Train an agent that remembers with `unroll` on a T-maze of four cells.

    Returns:
        the rows of the training log, with `env_steps` and `success`; takes a few seconds.
    """
    cfg = drqn.Config(
        TMaze, {"length": LENGTH}, 0, UPDATES, 16.0, hidden_dim=16, lr=5e-3, learning_starts=300
    )

    def build(cfg: drqn.Config, env: Env) -> _Agent:
        return _Agent(env.obs_dim, env.n_actions, cfg.hidden_dim, unroll)

    return drqn.train(cfg, build=build).rows


def _windows(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, E, L, D, dtype in (
        ("one agent, one step", 1, 1, 2, f32),
        ("one agent, two steps", 1, 2, 1, f32),
        ("two agents, three steps", 2, 3, 2, f32),
        ("numbers in float64", 2, 4, 3, f64),
        ("a long window", 2, 9, 3, f32),
    ):
        sizes = (E, L, D), (E, D), (3 * D, D), (3 * D, D), (3 * D,), (3 * D,)
        yield Case(what, tuple(torch.randn(s, generator=rng, dtype=dtype) for s in sizes))


def _best_of_late(rows: Rows) -> float:
    return max(row["success"] for row in rows[-3:])


exercise = Exercise(
    place=70,
    title="Bug hunt: the agent that cannot learn to remember",
    difficulty=3,
    importance=5,
    minutes="10–20",
    statement="""\
`forgetful` unrolls a GRU over L steps, and gives what it remembers after each. It raises nothing,
its shapes are right, and so is every number it returns. Yet an agent that is trained with it turns
at the end of a corridor of four cells as if it had never seen the sign. Find the reason and write
the function without it. The grader trains an agent with yours.""",
    hint="""\
To learn to remember the sign, the error at the junction must reach the step in which it was seen.
Make `z` with `requires_grad=True`, call `forgetful`, take the last step alone, `[:, -1].sum()`, go
`.backward()`, and look at which steps of `z.grad` are not 0.""",
    domain=Domain(
        sizes={"E": (1, 4), "L": (1, 7), "D": (1, 4)},
        given={
            "z": Reals("E L D", spreads=(1, 4), ties=True),
            "h": Reals("E D", spreads=(1, 3), ties=True),
            "W": Reals("3*D D", spreads=(1, 2)),
            "U": Reals("3*D D", spreads=(1, 3)),
            "b": Reals("3*D", spreads=(1, 4)),
            "c": Reals("3*D", spreads=(1, 3)),
        },
    ),
    inputs=_windows,
    trial=Trial(
        curve=maze_curve,
        learned=lambda rows: _best_of_late(rows) > ENOUGH,
        says=lambda rows: f"{_best_of_late(rows):.0%} of the agents turn right.",
    ),
)


@exercise.suspected
def forgetful(z, h, W, U, b, c):
    """What is remembered after each step: (E, L, D).

    z: (E, L, D), what is seen. h: (E, D), the start. W, U: (3 D, D).
    b, c: (3 D,).
    """
    steps = []
    for t in range(z.shape[1]):
        r, k, n = (z[:, t] @ W.T + b).chunk(3, -1)
        from_h = (h @ U.T + c).chunk(3, -1)
        r, k = (r + from_h[0]).sigmoid(), (k + from_h[1]).sigmoid()
        h = (1 - k) * (n + r * from_h[2]).tanh() + k * h
        steps.append(h)
        h = h.detach()
    return torch.stack(steps, 1)


@exercise.solved_by
def unroll_gru(z, h, W, U, b, c):
    """What is remembered after each step: (E, L, D).

    z: (E, L, D), what is seen. h: (E, D), the start. W, U: (3 D, D).
    b, c: (3 D,).
    """
    steps = []
    for t in range(z.shape[1]):
        r, k, n = (z[:, t] @ W.T + b).chunk(3, -1)
        from_h = (h @ U.T + c).chunk(3, -1)
        r, k = (r + from_h[0]).sigmoid(), (k + from_h[1]).sigmoid()
        h = (1 - k) * (n + r * from_h[2]).tanh() + k * h  # and no detach
        steps.append(h)
    return torch.stack(steps, 1)


def _gru(z, h, W, U, b, c, past=lambda h: h, gates=lambda h: h, reset=True, swap=False):
    steps = []
    for t in range(z.shape[1]):
        h = past(h)
        r, k, n = (z[:, t] @ W.T + b).chunk(3, -1)
        from_h = (gates(h) @ U.T + c).chunk(3, -1)
        r, k = (r + from_h[0]).sigmoid(), (k + from_h[1]).sigmoid()
        k = 1 - k if swap else k
        h = (1 - k) * (n + (r if reset else 1.0) * from_h[2]).tanh() + k * h
        steps.append(h)
    return torch.stack(steps, 1)


@exercise.mistake
def past_detached(z, h, W, U, b, c):
    """No gradient goes back in time: each step learns for itself alone, and nothing that was seen
    before it is ever to blame or to thank."""
    return forgetful(z, h, W, U, b, c)


@exercise.mistake
def every_memory_detached(z, h, W, U, b, c):
    """Every memory is cut off before it is used, the window's start as well: no gradient goes back
    in time at all."""
    return _gru(z, h, W, U, b, c, past=lambda h: h.detach())


@exercise.mistake
def gates_detached(z, h, W, U, b, c):
    """The gradient goes back through what is kept, but not through the gates and the new content,
    which see a detached memory: what to keep can hardly be learned."""
    return _gru(z, h, W, U, b, c, gates=lambda h: h.detach())


@exercise.mistake
def start_detached(z, h, W, U, b, c):
    """No gradient reaches the memory that the window starts from. Within the window all is well;
    but the function was given `h`, and it is not its business to cut it off."""
    return _gru(z, h.detach(), W, U, b, c)


@exercise.mistake
def nothing_learned(z, h, W, U, b, c):
    """No gradient comes back at all: is it computed under `no_grad`, or detached at the end?"""
    return _gru(z, h, W, U, b, c).detach()


@exercise.mistake
def start_again(z, h, W, U, b, c):
    """Every step begins with the window's start instead of with what the step before
    remembered."""
    return torch.cat([_gru(z[:, t : t + 1], h, W, U, b, c) for t in range(z.shape[1])], 1)


@exercise.mistake
def keep_inverted(z, h, W, U, b, c):
    """The gate is the wrong way round: it keeps where it should renew. PyTorch's GRU keeps where
    its second gate is open; some papers write it the other way."""
    return _gru(z, h, W, U, b, c, swap=True)


@exercise.mistake
def reset_lost(z, h, W, U, b, c):
    """The reset gate r was lost: it multiplies what the memory adds to the new content."""
    return _gru(z, h, W, U, b, c, reset=False)


exercise.slips = {
    "keep_inverted": (
        "(1 - k) * (n + r * from_h[2]).tanh() + k * h",
        "k * (n + r * from_h[2]).tanh() + (1 - k) * h",
    ),
    "reset_lost": ("(n + r * from_h[2])", "(n + from_h[2])"),
    "nothing_learned": ("torch.stack(steps, 1)", "torch.stack(steps, 1).detach()"),
    "gates_detached": ("(h @ U.T + c)", "(h.detach() @ U.T + c)"),
}
