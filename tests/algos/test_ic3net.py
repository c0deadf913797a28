"""IC3Net: gates that are open, closed and in between, and what they learn from."""

import math

import pytest
import torch
from torch.nn import functional as F

from marl_edu.algos import ic3net
from marl_edu.algos.tarmac import TargetedAttention
from marl_edu.envs import TrafficJunction
from marl_edu.training import a2c
from tests.training.test_a2c import A, D, O, scene


def make(gate: str, communicate=None, seed: int = 0) -> ic3net.GatedActorCritic:
    torch.manual_seed(seed)
    talk = communicate or TargetedAttention(D, 1, 3, 4)
    return ic3net.GatedActorCritic(O, A, D, talk, gate=gate).double()


def set_gate(net: ic3net.GatedActorCritic, bias: float) -> ic3net.GatedActorCritic:
    with torch.no_grad():
        net.W_g.weight.zero_()
        net.W_g.bias.fill_(bias)
    return net


def test_a_closed_soft_gate_is_no_communication_and_an_open_one_is_no_gate():
    obs, h, alive = scene()
    gated = make("soft")
    for bias, communicate in ((-1e4, a2c.NoCommunication()), (1e4, gated.communicate)):
        other = a2c.ActorCritic(O, A, D, communicate).double()
        shared = {k: v for k, v in gated.state_dict().items() if not k.startswith("W_g")}
        other.load_state_dict(shared, strict=False)
        step, plain = set_gate(gated, bias)(obs, h, alive), other(obs, h, alive)
        torch.testing.assert_close(step.logits, plain.logits)
        assert (step.log_prob == 0).all() and (plain.log_prob == 0).all()


def test_a_half_open_soft_gate_mixes_what_was_heard_with_what_was_known():
    obs, h, alive = scene()
    net = set_gate(make("soft"), 0.0)
    given = []
    net.communicate.register_forward_hook(lambda _, i, o: given.extend([i[0], o[0]]))
    received = []
    net.memory.register_forward_pre_hook(lambda _, inputs: received.append(inputs[0]))
    net(obs, h, alive)
    z, heard = given
    torch.testing.assert_close(received[0].view_as(z), (z + heard) / 2)


def test_who_closes_the_hard_gate_is_not_heard():
    obs, h, alive = scene(B=40)
    net = set_gate(make("hard"), 0.0)
    z = net.know(obs, h)
    speaks, _ = net.choose(z, torch.Generator().manual_seed(0))
    assert set(speaks.unique().tolist()) == {False, True}
    step = net(obs, h, alive, torch.Generator().manual_seed(0))
    silent = ~speaks | ~alive
    assert (step.attention * silent[:, None, None, None, :] == 0).all()
    hears = alive & (~silent).any(1, keepdim=True)  # it still hears those who talk
    torch.testing.assert_close(step.attention.sum(-1)[:, 0, 0], hears.double())
    for bias, always in ((-1e4, False), (1e4, True)):
        assert (set_gate(net, bias).choose(z, torch.Generator().manual_seed(0))[0] == always).all()
    # without a generator, the likelier choice
    assert set_gate(net, 0.1).choose(z, None)[0].all()
    assert not set_gate(net, -0.1).choose(z, None)[0].any()


def test_the_hard_gates_choice_is_trained_like_an_action():
    obs, h, alive = scene(B=2000)
    net = make("hard")
    with torch.no_grad():
        net.W_g.bias.fill_(0.7)
    step = net(obs, h, alive, torch.Generator().manual_seed(0))
    z = F.relu(net.encode(obs) + net.recall(h))
    speaks, _ = net.choose(z, torch.Generator().manual_seed(0))
    open_chance = torch.sigmoid(net.W_g(z)[..., 0])
    taken = torch.where(speaks, open_chance, 1 - open_chance)
    torch.testing.assert_close(step.log_prob, taken.log())
    # as often open as its probability says
    error = (speaks.double() - open_chance)[alive].mean().abs() * alive.sum().sqrt()
    assert error < 3.5 * 0.5

    # It is part of the log-probability that the loss weighs with the advantage.
    torch.manual_seed(0)
    env = TrafficJunction("easy", 0.5, num_envs=8, seed=0)
    net = ic3net.GatedActorCritic(env.obs_dim, 2, D, TargetedAttention(D), gate="hard")
    with torch.no_grad():  # an undecided policy: its own log-probability is -log 2
        net.policy.weight.zero_()
    steps = []
    net.register_forward_hook(lambda *given: steps.append(given[-1]))
    batch = a2c.rollout(net, env, torch.Generator().manual_seed(0))
    gates = torch.stack([step.log_prob for step in steps[:20]], 1)
    torch.testing.assert_close(batch.log_prob, gates - math.log(2))
    a2c.loss(batch, a2c.Config(TrafficJunction), 0.0)[0].backward()
    assert net.W_g.weight.grad.abs().sum() > 0


def test_gates_that_do_not_exist_are_named():
    with pytest.raises(ValueError, match="gate must be one of hard, soft, got 'ajar'"):
        make("ajar")


def test_eq_ic3net_mean():
    """Who hears nobody that speaks hears zeros; the others hear the mean of those that do."""
    torch.manual_seed(0)
    layer = ic3net.MeanOfSpeakers(D).double()
    z = torch.randn(1, 4, D, dtype=torch.float64)
    speaks = torch.tensor([True, False, True, False])
    mask = speaks[None, None].expand(1, 4, 4)
    found, weights = layer(z, mask)
    for i in range(4):
        others = [z[0, j] for j in range(4) if speaks[j] and j != i]
        heard = sum(others) / len(others)
        expected = torch.tanh(layer.W_z(z[0, i]) + layer.W_c(heard))
        torch.testing.assert_close(found[0, i], expected)
    assert not weights[..., ~speaks].any()
    alone, _ = layer(z, torch.zeros(1, 4, 4, dtype=torch.bool))
    torch.testing.assert_close(alone, torch.tanh(layer.W_z(z)))


@pytest.mark.parametrize("gate", ic3net.GATES)
def test_empty_slots_are_neither_heard_nor_seen_nor_trained(gate):
    net = make(gate)
    obs, h, alive = scene()
    obs.requires_grad_(), h.requires_grad_()
    step = net(obs, h, alive, torch.Generator().manual_seed(1))
    assert (step.h[~alive] == 0).all()
    (step.logits[alive].sum() + step.log_prob[alive].sum()).backward()
    assert (obs.grad[~alive] == 0).all() and (h.grad[~alive] == 0).all()


def test_a_team_trains_and_goes_on_where_it_was_stopped(tmp_path):
    cfg = ic3net.Config(hidden_dim=8, num_envs=4, updates=6, log_every=2, checkpoint_every=2)

    def stop(row):
        if row["update"] == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ic3net.train(cfg, stop, tmp_path / "run")
    found, whole = ic3net.train(cfg, None, tmp_path / "run"), ic3net.train(cfg)
    assert [r["return"] for r in found.rows] == [r["return"] for r in whole.rows]
    for a, b in zip(found.net.parameters(), whole.net.parameters(), strict=True):
        assert torch.equal(a, b)
