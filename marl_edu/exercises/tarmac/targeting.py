"""Exercise: one head of TarMAC from end to end.

Sizes: B environments, N agents, D features. Receivers in rows, senders in columns.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from marl_edu.core.ops import masked_softmax
from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.inputs import teams
from marl_edu.exercises.engine.kinds import Flags, Reals
from marl_edu.exercises.engine.trying import Case


def _pairs(alive: Tensor) -> Tensor:
    return alive[:, :, None] & alive[:, None, :]


def _projections(rng: torch.Generator) -> Iterator[Case]:
    for what, B, alive, dtype in teams():
        D, d_k, d_v = (int(n) for n in torch.randint(3, 7, (3,), generator=rng))
        shapes = (B, alive.shape[1], D), (D, d_k), (D, d_v), (D, d_k)
        z, W_k, W_v, W_q = (torch.randn(s, generator=rng, dtype=dtype) for s in shapes)
        yield Case(what, (z, W_k, W_v, W_q, alive))


exercise = Exercise(
    place=20,
    title="Targeted messages, end to end",
    difficulty=3,
    importance=5,
    minutes="15–20",
    statement="""\
One head of TarMAC, eqs. (1)–(4) of `tarmac.py`. Every living agent says a signature `z @ W_k` and a
value `z @ W_v`, and asks for what fits its query `z @ W_q`. The score of sender j for receiver i is
$q_i \\cdot k_j / \\sqrt{d_k}$; what i hears is the weighted mean of the values. An agent hears
itself too. The dead neither speak nor hear: they get zeros. In the lab you may use
`masked_softmax(scores, mask)` of `marl_edu.core.ops`. What you write: about five lines.""",
    hint="""\
`q @ k.transpose(-1, -2)` (in numpy `k.swapaxes(-1, -2)`) has receivers in rows. An agent may be
heard if it is alive, and may hear if it is alive: two views of `alive`, `(B, N, 1)` and
`(B, 1, N)`, and one `&`.""",
    domain=Domain(
        sizes={"B": (1, 3), "N": (1, 5), "D": (1, 6), "d_k": (1, 6), "d_v": (1, 4)},
        given={
            "z": Reals("B N D", spreads=(1, 0.1, 4), ties=True),
            "W_k": Reals("D d_k", spreads=(1, 2)),
            "W_v": Reals("D d_v", spreads=(1, 60)),
            "W_q": Reals("D d_k", spreads=(1, 2)),
            "alive": Flags("B N"),
        },
    ),
    inputs=_projections,
)


@exercise.solved_by
def hear(z, W_k, W_v, W_q, alive):
    """What each agent hears: (B, N, d_v).

    z: (B, N, D). W_k, W_q: (D, d_k). W_v: (D, d_v). alive: (B, N) bool.
    """
    k, v, q = z @ W_k, z @ W_v, z @ W_q  # eqs. (1), (2)
    scores = q @ k.transpose(-1, -2) / k.shape[-1] ** 0.5
    mask = alive[:, :, None] & alive[:, None, :]
    return masked_softmax(scores, mask) @ v  # eqs. (3), (4)


def _targeted(z, W_k, W_v, W_q, mask, scale=1.0, dim=-1):
    scores = scale * (z @ W_q) @ (z @ W_k).transpose(-1, -2) / W_k.shape[-1] ** 0.5
    return masked_softmax(scores, mask, dim) @ (z @ W_v)


@exercise.mistake
def unscaled(z, W_k, W_v, W_q, alive):
    """The division by √d_k is missing: the longer the signatures, the more the softmax looks at
    one sender only, and the smaller its gradient."""
    return _targeted(z, W_k, W_v, W_q, _pairs(alive), W_k.shape[-1] ** 0.5)


@exercise.mistake
def scaled_by_d_k(z, W_k, W_v, W_q, alive):
    """The scores are divided by d_k instead of √d_k: the attention is too even."""
    return _targeted(z, W_k, W_v, W_q, _pairs(alive), W_k.shape[-1] ** -0.5)


@exercise.mistake
def scaled_by_features(z, W_k, W_v, W_q, alive):
    """The scores are divided by √D, the size of z: it is signatures that are multiplied, of
    size d_k."""
    return _targeted(z, W_k, W_v, W_q, _pairs(alive), (W_k.shape[1] / W_k.shape[0]) ** 0.5)


@exercise.mistake
def dead_heard(z, W_k, W_v, W_q, alive):
    """The dead are heard: the mask has no column for empty slots, and a living receiver attends to
    what is left in them."""
    return _targeted(z, W_k, W_v, W_q, alive[:, :, None].expand(-1, -1, alive.shape[1]))


@exercise.mistake
def dead_hear(z, W_k, W_v, W_q, alive):
    """The dead hear: the mask has no row for empty slots, which should get zeros."""
    return _targeted(z, W_k, W_v, W_q, alive[:, None, :].expand(-1, alive.shape[1], -1))


@exercise.mistake
def nobody_masked(z, W_k, W_v, W_q, alive):
    """`alive` changes nothing: the dead speak and hear."""
    return _targeted(z, W_k, W_v, W_q, torch.ones_like(_pairs(alive)))


@exercise.mistake
def deaf_to_itself(z, W_k, W_v, W_q, alive):
    """An agent does not hear itself here. In TarMAC it does, and so it may choose to hear nobody
    else."""
    mask = _pairs(alive) & ~torch.eye(alive.shape[1], dtype=torch.bool)
    return _targeted(z, W_k, W_v, W_q, mask)


@exercise.mistake
def roles_swapped(z, W_k, W_v, W_q, alive):
    """Query and signature have changed places: the scores are transposed, the sender asks and the
    receiver signs."""
    return _targeted(z, W_q, W_v, W_k, _pairs(alive))


@exercise.mistake
def attention_over_receivers(z, W_k, W_v, W_q, alive):
    """The softmax runs over receivers (dim=-2): receivers compete for a sender instead of senders
    for a receiver."""
    return _targeted(z, W_k, W_v, W_q, _pairs(alive), dim=-2)


@exercise.mistake
def senders_detached(z, W_k, W_v, W_q, alive):
    """Signature and value are made of a detached z: W_k and W_v learn, but no receiver's gradient
    comes back to what the *sender* saw and remembers."""
    scores = (z @ W_q) @ (z.detach() @ W_k).transpose(-1, -2) / W_k.shape[-1] ** 0.5
    return masked_softmax(scores, _pairs(alive)) @ (z.detach() @ W_v)


@exercise.mistake
def messages_detached(z, W_k, W_v, W_q, alive):
    """What was said is cut off from who said it: no gradient comes back through signature and
    value, so senders never learn what to say."""
    scores = (z @ W_q) @ (z @ W_k).detach().transpose(-1, -2) / W_k.shape[-1] ** 0.5
    return masked_softmax(scores, _pairs(alive)) @ (z @ W_v).detach()


exercise.slips = {
    "unscaled": (" / k.shape[-1] ** 0.5", ""),
    "scaled_by_d_k": ("k.shape[-1] ** 0.5", "k.shape[-1]"),
    "scaled_by_features": ("k.shape[-1] ** 0.5", "z.shape[-1] ** 0.5"),
    "roles_swapped": ("q @ k.transpose(-1, -2)", "k @ q.transpose(-1, -2)"),
    "dead_heard": (
        "alive[:, :, None] & alive[:, None, :]",
        "alive[:, :, None].expand(-1, -1, z.shape[1])",
    ),
    "dead_hear": (
        "alive[:, :, None] & alive[:, None, :]",
        "alive[:, None, :].expand(-1, z.shape[1], -1)",
    ),
}
