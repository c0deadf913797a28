"""Exercises: one layer of graph attention, from scores to what the heads say.

Sizes: N nodes, D features in, F features out of a head, H heads. Receivers in rows.
"""

from collections.abc import Iterator

import torch
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from marl_edu.exercises.grading import Exercise
from marl_edu.exercises.inputs import DTYPE, drawn, ints, masks
from marl_edu.exercises.trying import Case
from marl_edu.ops import masked_softmax


def hearings() -> Iterator[tuple[str, Tensor, torch.dtype]]:
    """Graphs to try an answer on: (what, hears (N, N), dtype), from small and odd to drawn."""
    no, yes = False, True
    for what, rows, dtype in (
        ("two nodes that hear each other", [[no, yes], [yes, no]], torch.float32),
        ("a node that is heard but hears nobody", [[no, no], [yes, no]], torch.float32),
        ("one node, alone", [[no]], torch.float32),
        ("nodes that are said to hear themselves", [[yes, yes], [no, yes]], torch.float32),
        ("three nodes without any link, in float64", [[no] * 3] * 3, torch.float64),
    ):
        yield what, torch.tensor(rows), dtype
    square = ints(1, 7).flatmap(lambda N: masks(st.just(N), st.just(N)))
    for what, hears, dtype in drawn("nodes and directed links, drawn", square, DTYPE, n=10):
        yield f"{len(hears)} {what}", hears, dtype


def _scored(rng: torch.Generator) -> Iterator[Case]:
    for what, hears, dtype in hearings():
        N, size = len(hears), int(torch.randint(2, 6, (1,), generator=rng))
        Wh = torch.randn(N, size, generator=rng, dtype=dtype)
        yield Case(what, (Wh, torch.randn(2 * size, generator=rng, dtype=dtype)))


graph_scores = Exercise(
    title="The score of every pair",
    difficulty=2,
    importance=4,
    minutes="10–15",
    statement="""\
Eq. (1) for one head and all pairs at once: e_ij = LeakyReLU(a · [W h_i ; W h_j]), i the receiver in
rows, j the sender in columns. `Wh` holds W h of every node, and `a` both halves in one vector, the
receiver's first. The slope below 0 is 0.2. Do not build the pairs: a · [x ; y] is a sum of two
products, of which each belongs to one node. What you write: three lines.""",
    hint="""\
`a[:F]` goes with the receiver, `a[F:]` with the sender; both products are `(N,)`. Which of the two
needs a new axis behind it, and which before it, so that their sum is `(N, N)`?""",
    inputs=_scored,
)


@graph_scores.solved_by
def score_pairs(Wh, a):
    """How much each node j matters to each node i, before any softmax: (N, N).

    Wh: (N, F). a: (2 F,).
    """
    size = Wh.shape[1]
    receiver, sender = Wh @ a[:size], Wh @ a[size:]
    return F.leaky_relu(receiver[:, None] + sender[None, :], 0.2)  # eq. (1)


def _halves(Wh, a):
    return Wh @ a[: Wh.shape[1]], Wh @ a[Wh.shape[1] :]


@graph_scores.mistake
def slope_of_torch(Wh, a):
    """The slope below 0 is torch's default, 0.01: the paper's is 0.2, TensorFlow's default."""
    receiver, sender = _halves(Wh, a)
    return F.leaky_relu(receiver[:, None] + sender)


@graph_scores.mistake
def roles_of_a_swapped(Wh, a):
    """Receiver and sender have changed places: this is the score of the pair (j, i)."""
    receiver, sender = _halves(Wh, a)
    return F.leaky_relu(receiver + sender[:, None], 0.2)


@graph_scores.mistake
def no_leaky_relu(Wh, a):
    """The LeakyReLU is missing. What the receiver adds would then cancel in the softmax: everybody
    would attend alike."""
    receiver, sender = _halves(Wh, a)
    return receiver[:, None] + sender


@graph_scores.mistake
def plain_relu(Wh, a):
    """This is a ReLU: all negative scores become 0, and their gradient too."""
    receiver, sender = _halves(Wh, a)
    return F.relu(receiver[:, None] + sender)


@graph_scores.mistake
def leaky_too_early(Wh, a):
    """The LeakyReLU is applied to each half before they are added: then the receiver's half is the
    same for all its senders, and cancels in the softmax."""
    receiver, sender = (F.leaky_relu(half, 0.2) for half in _halves(Wh, a))
    return receiver[:, None] + sender


@graph_scores.mistake
def product_of_halves(Wh, a):
    """The two halves are multiplied: a · [x ; y] is their *sum*."""
    receiver, sender = _halves(Wh, a)
    return F.leaky_relu(receiver[:, None] * sender, 0.2)


def _layers(rng: torch.Generator) -> Iterator[Case]:
    for what, hears, dtype in hearings():
        N = len(hears)
        D, size = (int(n) for n in torch.randint(2, 6, (2,), generator=rng))
        shapes = (N, D), (D, size), (N, N)
        h, W, score = (torch.randn(s, generator=rng, dtype=dtype) for s in shapes)
        yield Case(what, (h, W, score, hears))


graph_layer = Exercise(
    title="One head, end to end",
    difficulty=3,
    importance=5,
    minutes="15–20",
    statement="""\
Eqs. (2) and (3) for one head. Given the scores of all pairs, let every node attend to those whom it
hears *and to itself*, and give the weighted sum of what they say, W h_j (in code `h @ W`).
`hears[i, j]` says whether i hears j; it may or may not say that a node hears itself, which it does.
You may use `masked_softmax(scores, mask)` of `marl_edu.ops`. What you write: three lines.""",
    hint="""\
`hears | torch.eye(N, dtype=torch.bool)` adds what is missing and harms nobody who is there already.
The softmax runs along a row. What is it that is summed: h, or what W makes of it?""",
    inputs=_layers,
)


@graph_layer.solved_by
def hear_neighbours(h, W, score, hears):
    """What each node hears: (N, F).

    h: (N, D). W: (D, F). score: (N, N), receivers in rows.
    hears: (N, N) bool.
    """
    mask = hears | torch.eye(len(h), dtype=torch.bool)
    attention = masked_softmax(score, mask)  # eq. (2)
    return attention @ (h @ W)  # eq. (3), without the ELU


def _itself(hears):
    return hears | torch.eye(len(hears), dtype=torch.bool)


@graph_layer.mistake
def itself_forgotten(h, W, score, hears):
    """A node does not hear itself here: it forgets what it knew, and one without neighbours knows
    nothing at all."""
    return masked_softmax(score, hears & ~torch.eye(len(h), dtype=torch.bool)) @ (h @ W)


@graph_layer.mistake
def itself_only_if_said(h, W, score, hears):
    """A node hears itself only where `hears` says so: add the diagonal."""
    return masked_softmax(score, hears) @ (h @ W)


@graph_layer.mistake
def against_the_links(h, W, score, hears):
    """The mask is transposed: news travels against the links. On an undirected graph nobody would
    notice."""
    return masked_softmax(score, _itself(hears).T) @ (h @ W)


@graph_layer.mistake
def softmax_over_receivers(h, W, score, hears):
    """The softmax runs over receivers (down the columns): rows of attention do not sum to 1."""
    return masked_softmax(score, _itself(hears), 0) @ (h @ W)


@graph_layer.mistake
def everybody_heard(h, W, score, hears):
    """The graph changes nothing: every node attends to all nodes."""
    return score.softmax(-1) @ (h @ W)


@graph_layer.mistake
def masked_too_late(h, W, score, hears):
    """The mask comes after the softmax: those who are not heard took their share of the weight with
    them."""
    return (score.softmax(-1) * _itself(hears)) @ (h @ W)


@graph_layer.mistake
def zero_is_a_score(h, W, score, hears):
    """The mask multiplies the scores: a score of 0 is not a weight of 0, since exp(0) = 1."""
    return (score * _itself(hears)).softmax(-1) @ (h @ W)


@graph_layer.mistake
def mean_of_neighbours(h, W, score, hears):
    """The scores change nothing: this is the mean over the neighbourhood."""
    return masked_softmax(torch.zeros_like(score), _itself(hears)) @ (h @ W)


@graph_layer.mistake
def detached_weights(h, W, score, hears):
    """The attention is detached: nobody ever learns whom to listen to."""
    return masked_softmax(score, _itself(hears)).detach() @ (h @ W)


def _heads(rng: torch.Generator) -> Iterator[Case]:
    for layer, N, H, size, dtype in (
        ("layer", 1, 1, 1, torch.float32),
        ("layer in float64", 3, 2, 4, torch.float64),
        ("layer", 2, 4, 2, torch.float32),
        *drawn("drawn layer", ints(1, 5), ints(1, 5), ints(1, 5), DTYPE),
    ):
        heard = torch.randn(N, H, size, generator=rng, dtype=dtype)
        for last in (False, True):
            what = f"{N} nodes, {H} heads of {size}, a {'last' if last else 'hidden'} {layer}"
            yield Case(what, (heard, last))


merge_heads = Exercise(
    title="What becomes of the heads",
    difficulty=1,
    importance=4,
    minutes="5–10",
    statement="""\
Every head has heard something: `heard` is `(N, H, F)`. In a hidden layer the heads stand side by
side, head 0 first, with an ELU behind them, eq. (3). In the last layer they are classes, or what
else is wanted, and one takes their mean, with nothing behind it, eq. (4). What you write: two or
three lines.""",
    hint="""\
`flatten` joins axes in the order in which they stand. And what would an ELU do to the scores of
classes before their softmax?""",
    inputs=_heads,
)


@merge_heads.solved_by
def merge(heard, last):
    """What the layer hands on: (N, H F), or (N, F) if it is the last.

    heard: (N, H, F). last: whether it is the last layer, True or False.
    """
    if last:
        return heard.mean(1)  # eq. (4)
    return F.elu(heard.flatten(1))  # eq. (3)


@merge_heads.mistake
def heads_interleaved(heard, last):
    """The heads are interleaved: all first features, then all second ones. Head 0 comes first, with
    all of its features."""
    return heard.mean(1) if last else F.elu(heard.transpose(1, 2).flatten(1))


@merge_heads.mistake
def sum_of_heads(heard, last):
    """The last layer takes the sum of its heads instead of their mean."""
    return heard.sum(1) if last else F.elu(heard.flatten(1))


@merge_heads.mistake
def elu_at_the_end(heard, last):
    """There is an ELU behind the last layer, which lets no score fall below −1."""
    return F.elu(heard.mean(1) if last else heard.flatten(1))


@merge_heads.mistake
def elu_before_the_mean(heard, last):
    """The ELU comes before the mean of the last layer, where there is none."""
    return F.elu(heard).mean(1) if last else F.elu(heard.flatten(1))


@merge_heads.mistake
def no_elu(heard, last):
    """The ELU of the hidden layer is missing: two layers in a row would hardly be more than one."""
    return heard.mean(1) if last else heard.flatten(1)


@merge_heads.mistake
def relu_instead(heard, last):
    """The hidden layer has a ReLU; the paper's is an ELU, exp(x) − 1 below 0."""
    return heard.mean(1) if last else F.relu(heard.flatten(1))
