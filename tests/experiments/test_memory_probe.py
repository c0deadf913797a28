"""What is read from a memory, and what tampering with it does, on walkers whose memory is known."""

import math

import pytest
import torch

from marl_edu.core import storage
from marl_edu.envs.tmaze import FORWARD, UP, TMaze
from marl_edu.experiments import memory_probe
from marl_edu.experiments.memory_probe import (
    CHANGES,
    Probe,
    Tampered,
    fit_probe,
    intervene,
    readable,
    record,
)
from marl_edu.training import qlearning


class Perfect(torch.nn.Module):
    """Remembers the sign in its first number, 1 or -1, and turns by it; else by a coin's side."""

    def start(self, B, N):
        return torch.zeros(B, N, 4)

    def forward(self, obs, hidden):
        sees = obs[..., 0] - obs[..., 1]
        first = torch.where(sees == 0, hidden[..., 0], sees)
        hidden = torch.cat([first[..., None], hidden[..., 1:] + 0.1], -1)
        turn = torch.stack([-torch.ones_like(first), first, -first], -1)
        walk = torch.tensor([1.0, 0.0, 0.0]).expand_as(turn)
        return torch.where(obs[..., 3:] == 1, turn, walk), hidden


def test_a_record_is_what_the_walkers_remembered_on_their_way():
    env = TMaze(4, num_envs=40)
    seen = record(Perfect(), env, epsilon=0.3, seed=3)
    sign = torch.where(seen.says_up, 1.0, -1.0)
    assert torch.equal(seen.hidden[..., 0], sign[:, None].expand_as(seen.hidden[..., 0]))
    assert seen.alive[:, 0].all() and (seen.cell[:, 0] == 0).all()
    assert 0.3 < seen.says_up.float().mean() < 0.7
    greedy = record(Perfect(), env, epsilon=0.0, seed=3)
    assert greedy.cell[0].tolist() == [0, 1, 2, 3, 4] and greedy.alive.all()


def test_a_probe_is_logistic_regression():
    """At the solution the gradient is zero, computed here by torch's own autograd."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(300, 5, generator=generator)
    y = (x[:, 0] + 0.5 * torch.randn(300, generator=generator)) > 0.2
    probe = fit_probe(x, y, shrink=0.05)
    w, b = probe.weight.double().requires_grad_(), probe.bias.double().requires_grad_()
    z = x.double() @ w + b
    loss = torch.nn.functional.binary_cross_entropy_with_logits(z, y.double())
    loss = loss + 0.05 * (w**2).sum() / 2
    for gradient in torch.autograd.grad(loss, [w, b]):
        assert gradient.abs().max() < 1e-5
    assert ((probe.read(x) > 0.5) == y).float().mean() > 0.8


def test_what_is_remembered_can_be_read_all_the_way():
    assert readable(Perfect(), length=6) == [1.0] * 7


def test_what_is_not_remembered_cannot_be_read():
    class Forgets(Perfect):
        def forward(self, obs, hidden):
            q, _ = super().forward(obs, hidden)
            noise = torch.rand(hidden.shape, generator=torch.Generator().manual_seed(0))
            return q, noise

    found = readable(Forgets(), length=4, agents=2000)
    assert all(abs(share - 0.5) < 0.05 for share in found[1:])


def test_who_is_led_walks_straight_and_remembers_as_it_would():
    led, env = memory_probe.Led(Perfect()), TMaze(4, num_envs=40)
    seen = record(led, env, epsilon=0.0, seed=3)
    assert (seen.cell == torch.arange(5)).all() and (env.turned == UP).all()
    assert torch.equal(seen.hidden, record(Perfect(), env, epsilon=0.0, seed=3).hidden)
    a, b = (memory_probe.untrained(seed=seed).net.encode.weight for seed in (1, 2))
    assert a.shape == (32, 4) and not torch.equal(a, b)


def test_an_intervention_does_to_a_known_memory_what_it_says():
    env = TMaze(10, num_envs=100, seed=0)

    def turns(change, at=5):
        row = qlearning.rollout(Tampered(Perfect(), env, change, at), env, seed=1)[1]
        assert (env.turned > 0).all()
        return row["success"]

    assert turns(lambda hidden, env: hidden) == 1.0
    assert turns(memory_probe.exchanged) == 0.0
    assert turns(memory_probe.exchanged, at=0) == 1.0  # nothing is remembered yet
    assert turns(memory_probe.noisy(0.0)) == 1.0
    assert 0.3 < turns(memory_probe.erased) < 0.7 and 0.3 < turns(memory_probe.shuffled) < 0.7
    up = env.sign[:, 0] == UP
    hidden = torch.randn(100, 1, 4)
    swapped = memory_probe.exchanged(hidden, env)
    for b in range(100):
        (donor,) = (hidden == swapped[b]).all(-1).nonzero()[:, 0].tolist()
        assert up[donor] != up[b]


def test_rounding_leaves_so_many_values():
    hidden = torch.linspace(-1, 1, 1000)[:, None, None].expand(-1, 1, 4)
    for bits in (1, 2, 4):
        rounded = memory_probe.rounded(bits)(hidden, TMaze(1))
        assert len(rounded[..., 0].unique()) == 2**bits
        assert (rounded[..., 0] - hidden[..., 0]).abs().max() <= 2.0**-bits + 1e-6
    assert memory_probe.rounded(1)(torch.full((1, 1, 2), 9.0), TMaze(1)).tolist() == [[[0.5, 2.0]]]


def test_every_change_is_played():
    found = intervene(Perfect(), length=6, episodes=250)
    assert list(found) == list(CHANGES)
    assert found["as trained"] == {"right": 1.0, "wrong": 0.0}
    assert found["exchanged"] == {"right": 0.0, "wrong": 1.0}
    assert found["4 bits"]["right"] == 1.0


def test_what_is_stored_comes_back_with_intervals(tmp_path):
    path = tmp_path / "bench.json"
    right = {name: [0.5, 0.6, 0.7, 0.8] for name in CHANGES}
    storage.write_json(
        path, {"right": right, "wrong": right, "readable": [[1.0, 0.5]] * 4, "episodes": 100}
    )
    estimates, cells, _ = memory_probe.stored(path)
    assert estimates["erased"].value == pytest.approx(0.65) and estimates["erased"].n == 4
    assert [cell.value for cell in cells] == [1.0, 0.5]


def test_a_probe_reads_probabilities():
    probe = Probe(torch.tensor([2.0, 0.0]), torch.tensor(-1.0))
    hidden = torch.tensor([[[0.5, 9.0]], [[1.0, -3.0]]])
    expected = [[0.5], [1 / (1 + math.exp(-1))]]
    torch.testing.assert_close(probe.read(hidden), torch.tensor(expected))
    assert FORWARD == 0
