"""QMIX's mixer with a part changed: what each may still do, and what it may not."""

import pytest
import torch

from marl_edu.algos import qmix
from marl_edu.envs.games import MatrixGame, TwoStepGame
from marl_edu.experiments import mixers

SIZES = 3, 4, 5  # N, S, H


def made(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    return mixers.MIXERS[name](*SIZES)


def slopes(net: torch.nn.Module) -> torch.Tensor:
    """dQ_tot / dq_i at many places."""
    torch.manual_seed(1)
    q = (3 * torch.randn(500, 3)).requires_grad_()
    return torch.autograd.grad(net(q, torch.randn(500, 4)).sum(), q)[0]


@pytest.mark.parametrize("name", mixers.MIXERS)
def test_all_but_the_signed_one_are_monotone(name):
    assert (slopes(made(name)).min() >= 0) == (name != "signed")


def test_a_blind_mixer_is_the_same_function_in_every_state():
    net, q = made("blind"), torch.randn(6, 3)
    first, second = torch.randn(2, 6, 4)
    assert torch.equal(net(q, first), net(q, second))
    assert not torch.equal(qmix.Mixer.forward(net, q, first), qmix.Mixer.forward(net, q, second))
    assert torch.equal(net(q, first), qmix.Mixer.forward(net, q, 0 * first))


def test_a_linear_one_adds_up_in_each_state():
    """So no agent's part depends on what another does: f11 + f00 = f10 + f01."""
    net, state = made("linear"), torch.randn(4)
    low, high = torch.randn(3), torch.randn(3)

    def value(*which: bool) -> torch.Tensor:
        return net(torch.where(torch.tensor(which), high, low), state)

    one = value(True, True, False) + value(False, False, False)
    torch.testing.assert_close(one, value(True, False, False) + value(False, True, False))
    weights = net.H_1(state).abs()
    torch.testing.assert_close(slopes_at(net, low, state), weights)


def slopes_at(net, q, state):
    q = q.clone().requires_grad_()
    return torch.autograd.grad(net(q, state), q)[0]


def test_the_signed_one_is_qmixs_where_its_weights_are_positive():
    signed = made("signed")
    torch.manual_seed(0)
    plain = qmix.Mixer(*SIZES)
    with torch.no_grad():
        for net in (signed, plain):
            for layer in (net.H_1, net.H_2):
                layer.weight.zero_()
                layer.bias.abs_()
    q, state = torch.randn(7, 3), torch.randn(7, 4)
    torch.testing.assert_close(signed(q, state), plain(q, state))


@pytest.mark.parametrize("name", mixers.MIXERS)
def test_a_team_trains_with_it(name):
    few = {"updates": 4, "num_envs": 4, "hidden_dim": 8, "batch_size": 4, "learning_starts": 1}
    run = mixers.train(mixers.Config(env=TwoStepGame, mixer=name, **few))
    assert all(torch.isfinite(p).all() for p in run.net.parameters())


@pytest.mark.parametrize(
    "settings, said",
    [
        ({"mixer": "deaf"}, "mixer must be one of .*linear.*, got 'deaf'"),
        ({"weight": 0.5}, "weight must be 1 with a changed mixer, got 0.5"),
    ],
)
def test_what_it_does_not_take(settings, said):
    with pytest.raises(ValueError, match=said):
        mixers.Config(env=MatrixGame, **settings)
