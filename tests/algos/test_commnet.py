"""CommNet, equation by equation, against loops over agents."""

import pytest
import torch

from marl_edu.algos.commnet import Config, MeanOfOthers, build
from marl_edu.envs import TrafficJunction

B, N, D = 2, 4, 5


@pytest.fixture
def module():
    torch.manual_seed(0)
    return MeanOfOthers(D).double()


@pytest.fixture
def env():
    """What agents know and who may hear whom; agent 0 of environment 0 hears nobody but itself."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(B, N, D, generator=generator, dtype=torch.float64)
    mask = torch.rand(B, N, N, generator=generator) < 0.7
    mask[0, 0] = torch.tensor([True, False, False, False])
    return z, mask


def mean(z, mask, b: int, i: int):
    """What receiver i hears, and from how many."""
    total, count = torch.zeros(D, dtype=torch.float64), 0
    for j in range(N):
        if j != i and mask[b, i, j]:
            total, count = total + z[b, j], count + 1
    return (total / count if count else total), count


def test_eq_commnet_mean(module, env):
    heard = []
    module.W_c.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0]))
    _, attention = module(*env)
    for b in range(B):
        for i in range(N):
            expected, count = mean(*env, b, i)
            torch.testing.assert_close(heard[0][b, i], expected)
            weights = attention[b, 0, 0, i]
            assert weights[i] == 0  # not its own
            assert sorted(set(weights.tolist()))[-1] == (1 / count if count else 0)


def test_eq_commnet_update(module, env):
    z, mask = env
    output, _ = module(z, mask)
    for b in range(B):
        for i in range(N):
            c, _ = mean(z, mask, b, i)
            expected = torch.tanh(
                module.W_z.weight @ z[b, i] + module.W_z.bias + module.W_c.weight @ c
            )
            torch.testing.assert_close(output[b, i], expected)


def test_the_mean_is_over_the_living_and_not_over_all_slots(module):
    """A pitfall of published code: dividing by N - 1 whoever is there."""
    z = torch.ones(1, N, D, dtype=torch.float64)
    alive = torch.tensor([[True, True, False, False]])
    heard = []
    module.W_c.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0]))
    module(z, alive[:, :, None] & alive[:, None, :])
    assert (heard[0][0, :2] == 1).all() and (heard[0][0, 2:] == 0).all()


def test_the_network_and_bad_sizes():
    net = build(Config(hidden_dim=8, rounds=2), TrafficJunction("easy", num_envs=1))
    shapes = {k: tuple(v.shape) for k, v in net.communicate.state_dict().items()}
    assert shapes == {"W_c.weight": (8, 8), "W_z.weight": (8, 8), "W_z.bias": (8,)}
    with pytest.raises(ValueError, match="rounds must be at least 1, got 0"):
        MeanOfOthers(8, rounds=0)
