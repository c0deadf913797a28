"""The replay of whole teams: what is kept, what is sampled, and who is there."""

import pytest
import torch

from marl_edu.core.ends import Outcome
from marl_edu.envs.traffic_junction import TrafficJunction
from marl_edu.training.qlearning import rollout
from marl_edu.training.replay import Episodes
from marl_edu.training.team_q import AgentQ
from marl_edu.training.team_replay import TeamReplay, TransitionReplay

ALL = torch.ones(2, 3, dtype=torch.bool)


def played(lengths=(1, 3), T: int = 3, left: tuple[int, int] | None = None) -> Episodes:
    """Episodes of two agents that end after so many steps; one of time `T` is cut off, not over."""
    B, N = len(lengths), 2
    steps = torch.arange(T)
    running = steps < torch.tensor(lengths)[:, None]
    ends = (steps == torch.tensor(lengths)[:, None] - 1) & (steps < T - 1)
    alive = running[..., None].repeat(1, 1, N)
    terminated = ends[..., None] | ~alive
    if left is not None:  # agent 1 leaves the last episode after this step, for good
        alive[-1, left[0] + 1 :, 1], terminated[-1, left[0] :, 1] = False, True
    count = torch.arange(B * (T + 1) * N).view(B, T + 1, N)
    return Episodes(
        obs=count[..., None].float(),
        action=count[:, :T] % 3,
        reward=count[:, :T].float() * alive,
        alive=alive,
        terminated=terminated,
        hidden=torch.zeros(B, T, N, 0),
    )


def all_of(replay: TeamReplay):
    """One batch with every row, in order of the first observation."""
    batch = replay.sample(200, torch.Generator().manual_seed(0))
    _, first = torch.unique(batch.obs[:, 0, 0, 0], return_inverse=True)
    rows = [int((first == k).nonzero()[0]) for k in range(int(first.max()) + 1)]
    return type(batch)(*(part[rows] for part in batch))


def test_episodes_come_back_whole() -> None:
    replay, episodes = TeamReplay(10, 3, 1, ALL), played()
    replay.add(episodes)
    batch = all_of(replay)
    assert torch.equal(batch.mask, torch.tensor([[True, False, False], [True, True, True]]))
    assert torch.equal(batch.obs, episodes.obs)
    assert torch.equal(batch.action[batch.mask], episodes.action[episodes.alive.any(-1)])
    # After one step the first team is gone; the time of the second is up, so it goes on.
    assert torch.equal(batch.over, torch.tensor([[True, True, True], [False, False, False]]))
    assert batch.alive[1].all()
    assert replay.steps == 2 * (1 + 3)


def test_one_who_left_ends_nothing_for_the_others() -> None:
    replay = TeamReplay(10, 3, 1, ALL)
    replay.add(played((3, 3), left=(0, 1)))
    batch = all_of(replay)
    assert not batch.over.any()
    assert batch.alive[1].tolist() == [[True, True], [True, False], [True, False], [True, False]]
    assert replay.steps == 6 + 4


def test_a_rollout_that_ended_early_is_filled_up() -> None:
    replay, whole = TeamReplay(10, 5, 1, ALL), played((1, 2), T=3)
    early = Episodes(*(part if part is None else part[:, : 2 + (name == "obs")]
                       for name, part in whole._asdict().items()))  # fmt: skip
    replay.add(early)
    batch = replay.sample(50, torch.Generator().manual_seed(0))
    assert batch.mask.shape == (50, 2)  # as long as the longest, not as there is room
    assert batch.over[:, 1].all()


def test_the_newest_push_the_oldest_out() -> None:
    replay = TeamReplay(2, 3, 1, ALL)
    for start in (0, 100, 200):
        episodes = played((3,))
        replay.add(episodes._replace(obs=episodes.obs + start))
    assert sorted({int(x) for x in replay.sample(99).obs[:, 0, 0, 0]}) == [100, 200]


def test_masks_that_change_are_kept_and_must_be_given() -> None:
    replay, episodes = TeamReplay(10, 3, 1, ALL, changes=True), played()
    with pytest.raises(ValueError, match="available must be given"):
        replay.add(episodes)
    masks = torch.rand(2, 4, 2, 3, generator=torch.Generator().manual_seed(0)) < 0.5
    replay.add(episodes._replace(available=masks))
    assert torch.equal(all_of(replay).available, masks)


def test_nothing_to_sample() -> None:
    with pytest.raises(RuntimeError, match="add episodes first"):
        TeamReplay(2, 3, 1, ALL).sample(1)


def test_unrolled_as_it_was_acted_where_slots_are_used_again() -> None:
    """On the junction cars leave and others come: memories start anew, in replay as in play."""
    env = TrafficJunction(num_envs=8, seed=0, arrival=1.0)
    torch.manual_seed(0)
    agent = AgentQ(env.obs_dim, env.n_actions, env.n_agents, 8)
    generator = torch.Generator().manual_seed(0)
    episodes, _ = rollout(agent, env, 0.5, generator, seed=0)
    assert (episodes.terminated[:, :-1] & episodes.alive[:, 1:]).any()  # a newcomer somewhere
    q = agent.unroll(episodes.obs, episodes.terminated)
    for t in range(env.max_steps):
        again, _ = agent(episodes.obs[:, t], episodes.hidden[:, t])
        torch.testing.assert_close(q[:, t], again)


# -- single steps of a team ------------------------------------------------------------------------


def outcome_of(episodes: Episodes) -> Outcome:
    """What a loop knows of them."""
    there = episodes.alive
    return Outcome(
        episodes.reward, episodes.reward, there, episodes.terminated, there, there.any(-1)
    )


@pytest.mark.parametrize("changes", [False, True])
def test_each_step_has_what_was_there_before_and_after_it(changes: bool) -> None:
    """Two episodes: one ends after a step, one is cut off after three, its agent 1 gone after the
    first."""
    episodes = played(left=(0, 1))
    B, T, N = episodes.alive.shape
    masks = torch.rand(B, T + 1, N, 3, generator=torch.Generator().manual_seed(0)) < 0.5
    numbers = torch.eye(3)[episodes.action]
    replay = TransitionReplay(10, 1, ALL, changes)
    replay.add(episodes.obs, numbers, outcome_of(episodes), masks)
    assert replay.size == 4 and replay.steps == int(episodes.alive.sum()) == 6
    drawn = replay.sample(200, torch.Generator().manual_seed(0))
    steps = {(0, 0), (1, 0), (1, 1), (1, 2)}
    first = {episodes.obs[b, t, 0].item(): (b, t) for b, t in steps}
    met = set()
    for e in range(200):
        b, t = first[drawn.obs[e, 0].item()]
        met.add((b, t))
        assert torch.equal(drawn.obs[e], episodes.obs[b, t])
        assert torch.equal(drawn.next_obs[e], episodes.obs[b, t + 1])
        assert torch.equal(drawn.action[e], numbers[b, t])
        assert torch.equal(drawn.reward[e], episodes.reward[b, t])
        assert torch.equal(drawn.terminated[e], episodes.terminated[b, t])
        assert torch.equal(drawn.alive[e], episodes.alive[b, t])
        after = [False, False] if b == 0 else [True, False]
        assert drawn.next_alive[e].tolist() == after
        assert torch.equal(drawn.available[e], masks[b, t] if changes else ALL)
        assert torch.equal(drawn.next_available[e], masks[b, t + 1] if changes else ALL)
    assert met == steps
