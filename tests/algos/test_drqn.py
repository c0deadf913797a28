"""DRQN: its equations step by step, whose memory is whose, and what the three starts do."""

import pytest
import torch

from marl_edu.algos import drqn
from marl_edu.algos.drqn import Config, RecurrentQ
from marl_edu.envs import TrafficJunction
from marl_edu.envs.tmaze import TMaze
from marl_edu.training import qlearning
from marl_edu.training.replay import SequenceBatch, SequenceReplay

O, A, D = 3, 4, 5  # noqa: E741  numbers seen, actions, width
KINDS = pytest.mark.parametrize("kind", ["lstm", "gru"])


def make(kind: str = "lstm", seed: int = 0) -> RecurrentQ:
    torch.manual_seed(seed)
    return RecurrentQ(O, A, D, kind).double()


def windows(kind: str = "lstm", E: int = 4, L: int = 6, seed: int = 0) -> SequenceBatch:
    g = torch.Generator().manual_seed(seed)
    mask = torch.rand(E, L, generator=g) < 0.7
    available = torch.rand(E, L, A, generator=g) < 0.6
    available[..., 0] = True
    f64 = {"generator": g, "dtype": torch.float64}
    return SequenceBatch(
        torch.randn(E, L + 1, O, **f64),
        torch.randint(A, (E, L), generator=g),
        2 * torch.randn(E, L, **f64),
        torch.rand(E, L, generator=g) >= 0.7,
        mask,
        torch.randn(E, D * (2 if kind == "lstm" else 1), **f64),
        available,
    )


def remember(net: RecurrentQ, z: torch.Tensor, hidden: torch.Tensor):
    """One step of the memory of one agent, written out. Returns h and the new hidden state."""
    m = net.memory
    from_z = (m.weight_ih_l0 @ z + m.bias_ih_l0).split(D)
    from_h = (m.weight_hh_l0 @ hidden[:D] + m.bias_hh_l0).split(D)
    if net.lstm:
        take, keep, new, show = (a + b for a, b in zip(from_z, from_h, strict=True))
        cell = keep.sigmoid() * hidden[D:] + take.sigmoid() * new.tanh()
        h = show.sigmoid() * cell.tanh()
        return h, torch.cat([h, cell])
    reset = (from_z[0] + from_h[0]).sigmoid()
    keep = (from_z[1] + from_h[1]).sigmoid()
    h = (1 - keep) * (from_z[2] + reset * from_h[2]).tanh() + keep * hidden
    return h, h


def by_hand(net: RecurrentQ, obs: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """Q of one agent along its observations (L + 1, O)."""
    q = []
    for o in obs:
        z = (net.encode.weight @ o + net.encode.bias).clamp_min(0)
        h, hidden = remember(net, z, hidden)
        q.append(net.q.weight @ h + net.q.bias)
    return torch.stack(q)


def huber(error: float) -> float:
    return 0.5 * error**2 if abs(error) < 1 else abs(error) - 0.5


# -- equations -----------------------------------------------------------------------------------


@KINDS
def test_eq_drqn_see(kind):
    net, batch, seen = make(kind), windows(kind), []
    net.memory.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    net.unroll(batch.obs, batch.hidden)
    for e, l in torch.cartesian_prod(torch.arange(4), torch.arange(7)).tolist():  # noqa: E741
        z = (net.encode.weight @ batch.obs[e, l] + net.encode.bias).clamp_min(0)
        torch.testing.assert_close(seen[0][e, l], z)


@KINDS
def test_eq_drqn_memory(kind):
    net, batch, kept = make(kind), windows(kind), []
    net.memory.register_forward_hook(lambda *given: kept.append(given[-1][0]))
    _, after = net.unroll(batch.obs, batch.hidden)
    for e in range(4):
        hidden = batch.hidden[e]
        for l in range(7):  # noqa: E741
            z = (net.encode.weight @ batch.obs[e, l] + net.encode.bias).clamp_min(0)
            h, hidden = remember(net, z, hidden)
            torch.testing.assert_close(kept[0][e, l], h)
        torch.testing.assert_close(after[e], hidden)


@KINDS
def test_eq_drqn_q(kind):
    net, batch = make(kind), windows(kind)
    q, _ = net.unroll(batch.obs, batch.hidden)
    for e in range(4):
        torch.testing.assert_close(q[e], by_hand(net, batch.obs[e], batch.hidden[e]))


def expected_errors(net, target, batch, start, gamma):
    """Eq. (4), window by window: the step's number -> y - Q."""
    found = {}
    for e in range(len(batch.obs)):
        q, q_target = (by_hand(one, batch.obs[e], start[e]) for one in (net, target))
        for l in range(batch.action.shape[1]):  # noqa: E741
            there = [a for a in range(A) if batch.available[e, l, a]]
            best = max(there, key=lambda a: q[l + 1, a].item())
            future = 0.0 if batch.terminated[e, l] else gamma * q_target[l + 1, best]
            found[e, l] = (batch.reward[e, l] + future - q[l, batch.action[e, l]]).item()
    return found


@KINDS
@pytest.mark.parametrize("start", ["zero", "stored"])
def test_eq_drqn_target_and_eq_drqn_loss(kind, start):
    """Network and target, each with a memory of its own, from the same start, shifted by one."""
    net, target, batch = make(kind), make(kind, seed=1), windows(kind)
    cfg = Config(TMaze, memory=kind, start=start, gamma=0.9)
    total, parts = drqn.loss(net, target, batch, cfg)
    begin = batch.hidden if start == "stored" else torch.zeros_like(batch.hidden)
    errors = expected_errors(net, target, batch, begin, 0.9)
    learned = [error for at, error in errors.items() if batch.mask[at]]
    assert 0 < len(learned) < len(errors)
    assert total.item() == pytest.approx(sum(map(huber, learned)) / len(learned))
    assert parts["loss"] == total.item()


def test_eq_drqn_loss_teaches_the_network_alone_and_through_time():
    net, target, batch = make(), make(seed=1), windows()
    batch = batch._replace(mask=torch.zeros_like(batch.mask))
    batch.mask[:, -1] = True  # only the last step is learned from
    batch.obs.requires_grad_()
    drqn.loss(net, target, batch, Config(TMaze))[0].backward()
    assert all(p.grad is None for p in target.parameters())
    reached = batch.obs.grad.abs().sum(-1) > 0
    assert reached[:, :-1].all()  # back to the first observation of the window ...
    assert not reached[:, -1].any()  # ... but not through the target's


def test_what_is_not_to_be_learned_changes_nothing():
    net, target, batch = make(), make(seed=1), windows()
    first = drqn.loss(net, target, batch, Config(TMaze))[0]
    noise = torch.randn_like(batch.reward) * ~batch.mask
    other = batch._replace(reward=batch.reward + noise)
    assert torch.equal(drqn.loss(net, target, other, Config(TMaze))[0], first)


# -- whose memory is whose -----------------------------------------------------------------------


@KINDS
def test_agents_do_not_share_a_memory(kind):
    net = make(kind)
    obs = torch.randn(2, 3, O, dtype=torch.float64)
    hidden = torch.randn(2, 3, net.hidden_size, dtype=torch.float64)
    q, after = net(obs, hidden)
    changed = hidden.clone()
    changed[1, 2] += 1
    q2, after2 = net(obs, changed)
    same = torch.ones(2, 3, dtype=torch.bool)
    same[1, 2] = False
    assert torch.equal(q[same], q2[same]) and torch.equal(after[same], after2[same])
    assert not torch.isclose(q[1, 2], q2[1, 2]).any()


@KINDS
def test_a_trajectory_unrolled_from_the_replay_is_the_one_that_was_played(kind):
    """At the junction slots are used again: who comes starts with nothing, in both."""
    env = TrafficJunction("easy", 0.9, num_envs=20, seed=0)
    torch.manual_seed(0)
    net = RecurrentQ(env.obs_dim, env.n_actions, 8, kind)
    values = []
    net.q.register_forward_hook(lambda *given: values.append(given[-1][:, 0]))
    episodes, _ = qlearning.rollout(net, env, 1.0, torch.Generator().manual_seed(0))
    played = torch.stack(values, 1).view(20, env.n_agents, env.max_steps, -1)
    kept = SequenceReplay(10**4, env.max_steps, env.obs_dim, env.available[0], net.hidden_size)
    kept.add(episodes)
    assert kept.size > 20 * env.n_agents
    f, n = kept.fields, kept.size
    q, _ = net.unroll(f["obs"][:n], torch.zeros(n, net.hidden_size))
    # Slot by slot and step by step the trajectories come in the order in which they were cut.
    inside = torch.arange(env.max_steps) < f["length"][:n, None]
    lived = episodes.alive.transpose(1, 2)
    torch.testing.assert_close(q[:, :-1][inside], played[lived])
    torch.testing.assert_close(f["hidden"][:n][inside], episodes.hidden.transpose(1, 2)[lived])


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_a_stored_state_is_what_the_whole_trajectory_would_have_given(kind):
    env = TMaze(6, n_agents=3, num_envs=20, seed=0)
    torch.manual_seed(0)
    net = RecurrentQ(env.obs_dim, env.n_actions, 8, kind)
    episodes, _ = qlearning.rollout(net, env, 0.3, torch.Generator().manual_seed(0))
    kept = SequenceReplay(100, env.max_steps, env.obs_dim, env.available[0], net.hidden_size)
    kept.add(episodes)
    for burn_in in (0, 2):
        w = kept.sample(60, 4, burn_in, torch.Generator().manual_seed(1))
        middle = (w.hidden != 0).any(1)  # windows that do not begin where the trajectory does
        assert 10 < middle.sum() < 60
        stored, _ = net.unroll(w.obs, w.hidden)
        zero, _ = net.unroll(w.obs, torch.zeros_like(w.hidden))
        assert torch.equal(stored[~middle], zero[~middle])
        assert not torch.isclose(stored[middle], zero[middle]).all()


def test_burn_in_brings_the_memory_closer_to_what_it_was():
    env = TMaze(10, num_envs=200, seed=0)
    torch.manual_seed(0)
    net = RecurrentQ(env.obs_dim, env.n_actions, 8)
    episodes, _ = qlearning.rollout(net, env, 0.5, torch.Generator().manual_seed(0))
    kept = SequenceReplay(1000, env.max_steps, env.obs_dim, env.available[0], net.hidden_size)
    kept.add(episodes)

    def first_learned(burn_in, start):
        w = kept.sample(300, 3, burn_in, torch.Generator().manual_seed(1))
        hidden = w.hidden if start == "stored" else torch.zeros_like(w.hidden)
        q, _ = net.unroll(w.obs, hidden)
        at = w.mask.int().argmax(1)
        return q[torch.arange(300), at]

    truth = first_learned(0, "stored")
    gaps = [(first_learned(k, "zero") - truth).abs().mean().item() for k in (0, 1, 3, 6)]
    assert gaps[0] > 3 * gaps[-1] > 0 and gaps == sorted(gaps, reverse=True)


@KINDS
def test_the_network_has_these_sizes(kind):
    net = RecurrentQ(7, 3, 16, kind)
    assert net.hidden_size == (32 if kind == "lstm" else 16)
    assert net.start(2, 5).shape == (2, 5, net.hidden_size) and not net.start(2, 5).any()
    gates = 4 if kind == "lstm" else 3
    assert net.memory.weight_hh_l0.shape == (gates * 16, 16)


def test_bad_settings_are_named():
    with pytest.raises(ValueError, match="memory must be 'lstm' or 'gru', got 'rnn'"):
        RecurrentQ(3, 2, 4, "rnn")
    with pytest.raises(ValueError, match="start must be 'zero' or 'stored', got 'warm'"):
        drqn.train(Config(TMaze, start="warm"))
