"""Networks side by side: each is PyTorch's own, and each variable is clipped by itself."""

import pytest
import torch

from marl_edu.core.separate import Separate, clip_each


def test_every_variable_of_every_agent_is_clipped_by_itself():
    net = Separate(2, (3, 4, 1))
    for p in net.parameters():
        p.grad = torch.ones_like(p) * torch.tensor([1e-3, 100.0])[:, None, None]
    clip_each(net.parameters(), 0.5)
    for p in net.parameters():
        assert torch.equal(p.grad[0], torch.full_like(p.grad[0], 1e-3))  # short enough
        assert p.grad[1].norm().item() == pytest.approx(0.5)


def test_separate_networks_are_so_many_of_pytorchs():
    net, x = Separate(3, (4, 8, 8, 2)), torch.randn(3, 5, 4)
    for k in range(3):
        layers = [torch.nn.Linear(a, b) for a, b in ((4, 8), (8, 8), (8, 2))]
        for layer, weight, bias in zip(layers, net.weights, net.biases, strict=True):
            layer.weight.data, layer.bias.data = weight[k].T, bias[k, 0]
        row = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2])
        torch.testing.assert_close(net(x)[k], row(x[k]))
    bound = max(p.abs().max().item() for p in net.parameters())
    assert bound <= 0.5 and not torch.equal(net.weights[0][0], net.weights[0][1])
