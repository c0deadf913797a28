"""What happened comes back from the replay as it was, and trajectories are never mixed."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marl_edu.algos import dqn, drqn
from marl_edu.envs import SpeakerListener
from marl_edu.training import qlearning
from marl_edu.training.replay import Episodes, ReplayBuffer, SequenceReplay
from tests.training.scripted import Scripted
from tests.training.test_available import MASK, MASKS
from tests.training.test_ends import played


def episodes(B: int, T: int, N: int, seed: int, S: int = 2) -> Episodes:
    """Agents that come, go and are replaced by chance; every number tells where it is from."""
    g = torch.Generator().manual_seed(seed)
    alive = torch.rand(B, T, N, generator=g) < 0.7
    goes_on = (torch.rand(B, T, N, generator=g) < 0.7) & alive
    goes_on[:, :-1] &= alive[:, 1:]  # a trajectory that goes on is there in the next step
    place = torch.arange(B * (T + 1) * N).view(B, T + 1, N)
    obs = torch.stack([place, -place], -1).float()
    done = place[:, :-1]
    hidden = torch.stack([done + 0.25] * S, -1) if S else torch.zeros(B, T, N, 0)
    return Episodes(obs, done % 5, done + 0.5, alive, ~goes_on, hidden)


def trajectories_of(e: Episodes) -> list[dict]:
    """The trajectories in a round, agent by agent and step by step."""
    B, T, N = e.alive.shape
    found = []
    for b in range(B):
        for n in range(N):
            one: dict | None = None
            for t in range(T):
                if not e.alive[b, t, n]:
                    one = None
                    continue
                if one is None:
                    one = {"agent": n, "obs": [e.obs[b, t, n].tolist()]}
                    one |= {"action": [], "reward": [], "terminated": [], "hidden": []}
                    found.append(one)
                for name in ("action", "reward", "terminated", "hidden"):
                    one[name].append(getattr(e, name)[b, t, n].tolist())
                one["obs"].append(e.obs[b, t + 1, n].tolist())
                if e.terminated[b, t, n]:
                    one = None
    return found


def available(N: int) -> torch.Tensor:
    """Agent n has the first n + 1 of N + 1 actions: so the mask tells who it is."""
    return torch.arange(N + 1) < torch.arange(1, N + 1)[:, None]


sizes = st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 3), st.integers(0, 10**6))


@settings(max_examples=40)
@given(sizes)
def test_the_buffer_holds_every_step_and_no_other(drawn):
    B, T, N, seed = drawn
    e = episodes(B, T, N, seed)
    replay = ReplayBuffer(1000, 2, available(N))
    replay.add(e)
    expected = []
    for one in trajectories_of(e):
        for t in range(len(one["action"])):
            step = [*one["obs"][t], one["action"][t], one["reward"][t], *one["obs"][t + 1]]
            expected.append([*step, one["terminated"][t], one["agent"]])
    f = replay.fields
    parts = [f["obs"], f["action"], f["reward"], f["next_obs"], f["terminated"], f["agent"]]
    rows = [
        [x for part in parts for x in part[k].reshape(-1).tolist()] for k in range(replay.steps)
    ]
    assert sorted(map(str, rows)) == sorted(map(str, expected))


@settings(max_examples=40)
@given(sizes)
def test_trajectories_are_cut_where_an_agent_dies_or_is_replaced(drawn):
    B, T, N, seed = drawn
    e = episodes(B, T, N, seed)
    replay = SequenceReplay(1000, T + 1, 2, available(N), hidden_size=2)
    replay.add(e)
    expected, f = trajectories_of(e), replay.fields
    assert replay.size == len(expected)
    assert replay.steps == sum(len(one["action"]) for one in expected)
    for k, one in enumerate(expected):
        n = int(f["length"][k])
        assert n == len(one["action"]) and f["agent"][k] == one["agent"]
        assert f["obs"][k, : n + 1].tolist() == one["obs"]
        for name in ("action", "reward", "terminated", "hidden"):
            assert f[name][k, :n].tolist() == one[name]
            assert not f[name][k, n:].any()
        assert not f["obs"][k, n + 1 :].any()


@settings(max_examples=60)
@given(sizes, st.integers(1, 7), st.integers(0, 3))
def test_a_window_is_a_piece_of_one_trajectory(drawn, window, burn_in):
    B, T, N, seed = drawn
    e = episodes(B, T, N, seed)
    trajectories = trajectories_of(e)
    replay = SequenceReplay(1000, T, 2, available(N), hidden_size=2)
    if not trajectories:
        return
    replay.add(e)
    w = replay.sample(12, window, burn_in, torch.Generator().manual_seed(seed))
    E, L = w.action.shape
    assert window + burn_in >= L and w.obs.shape == (E, L + 1, 2)
    assert w.mask.any(1).all() and w.mask.any(0).any()
    for k in range(E):
        first_obs = w.obs[k, 0].tolist()
        (one,) = [each for each in trajectories if first_obs in each["obs"][:-1]]
        begin = one["obs"].index(first_obs)
        length = len(one["action"])
        learned = w.mask[k].nonzero()[:, 0].tolist()
        warm = learned[0]  # steps of burn-in: all that there are, up to `burn_in`
        first = begin + warm
        assert warm == min(burn_in, first) and first <= max(0, length - window)
        end = min(first + window, length)
        assert learned == list(range(warm, end - begin))
        n = end - begin
        assert w.obs[k, : n + 1].tolist() == one["obs"][begin : end + 1]
        assert w.action[k, :n].tolist() == one["action"][begin:end]
        assert w.reward[k, :n].tolist() == one["reward"][begin:end]
        assert w.terminated[k, :n].tolist() == one["terminated"][begin:end]
        assert w.hidden[k].tolist() == one["hidden"][begin]
        assert w.available.shape[:2] == (E, L)
        assert (w.available[k].sum(-1) == one["agent"] + 1).all()


def test_every_place_of_a_trajectory_is_sampled_equally_often():
    T = 8
    e = episodes(1, T, 1, 0)._replace(
        alive=torch.ones(1, T, 1, dtype=torch.bool),
        terminated=torch.zeros(1, T, 1, dtype=torch.bool),
    )
    replay = SequenceReplay(3, T, 2, available(1))
    replay.add(e)
    w = replay.sample(6000, 3, 0, torch.Generator().manual_seed(0))
    counts = torch.bincount(w.obs[:, 0, 0].long(), minlength=T)
    assert counts[6:].sum() == 0  # a window fits
    assert (counts[:6] - 1000).abs().max() < 150


def test_whole_trajectories_are_sampled_when_the_window_is_long():
    e = episodes(3, 6, 2, 5)
    replay = SequenceReplay(100, 6, 2, available(2))
    replay.add(e)
    w = replay.sample(500, 10**6, 0, torch.Generator().manual_seed(0))
    found = {tuple(w.obs[k, : int(w.mask[k].sum()) + 1, 0].tolist()) for k in range(500)}
    assert found == {tuple(o[0] for o in one["obs"]) for one in trajectories_of(e)}
    assert w.action.shape[1] == max(len(one["action"]) for one in trajectories_of(e))
    assert w.hidden.shape == (500, 0)


@pytest.mark.parametrize("kind", [ReplayBuffer, SequenceReplay])
def test_the_newest_takes_the_place_of_the_oldest(kind):
    def make(capacity):
        return (
            ReplayBuffer(capacity, 2, available(2))
            if kind is ReplayBuffer
            else SequenceReplay(capacity, 4, 2, available(2))
        )

    small, large = make(7), make(10_000)
    for seed in range(5):
        for replay in (small, large):
            replay.add(episodes(2, 4, 2, seed))
        kept = min(7, large.size)
        order = (small.next - 1 - torch.arange(kept)) % 7  # newest first
        for name, values in small.fields.items():
            newest = large.fields[name][: large.size].flip(0)[:kept]
            assert torch.equal(values[order], newest), name
    assert small.size == 7


def test_lengths_may_differ_from_round_to_round():
    replay = SequenceReplay(100, 9, 2, available(2))
    for T in (3, 9, 1):
        replay.add(episodes(2, T, 2, T))
    assert replay.steps == sum(int(episodes(2, T, 2, T).alive.sum()) for T in (3, 9, 1))


@pytest.mark.parametrize("kind", [ReplayBuffer, SequenceReplay])
def test_a_restored_replay_goes_on_as_the_other(kind):
    def make():
        ring = (30, 2, available(2)) if kind is ReplayBuffer else (30, 4, 2, available(2), 2)
        return kind(*ring)

    one, other = make(), make()
    for seed in range(3):
        one.add(episodes(3, 4, 2, seed))
    other.load_state_dict({k: v.clone() for k, v in one.state_dict().items()})
    for replay in (one, other):
        replay.add(episodes(3, 4, 2, 9))
    args = (20,) if kind is ReplayBuffer else (20, 2, 1)
    a, b = (r.sample(*args, generator=torch.Generator().manual_seed(1)) for r in (one, other))
    assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_what_cannot_be_sampled_or_kept_says_so():
    with pytest.raises(RuntimeError, match="nothing to sample yet"):
        ReplayBuffer(5, 2, available(1)).sample(3)
    with pytest.raises(ValueError, match="capacity must be at least 1, got 0"):
        SequenceReplay(0, 5, 2, available(1))


# -- actions that come and go --------------------------------------------------------------------


def test_the_replay_keeps_what_there_will_be_after_each_step():
    env = Scripted(**MASKS, num_envs=2)
    episodes = played("q", env)
    assert torch.equal(episodes.available, MASK.expand(2, -1, -1, -1))
    replay = dqn.make_replay(dqn.Config(Scripted), env, dqn.QNet(2, 3, 8))
    replay.add(episodes)
    batch = replay.sample(300, torch.Generator().manual_seed(0))
    for obs, has in zip(batch.obs, batch.available, strict=True):
        t, n = int(obs[0]) - 1, int(obs[1])
        assert torch.equal(has, MASK[t + 1, n])
    copy = dqn.make_replay(dqn.Config(Scripted), env, dqn.QNet(2, 3, 8))
    copy.load_state_dict(replay.state_dict())
    again = copy.sample(300, torch.Generator().manual_seed(0))
    assert torch.equal(again.available, batch.available)


@pytest.mark.parametrize("window, burn_in", [(9, 0), (2, 0), (2, 1)])
def test_so_does_the_replay_of_trajectories(window, burn_in):
    env = Scripted(**MASKS, num_envs=2)
    net = drqn.RecurrentQ(2, 3, 8)
    replay = drqn.make_replay(drqn.Config(Scripted), env, net)
    replay.add(played("q", env))
    w = replay.sample(100, window, burn_in, torch.Generator().manual_seed(0))
    assert w.available.shape == (*w.action.shape, 3)
    seen = set()
    for e, l in w.mask.nonzero().tolist():  # noqa: E741
        t, n = int(w.obs[e, l, 0]) - 1, int(w.obs[e, l, 1])
        assert torch.equal(w.available[e, l], MASK[t + 1, n])
        seen.add((t, n))
    assert seen == {(t, 0) for t in range(4)} | {(t, 1) for t in range(3)}


def test_what_never_changes_is_not_kept_step_by_step():
    env = SpeakerListener(num_envs=2, seed=0)
    net = drqn.RecurrentQ(env.obs_dim, env.n_actions, 8)
    episodes, _ = qlearning.rollout(net, env, 1.0, torch.Generator().manual_seed(0))
    assert episodes.available is None
    for replay in (
        dqn.make_replay(dqn.Config(SpeakerListener), env, dqn.QNet(9, 5, 8)),
        drqn.make_replay(drqn.Config(SpeakerListener), env, net),
    ):
        assert "available" not in replay.fields
        replay.add(episodes)
    one = ReplayBuffer(9, 2, torch.ones(1, 3, dtype=torch.bool), changes=True)
    with pytest.raises(ValueError, match=r"^available must be given with the episodes, got None"):
        one.add(played("q", Scripted(("1", "1", "1"))))
    many = SequenceReplay(9, 2, 2, torch.ones(1, 3, dtype=torch.bool), changes=True)
    assert many.fields["available"].shape == (9, 2, 3)
