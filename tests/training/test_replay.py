"""What was lived through comes back from the replay as it was, and never mixed with other lives."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marl_edu.training.replay import Episodes, ReplayBuffer, SequenceReplay


def episodes(B: int, T: int, N: int, seed: int, S: int = 2) -> Episodes:
    """Agents that come, go and are replaced by chance; every number tells where it is from."""
    g = torch.Generator().manual_seed(seed)
    alive = torch.rand(B, T, N, generator=g) < 0.7
    goes_on = (torch.rand(B, T, N, generator=g) < 0.7) & alive
    goes_on[:, :-1] &= alive[:, 1:]  # a life that goes on is there in the next step
    place = torch.arange(B * (T + 1) * N).view(B, T + 1, N)
    obs = torch.stack([place, -place], -1).float()
    done = place[:, :-1]
    state = torch.stack([done + 0.25] * S, -1) if S else torch.zeros(B, T, N, 0)
    return Episodes(obs, done % 5, done + 0.5, alive, goes_on, state)


def lives_of(e: Episodes) -> list[dict]:
    """The lives in a round, agent by agent and step by step."""
    B, T, N = e.alive.shape
    found = []
    for b in range(B):
        for n in range(N):
            life: dict | None = None
            for t in range(T):
                if not e.alive[b, t, n]:
                    life = None
                    continue
                if life is None:
                    life = {"agent": n, "obs": [e.obs[b, t, n].tolist()]}
                    life |= {"action": [], "reward": [], "goes_on": [], "state": []}
                    found.append(life)
                for name in ("action", "reward", "goes_on", "state"):
                    life[name].append(getattr(e, name)[b, t, n].tolist())
                life["obs"].append(e.obs[b, t + 1, n].tolist())
                if not e.goes_on[b, t, n]:
                    life = None
    return found


def available(N: int) -> torch.Tensor:
    """Agent n has the first n + 1 of N + 1 actions: so the mask tells who it is."""
    return torch.arange(N + 1) < torch.arange(1, N + 1)[:, None]


sizes = st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 3), st.integers(0, 10**6))


@settings(max_examples=40)
@given(sizes)
def test_transitions_hold_every_step_lived_through_and_no_other(drawn):
    B, T, N, seed = drawn
    e = episodes(B, T, N, seed)
    replay = ReplayBuffer(1000, 2, available(N))
    replay.add(e)
    expected = []
    for life in lives_of(e):
        for t in range(len(life["action"])):
            step = [*life["obs"][t], life["action"][t], life["reward"][t], *life["obs"][t + 1]]
            expected.append([*step, life["goes_on"][t], life["agent"]])
    f = replay.fields
    parts = [f["obs"], f["action"], f["reward"], f["next_obs"], f["goes_on"], f["agent"]]
    rows = [
        [x for part in parts for x in part[k].reshape(-1).tolist()] for k in range(replay.steps)
    ]
    assert sorted(map(str, rows)) == sorted(map(str, expected))


@settings(max_examples=40)
@given(sizes)
def test_lives_are_cut_where_an_agent_dies_or_is_replaced(drawn):
    B, T, N, seed = drawn
    e = episodes(B, T, N, seed)
    replay = SequenceReplay(1000, T + 1, 2, available(N), state_size=2)
    replay.add(e)
    expected, f = lives_of(e), replay.fields
    assert replay.size == len(expected)
    assert replay.steps == sum(len(life["action"]) for life in expected)
    for k, life in enumerate(expected):
        n = int(f["length"][k])
        assert n == len(life["action"]) and f["agent"][k] == life["agent"]
        assert f["obs"][k, : n + 1].tolist() == life["obs"]
        for name in ("action", "reward", "goes_on", "state"):
            assert f[name][k, :n].tolist() == life[name]
            assert not f[name][k, n:].any()
        assert not f["obs"][k, n + 1 :].any()


@settings(max_examples=60)
@given(sizes, st.integers(1, 7), st.integers(0, 3))
def test_a_window_is_a_piece_of_one_life(drawn, window, burn_in):
    B, T, N, seed = drawn
    e = episodes(B, T, N, seed)
    lives = lives_of(e)
    replay = SequenceReplay(1000, T, 2, available(N), state_size=2)
    if not lives:
        return
    replay.add(e)
    w = replay.sample(12, window, burn_in, torch.Generator().manual_seed(seed))
    E, L = w.action.shape
    assert L <= window + burn_in and w.obs.shape == (E, L + 1, 2)
    assert w.learn.any(1).all() and w.learn.any(0).any()
    for k in range(E):
        first_obs = w.obs[k, 0].tolist()
        (life,) = [one for one in lives if first_obs in one["obs"][:-1]]
        begin = life["obs"].index(first_obs)
        length = len(life["action"])
        learned = w.learn[k].nonzero()[:, 0].tolist()
        warm = learned[0]  # steps of burn-in: all that there are, up to `burn_in`
        first = begin + warm
        assert warm == min(burn_in, first) and first <= max(0, length - window)
        end = min(first + window, length)
        assert learned == list(range(warm, end - begin))
        n = end - begin
        assert w.obs[k, : n + 1].tolist() == life["obs"][begin : end + 1]
        assert w.action[k, :n].tolist() == life["action"][begin:end]
        assert w.reward[k, :n].tolist() == life["reward"][begin:end]
        assert w.goes_on[k, :n].tolist() == life["goes_on"][begin:end]
        assert w.state[k].tolist() == life["state"][begin]
        assert w.available[k].sum() == life["agent"] + 1


def test_every_place_of_a_life_is_drawn_equally_often():
    T = 8
    e = episodes(1, T, 1, 0)._replace(
        alive=torch.ones(1, T, 1, dtype=torch.bool), goes_on=torch.ones(1, T, 1, dtype=torch.bool)
    )
    replay = SequenceReplay(3, T, 2, available(1))
    replay.add(e)
    w = replay.sample(6000, 3, 0, torch.Generator().manual_seed(0))
    counts = torch.bincount(w.obs[:, 0, 0].long(), minlength=T)
    assert counts[6:].sum() == 0  # a window fits
    assert (counts[:6] - 1000).abs().max() < 150


def test_whole_lives_are_drawn_when_the_window_is_long():
    e = episodes(3, 6, 2, 5)
    replay = SequenceReplay(100, 6, 2, available(2))
    replay.add(e)
    w = replay.sample(500, 10**6, 0, torch.Generator().manual_seed(0))
    found = {tuple(w.obs[k, : int(w.learn[k].sum()) + 1, 0].tolist()) for k in range(500)}
    assert found == {tuple(o[0] for o in life["obs"]) for life in lives_of(e)}
    assert w.action.shape[1] == max(len(life["action"]) for life in lives_of(e))
    assert w.state.shape == (500, 0)


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


def test_what_cannot_be_drawn_or_kept_says_so():
    with pytest.raises(RuntimeError, match="nothing to draw yet"):
        ReplayBuffer(5, 2, available(1)).draw(3)
    with pytest.raises(ValueError, match="capacity must be at least 1, got 0"):
        SequenceReplay(0, 5, 2, available(1))
