"""RND, equation by equation, against loops; and what must not be learned."""

import pytest
import torch

from marl_edu.algos.rnd import Config, RandomNetworkDistillation, bonus
from marl_edu.envs.key_door_maze import KeyDoorMaze

OBS, FEATURES = 5, 6


@pytest.fixture
def module():
    torch.manual_seed(0)
    made = RandomNetworkDistillation(OBS, FEATURES, 7).double()
    made.stats.double()
    return made


def seen(n=12, seed=0):
    g = torch.Generator().manual_seed(seed)
    return 2 + 3 * torch.randn(n, OBS, generator=g, dtype=torch.float64)


def everybody(n):
    return torch.zeros(n, dtype=torch.long), torch.ones(n, dtype=torch.bool)


def test_eq_rnd_look(module):
    """Entry by entry: less the mean, over the spread, cut at 5."""
    old, new = seen(), 10 * seen(4, seed=1)
    action, alive = everybody(12)
    module.update(old, action, old, alive)
    x = module.look(new)
    for row, wanted in zip(x, new, strict=True):
        for k in range(OBS):
            values = old[:, k].tolist()
            mean = sum(values) / 12
            spread = (sum((v - mean) ** 2 for v in values) / 12) ** 0.5
            cut = min(max((wanted[k].item() - mean) / spread, -5.0), 5.0)
            assert row[k].item() == pytest.approx(cut, abs=1e-6)


def test_eq_rnd_reward(module):
    """The mean squared difference of two networks, feature by feature."""
    after = seen(4, seed=1)
    action, _ = everybody(4)
    found = module.reward(torch.zeros_like(after), action, after)
    x = module.look(after)
    for k in range(4):
        a, b = module.predictor(x[k]).tolist(), module.target(x[k]).tolist()
        wanted = sum((p - q) ** 2 for p, q in zip(a, b, strict=True)) / FEATURES
        assert found[k].item() == pytest.approx(wanted)
    torch.testing.assert_close(module.loss(after, action, after).detach(), found)


def test_it_looks_at_where_the_step_led_and_at_nothing_else(module):
    after, action = seen(4), torch.arange(4)
    there = module.reward(seen(4, seed=2), action, after)
    assert torch.equal(there, module.reward(seen(4, seed=3), action.flip(0), after))
    assert not torch.allclose(there, module.reward(after, action, seen(4, seed=2)))


def test_only_the_predictor_learns(module):
    action, _ = everybody(12)
    module.loss(seen(), action, seen()).mean().backward()
    assert all(p.grad is None and not p.requires_grad for p in module.target.parameters())
    assert all(p.grad is not None for p in module.predictor.parameters())


def test_an_entry_that_never_changed_is_glaring_when_it_does(module):
    old = seen()
    old[:, 2] = 0.0
    action, alive = everybody(12)
    module.update(old, action, old, alive)
    changed = old.clone()
    changed[:, 2] = 1.0
    assert (module.look(old)[:, 2] == 0).all() and (module.look(changed)[:, 2] == 5).all()


def test_the_warm_up_sees_a_random_episode_of_the_living():
    env = KeyDoorMaze("small", num_envs=8, max_steps=10, seed=0)
    torch.manual_seed(0)
    made = bonus(Config(feature_dim=3, predictor_dim=9), env)
    assert 0 < made.stats.count <= 8 * 10
    places = made.stats.mean[: env.rows]  # the row is one-hot: its means sum to 1
    assert places.sum().item() == pytest.approx(1.0, abs=1e-5)


def test_a_network_that_was_not_drawn_again_is_the_same_target():
    torch.manual_seed(0)
    one = RandomNetworkDistillation(OBS, FEATURES, 7)
    other = RandomNetworkDistillation(OBS, FEATURES, 7)
    other.load_state_dict(one.state_dict())
    after, action = torch.randn(3, OBS), torch.zeros(3, dtype=torch.long)
    torch.testing.assert_close(one.reward(after, action, after), other.reward(after, action, after))
