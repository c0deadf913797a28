"""What all communication modules have in common: (z, mask) -> (z', attention of every round)."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marl_edu.algos.commnet import MeanOfOthers
from marl_edu.algos.tarmac import TargetedAttention
from marl_edu.training.a2c import NoCommunication

D = 6
MEMBERS = {
    "none": NoCommunication,
    "mean": lambda: MeanOfOthers(D),
    "mean, 2 rounds": lambda: MeanOfOthers(D, rounds=2),
    "1 head": lambda: TargetedAttention(D, 1, 3, 4),
    "3 heads, 2 rounds": lambda: TargetedAttention(D, 3, 2, 5, rounds=2),
    "others only": lambda: TargetedAttention(D, 2, 3, 4, hear_self=False),
}
SPEAKING = [name for name in MEMBERS if name != "none"]
ONE_ROUND = [name for name in SPEAKING if "2 rounds" not in name]
ONLY_OTHERS = ("mean", "mean, 2 rounds", "others only")

sizes = {"seed": st.integers(0, 10**6), "B": st.integers(1, 3), "N": st.integers(1, 5)}


def make(name: str, seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return MEMBERS[name]().double()


def draw(seed: int, B: int, N: int):
    """What agents know and who may hear whom, some of them nobody."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(B, N, D, generator=generator, dtype=torch.float64)
    return z, torch.rand(B, N, N, generator=generator) < 0.6


def allowed(name: str, mask: torch.Tensor) -> torch.Tensor:
    """The mask, less the agent itself where it does not hear itself."""
    itself = torch.eye(mask.shape[1], dtype=torch.bool)
    return mask & ~itself if name in ONLY_OTHERS else mask


@pytest.mark.parametrize("name", MEMBERS)
@settings(max_examples=20)
@given(**sizes)
def test_attention_of_every_receiver_sums_to_one_over_who_it_may_hear(name, seed, B, N):
    z, mask = draw(seed, B, N)
    heard, attention = make(name)(z, mask)
    may = allowed(name, mask) if name in SPEAKING else torch.zeros_like(mask)
    assert heard.shape == z.shape and attention.shape[::3] == (B, N)
    assert attention.shape[1] == getattr(make(name), "rounds", 1)
    assert (attention >= 0).all()
    assert (attention.masked_select(~may[:, None, None]) == 0).all()
    total = may.any(-1).double()[:, None, None].expand_as(attention[..., 0])
    torch.testing.assert_close(attention.sum(-1), total)


@pytest.mark.parametrize("name", MEMBERS)
@settings(max_examples=20)
@given(order=st.permutations(range(5)), seed=st.integers(0, 10**6))
def test_who_is_called_what_does_not_matter(name, order, seed):
    """Permutation equivariance: agents renumbered in, the same agents renumbered out."""
    z, mask = draw(seed, 2, 5)
    module = make(name)
    heard, attention = module(z, mask)
    renumbered = module(z[:, order], mask[:, order][:, :, order])
    torch.testing.assert_close(renumbered[0], heard[:, order])
    torch.testing.assert_close(renumbered[1], attention[:, :, :, order][..., order])


@pytest.mark.parametrize("name", SPEAKING)
def test_who_hears_nobody_hears_zeros(name):
    module = make(name)
    z, mask = draw(0, 2, 4)
    mask[:, 1] = False
    z.requires_grad_()
    arrived = []
    module.W_c.register_forward_pre_hook(lambda _, inputs: arrived.append(inputs[0]))
    heard, attention = module(z, mask)
    assert all((c[:, 1] == 0).all() for c in arrived) and (attention[:, :, :, 1] == 0).all()
    (heard * torch.randn_like(heard)).sum().backward()
    for gradient in (z.grad, *(p.grad for p in module.parameters())):
        assert gradient.isfinite().all()


@pytest.mark.parametrize("name", SPEAKING)
def test_nobody_hears_anybody_and_still_all_is_finite(name):
    module = make(name)
    z, mask = draw(0, 2, 4)
    z.requires_grad_()
    heard, attention = module(z, torch.zeros_like(mask))
    assert (attention == 0).all()
    heard.sum().backward()
    assert z.grad.isfinite().all()


@pytest.mark.parametrize("name", ONE_ROUND)
def test_what_a_receiver_makes_of_it_reaches_back_to_the_senders_it_hears_and_no_others(name):
    module = make(name)
    z, mask = draw(3, 1, 5)
    mask = mask | torch.eye(5, dtype=torch.bool)
    z.requires_grad_()
    heard, _ = module(z, mask)
    may = allowed(name, mask)[0]
    for receiver in range(5):
        (gradient,) = torch.autograd.grad(heard[0, receiver].sum(), z, retain_graph=True)
        for sender in range(5):
            if sender != receiver:
                assert gradient[0, sender].abs().sum().gt(0) == may[receiver, sender]


@pytest.mark.parametrize("name", SPEAKING)
def test_no_path_from_sender_to_receiver_is_cut(name):
    """The gradient is the one that small changes give: nothing in a message is detached."""
    module = make(name)
    z, mask = draw(3, 1, 3)
    parameters = list(module.parameters())
    torch.autograd.gradcheck(lambda z, *_: module(z, mask), (z.requires_grad_(), *parameters))


@pytest.mark.parametrize("name", [name for name in MEMBERS if "2 rounds" in name])
def test_rounds_repeat_the_same_weights(name):
    module = make(name)
    z, mask = draw(5, 2, 4)
    heard, attention = module(z, mask)
    module.rounds = 1
    halfway, first = module(z, mask)
    again, second = module(halfway, mask)
    torch.testing.assert_close(heard, again)
    torch.testing.assert_close(attention, torch.cat([first, second], 1))


@pytest.mark.parametrize("name", SPEAKING)
def test_environments_of_a_batch_do_not_meet(name):
    module = make(name)
    z, mask = draw(1, 3, 4)
    for b in range(3):
        torch.testing.assert_close(
            module(z[b : b + 1], mask[b : b + 1])[0][0], module(z, mask)[0][b]
        )
