"""The curiosity module that a loop of one's own calls: it is algos/icm.py's, number by number."""

import torch

from marl_edu.agents import IntrinsicCuriosityModule


def test_it_is_called_as_in_the_demo():
    module = IntrinsicCuriosityModule(
        obs_dim=7, action_dim=5, feature_dim=32, hidden_dim=64, beta=0.2, eta=0.5
    )
    obs, next_obs, action = torch.randn(1, 7), torch.randn(1, 7), torch.LongTensor([3])
    reward, losses = module(obs, next_obs, action)
    assert isinstance(reward.item(), float) and reward.shape == (1,)
    losses["total"].backward()
    assert all(p.grad is not None for p in module.parameters())
    reward, _ = module(torch.randn(2, 3, 7), torch.randn(2, 3, 7), torch.zeros(2, 3).long())
    assert reward.shape == (2, 3) and not reward.requires_grad


def test_its_numbers_are_those_of_the_interface_of_all_bonuses():
    torch.manual_seed(0)
    module = IntrinsicCuriosityModule(5, 4, 6, 7, beta=0.3, eta=0.4).double()
    obs, after = torch.randn(2, 9, 5, dtype=torch.float64)
    action = torch.randint(4, (9,))
    reward, losses = module(obs, after, action)
    inverse, forward = module.errors(obs, action, after)
    torch.testing.assert_close(losses["total"], module.loss(obs, action, after).mean())
    torch.testing.assert_close(losses["inverse"], inverse.mean())
    torch.testing.assert_close(losses["forward"], forward.mean())
    torch.testing.assert_close(reward, module.reward(obs, action, after))
