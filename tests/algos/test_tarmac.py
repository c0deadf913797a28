"""TarMAC, equation by equation, against loops over agents and against torch's own attention."""

import math

import pytest
import torch
from torch.nn import functional as F

from marl_edu.algos.tarmac import Config, TargetedAttention, build
from marl_edu.envs import TrafficJunction

D = 5
SHAPES = [(1, 16, 32), (1, 1, 1), (3, 2, 4)]  # heads, d_k, d_v
pytestmark = pytest.mark.parametrize("heads, d_k, d_v", SHAPES)


class Overheard:
    """One round of a module, with all that happens inside it."""

    def __init__(self, heads: int, d_k: int, d_v: int, B: int = 2, N: int = 4, seed: int = 0):
        torch.manual_seed(seed)
        self.module = TargetedAttention(D, heads, d_k, d_v).double()
        self.z = torch.randn(B, N, D, dtype=torch.float64)
        self.mask = torch.rand(B, N, N) < 0.7
        self.mask[0, 0] = False  # who hears nobody
        self.mask[1] = True  # who hear everybody
        self.module.W_c.register_forward_pre_hook(lambda _, inputs: self.hear(inputs[0]))
        self.message = self.module.messages(self.z)
        self.output, rounds = self.module(self.z, self.mask)
        self.attention = rounds[:, 0]

    def hear(self, heard):
        self.heard = heard

    def rows(self, linear, head: int, size: int):
        """The rows of a layer that belong to one head: its weight and its bias."""
        rows = slice(head * size, (head + 1) * size)
        return linear.weight[rows], linear.bias[rows]

    def parts(self, b: int, i: int, head: int):
        """k_i, v_i and q_i of one agent and head: three matrices times a vector."""
        m, z = self.module, self.z[b, i]
        W_k, b_k = self.rows(m.W_k, head, m.d_k)
        W_v, b_v = self.rows(m.W_v, head, m.d_v)
        W_q, b_q = self.rows(m.W_q, head, m.d_k)
        return W_k @ z + b_k, W_v @ z + b_v, W_q @ z + b_q

    def weights(self, b: int, receiver: int, head: int) -> list[float]:
        """alpha of one receiver, sender by sender."""
        q = self.parts(b, receiver, head)[2]
        score = {
            sender: (q @ self.parts(b, sender, head)[0]).item() / math.sqrt(self.module.d_k)
            for sender in range(self.z.shape[1])
            if self.mask[b, receiver, sender]
        }
        total = sum(math.exp(s) for s in score.values())
        return [
            math.exp(score[sender]) / total if sender in score else 0.0
            for sender in range(self.z.shape[1])
        ]

    def cases(self):
        """All environments and agents."""
        return [(b, i) for b in range(self.z.shape[0]) for i in range(self.z.shape[1])]


@pytest.fixture
def round(heads, d_k, d_v):
    return Overheard(heads, d_k, d_v)


def test_eq_tarmac_message(round, heads, d_k, d_v):
    for b, j in round.cases():
        parts = [round.parts(b, j, head) for head in range(heads)]
        said = [k for k, _, _ in parts] + [v for _, v, _ in parts]
        torch.testing.assert_close(round.message[b, j], torch.cat(said))


def test_eq_tarmac_query(round, heads, d_k, d_v):
    """The query shows in how much more one sender is attended to than another."""
    for b, i in round.cases():
        for head in range(heads):
            q = round.parts(b, i, head)[2]
            alpha = round.attention[b, head, i]
            heard = round.mask[b, i].nonzero()[:, 0].tolist()
            for j in heard[1:]:
                k, k0 = round.parts(b, j, head)[0], round.parts(b, heard[0], head)[0]
                ratio = (alpha[j] / alpha[heard[0]]).log()
                torch.testing.assert_close(ratio, q @ (k - k0) / math.sqrt(d_k))


def test_eq_tarmac_attention(round, heads, d_k, d_v):
    for b, i in round.cases():
        for head in range(heads):
            found = round.attention[b, head, i].tolist()
            assert found == pytest.approx(round.weights(b, i, head))


def test_eq_tarmac_heard(round, heads, d_k, d_v):
    for b, i in round.cases():
        c = []
        for head in range(heads):
            total = torch.zeros(d_v, dtype=torch.float64)
            for j, alpha in enumerate(round.weights(b, i, head)):
                total = total + alpha * round.parts(b, j, head)[1]
            c.append(total)
        torch.testing.assert_close(round.heard[b, i], torch.cat(c))


def test_eq_tarmac_update(round, heads, d_k, d_v):
    W_c, W_z = round.module.W_c.weight, round.module.W_z.weight
    for b, i in round.cases():
        expected = torch.tanh(W_c @ round.heard[b, i] + W_z @ round.z[b, i] + round.module.W_z.bias)
        torch.testing.assert_close(round.output[b, i], expected)


def test_eq_tarmac_attention_and_heard_are_torchs(round, heads, d_k, d_v):
    """`scaled_dot_product_attention` gives eq. (4) too, though it keeps the weights to itself."""
    every = [[round.parts(b, j, h) for h in range(heads)] for b, j in round.cases()]
    B, N = round.z.shape[:2]
    k, v, q = (
        torch.stack([torch.stack([agent[h][part] for agent in every]) for h in range(heads)], 1)
        .view(B, N, heads, -1)
        .transpose(1, 2)
        for part in range(3)
    )
    theirs = F.scaled_dot_product_attention(q, k, v, attn_mask=round.mask[:, None])
    theirs = theirs.transpose(1, 2).flatten(2)
    hears = round.mask.any(-1)
    torch.testing.assert_close(round.heard[hears], theirs[hears])
    assert (round.heard[~hears] == 0).all()


def test_scores_are_divided_by_the_root_of_d_k_and_not_of_the_memory(heads, d_k, d_v):
    """A pitfall of published code: sqrt(hidden) makes attention softer."""
    sharp = Overheard(heads, d_k, d_v)
    with torch.no_grad():
        sharp.module.W_q.weight.zero_()
        sharp.module.W_q.bias.fill_(1.0)
        sharp.module.W_k.weight.zero_()
        sharp.module.W_k.bias.zero_()
        sharp.module.W_k.weight[:, 0] = 1.0
    _, attention = sharp.module(sharp.z, torch.ones_like(sharp.mask))
    score = sharp.z[..., 0] * d_k / math.sqrt(d_k)  # q . k = d_k z_0
    expected = score.softmax(-1)[:, None, None, None].expand_as(attention)
    torch.testing.assert_close(attention, expected)


def test_the_network_has_these_sizes_and_rounds_add_none(heads, d_k, d_v):
    env = TrafficJunction("easy", num_envs=1)
    one, two = (
        build(Config(hidden_dim=8, heads=heads, signature_dim=d_k, value_dim=d_v, rounds=r), env)
        for r in (1, 2)
    )
    shapes = {k: tuple(v.shape) for k, v in one.communicate.state_dict().items()}
    assert shapes == {
        "W_k.weight": (heads * d_k, 8), "W_k.bias": (heads * d_k,),
        "W_v.weight": (heads * d_v, 8), "W_v.bias": (heads * d_v,),
        "W_q.weight": (heads * d_k, 8), "W_q.bias": (heads * d_k,),
        "W_c.weight": (8, heads * d_v), "W_z.weight": (8, 8), "W_z.bias": (8,),
    }  # fmt: skip
    assert shapes == {k: tuple(v.shape) for k, v in two.communicate.state_dict().items()}


def test_bad_sizes_are_named(heads, d_k, d_v):
    for name in ("heads", "signature_dim", "value_dim", "rounds"):
        with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
            TargetedAttention(D, **{name: 0})
