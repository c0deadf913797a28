"""The grid world: every step by a slow reference, who hears whom, many agents, its rules."""

from itertools import combinations_with_replacement, pairwise, permutations
from xml.etree import ElementTree

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marl_edu.core.evaluate import play_episodes
from marl_edu.envs import MultiAgentGridWorld
from marl_edu.envs.baselines.grid_world import OpenLoopSweep, Search, full_information
from marl_edu.envs.baselines.task import Always, UniformPolicy
from tests.unchecked import unchecked

MOVES = {0: (-1, 0), 1: (1, 0), 2: (0, -1), 3: (0, 1), 4: (0, 0)}


class Reference:
    """One environment, agent by agent, in plain Python."""

    def __init__(self, env, b):
        self.env = env
        self.agents = [tuple(p) for p in env.position[b].tolist()]
        self.targets = [tuple(p) for p in env.targets[b].tolist()]
        self.gone = set()
        self.over = False

    def step(self, actions):
        w = self.env
        if self.over:
            return [0.0] * len(self.agents), True
        for i, action in enumerate(actions):
            row, column = self.agents[i]
            down, right = MOVES[action]
            if 0 <= row + down < w.rows and 0 <= column + right < w.columns:
                self.agents[i] = (row + down, column + right)
        rewards = []
        for place in self.agents:
            together = self.agents.count(place)
            reward = -0.01 - 0.1 * (together - 1)
            if place in self.left():
                reward += (10 if w.task == "collect" else 10 / w.max_steps) / together
            rewards.append(reward)
        if w.task == "collect":
            self.gone |= {t for t in self.targets if t in self.agents}
            self.over = len(self.gone) == len(self.targets)
        if w.shared_reward:
            rewards = [sum(rewards) / len(rewards)] * len(rewards)
        return rewards, self.over

    def left(self):
        return [t for t in self.targets if t not in self.gone]

    def success(self):
        done = self.gone if self.env.task == "collect" else set(self.agents) & set(self.targets)
        return len(done) / len(self.targets)

    def observe(self, i):
        w, (row, column) = self.env, self.agents[i]
        seen = [row / max(w.rows - 1, 1), column / max(w.columns - 1, 1)]
        for r in range(row - w.view, row + w.view + 1):
            for c in range(column - w.view, column + w.view + 1):
                outside = not (0 <= r < w.rows and 0 <= c < w.columns)
                others = sum(a == (r, c) for j, a in enumerate(self.agents) if j != i)
                seen += [float(outside), float(others), float((r, c) in self.left())]
        return seen


@settings(max_examples=40)
@given(
    st.tuples(st.integers(1, 5), st.integers(1, 5)).filter(lambda s: s[0] * s[1] > 3),
    st.integers(1, 3),
    st.integers(0, 2),
    st.sampled_from(["collect", "cover"]),
    st.booleans(),
    st.integers(0, 10**6),
)
def test_step_by_step_as_the_reference(size, n_agents, view, task, shared, seed):
    n_targets = min(2, size[0] * size[1] - n_agents)
    env = MultiAgentGridWorld(
        size, n_agents, n_targets, 8, view, task=task, shared_reward=shared, num_envs=3
    )
    obs, chance = env.reset(seed), UniformPolicy(seed)
    models = [Reference(env, b) for b in range(3)]
    for model in models:  # at the start all stand apart
        places = model.agents + model.targets
        assert len(set(places)) == len(places)
    for t in range(8):
        for b, model in enumerate(models):
            for i in range(n_agents):
                assert obs[b, i].tolist() == pytest.approx(model.observe(i), abs=1e-6)
        assert (obs >= env.obs_low).all() and (obs <= env.obs_high).all()
        actions = chance(env)
        obs, reward, terminated, truncated, info = env.step(actions)
        for b, model in enumerate(models):
            rewards, over = model.step(actions[b].tolist())
            assert reward[b].tolist() == pytest.approx(rewards, abs=1e-5)
            assert bool(terminated[b]) == over and bool(truncated[b]) == (t == 7 and not over)
            assert info["success"][b].item() == pytest.approx(model.success())
            assert bool(info["alive"][b].all()) != over


@settings(max_examples=40)
@given(st.integers(1, 12), st.integers(0, 4), st.integers(1, 12), st.integers(0, 10**6))
def test_the_list_of_neighbours_is_the_adjacency(n_agents, hearing, k, seed):
    env = MultiAgentGridWorld((6, 5), n_agents, 2, hearing=hearing, num_envs=2)
    env.reset(seed)
    for _ in range(3):  # so that some share a cell
        env.step(UniformPolicy(seed)(env))
    adjacency = env.adjacency()
    index, mask = env.neighbours(k)
    for b in range(2):
        if not env.running[b]:  # nobody is left to hear anybody
            assert not adjacency[b].any() and not mask[b].any()
            continue
        for i in range(n_agents):
            (row, column), near = env.position[b, i].tolist(), []
            for j in range(n_agents):
                r, c = env.position[b, j].tolist()
                away = max(abs(r - row), abs(c - column))
                assert bool(adjacency[b, i, j]) == (away <= hearing)
                near += [away] * (away <= hearing)
            found = index[b, i][mask[b, i]].tolist()
            assert found[0] == i and len(set(found)) == len(found) == min(k, len(near))
            assert adjacency[b, i, found].all()
            gaps = (env.position[b, found] - env.position[b, i]).abs().amax(-1).tolist()
            assert gaps == sorted(near)[: len(found)]


def test_ten_thousand_agents():
    env = MultiAgentGridWorld((260, 260), 10_000, 10_000, max_steps=3, num_envs=1)
    env.reset(0)
    for _ in range(3):
        *_, info = env.step(UniformPolicy()(env))
    assert 0 < info["success"].item() < 1
    index, mask = env.neighbours(8)
    assert index.shape == mask.shape == (1, 10_000, 8)


def test_seeds_repeat_and_a_smaller_batch_is_a_slice():
    small, large = (MultiAgentGridWorld(num_envs=b) for b in (3, 8))
    assert torch.equal(small.reset(4), large.reset(4)[:3])
    actions = UniformPolicy(0)(large)
    assert torch.equal(small.step(actions[:3])[0], large.step(actions)[0][:3])
    assert not torch.equal(small.reset(4), small.reset(5))


def test_what_ended_stays_as_it_was():
    env = MultiAgentGridWorld((1, 3), 1, 1, max_steps=6, num_envs=50)
    env.reset(0)
    ended = torch.zeros(50, dtype=torch.bool)
    for _ in range(6):
        before = env.position.clone()
        _, reward, terminated, _, info = env.step(UniformPolicy(1)(env))
        assert torch.equal(env.position[ended], before[ended])
        assert not reward[ended].any() and not info["alive"][ended].any()
        ended = terminated
    assert ended.any() and not ended.all()


@pytest.mark.long
def test_there_is_something_to_gain_from_neighbours():
    """Steps until all is collected: blind > own view > neighbours' views > full information."""
    for settings_ in (
        {},
        {"grid_size": (16, 16), "n_agents": 12, "n_targets": 12, "max_steps": 100},
    ):
        env = MultiAgentGridWorld(**settings_, num_envs=200)
        policies = (OpenLoopSweep(), Search(told=False), Search(told=True), full_information)
        steps = [play_episodes(env, scripted, 200)["steps"] for scripted in policies]
        for worse, better in pairwise(steps):
            gain = worse - better  # the same episodes
            assert gain.mean() > 3 * gain.std() / len(gain) ** 0.5


def shortest(agents, targets):
    """Fewest steps in which three agents collect three targets: all ways to share and order."""

    def away(a, b):
        return abs(a[0] - b[0]) + abs(a[1] - b[1])

    best = 10**6
    for order in permutations(targets):
        for i, j in combinations_with_replacement(range(4), 2):
            tours = zip(agents, (order[:i], order[i:j], order[j:]), strict=True)
            ways = [[start, *tour] for start, tour in tours]
            best = min(best, max(sum(away(*leg) for leg in pairwise(way)) for way in ways))
    return best


def test_the_full_information_rule_is_hardly_ever_slower_than_the_shortest_plan():
    env = MultiAgentGridWorld(num_envs=100)
    steps = play_episodes(env, full_information, 100, seed=0)["steps"]
    env.reset(0)
    plans = zip(env.position.tolist(), env.targets.tolist(), strict=True)
    best = torch.tensor([shortest(*plan) for plan in plans])
    assert (steps >= best).all() and (steps == best).float().mean() > 0.8
    assert steps.mean() < 1.05 * best.float().mean()


def test_the_own_view_rule_knows_nothing_it_has_not_seen():
    """Targets out of sight change place, and nobody acts differently."""
    env = MultiAgentGridWorld((12, 12), 3, 3, num_envs=60)
    env.reset(2)
    first = Search(told=False)(env)
    away = (env.position[:, :, None] - env.targets[:, None]).abs().amax(-1)
    unseen = (away > env.view).all(1)  # (B, K): nobody sees it
    cells = torch.cartesian_prod(torch.arange(12), torch.arange(12))
    for b, k in unseen.nonzero().tolist():
        free = ((cells[:, None] - env.position[b]).abs().amax(-1) > env.view).all(1)
        env.targets[b, k] = cells[free][7 * k]
    assert unseen.any() and torch.equal(Search(told=False)(env), first)


def test_covering_pays_who_stays():
    env = MultiAgentGridWorld((1, 2), 1, 1, max_steps=4, task="cover", num_envs=1)
    env.reset(0)
    towards = 3 if env.targets[0, 0, 1] == 1 else 2
    _, reward, *_ = env.step(torch.tensor([[towards]]))
    for _ in range(3):
        _, more, terminated, truncated, info = env.step(Always(4)(env))
        reward = reward + more
    assert reward.item() == pytest.approx(10 - 0.04) and info["success"].item() == 1
    assert truncated.all() and not terminated.any()


def test_render_shows_all_that_is_left():
    env = MultiAgentGridWorld(num_envs=1)
    env.reset(0)
    root = ElementTree.fromstring(env.render())
    assert "3 agents" in root.get("aria-label") and "0 of 3 targets" in root.get("aria-label")
    assert len(root.findall(".//{*}circle")) == 6  # three discs, three rings
    large = MultiAgentGridWorld((260, 260), 10_000, 10_000, num_envs=1)
    large.reset(0)
    assert "the part around agent 0" in large.render() and len(large.render()) < 60_000


def test_bad_input_is_named():
    with unchecked():
        with pytest.raises(ValueError, match=r"n_agents \+ n_targets must be at most 4, .* 3 \+ 2"):
            MultiAgentGridWorld((2, 2), 3, 2)
        for size in ((2,), (0, 3), 2.5, "8x8", (3, 3, 3)):
            with pytest.raises(ValueError, match="grid_size must be two whole numbers"):
                MultiAgentGridWorld(size)
        with pytest.raises(ValueError, match=r"task must be one of .*'cover'\], got 'eat'"):
            MultiAgentGridWorld(task="eat")
        with pytest.raises(ValueError, match="view must be a whole number of at least 0, got -1"):
            MultiAgentGridWorld(view=-1)
        with pytest.raises(ValueError, match="shared_reward must be True or False, got 1"):
            MultiAgentGridWorld(shared_reward=1)
