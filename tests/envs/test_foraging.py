"""Level-based foraging, against the original, a slow and obvious second version, and by hand."""

import inspect
import itertools
import math
from collections import Counter
from xml.etree import ElementTree

import gymnasium
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marl_edu.core.evaluate import play_episodes
from marl_edu.envs import foraging
from marl_edu.envs.baselines.foraging import TASKS, NearestToAll, together
from marl_edu.envs.baselines.task import UniformPolicy
from marl_edu.envs.foraging import EAST, LOAD, NONE, NORTH, SOUTH, WEST, Foraging, pack
from tests.unchecked import unchecked

WHOLE = {"size": 8, "sight": 8, "n_agents": 2, "n_food": 2, "coop": True}


def put(
    agents: list[tuple[int, int, int]], food: list[tuple[int, int, int]], size: int = 6, **given
) -> Foraging:
    """One environment with agents and food (row, column, level) where they are wanted."""
    env = Foraging(size, len(agents), len(food), num_envs=1, **given)
    env.reset(0)
    env.agents = torch.tensor([[env.cell_of(r, c) for r, c, _ in agents]])
    env.food = torch.tensor([[env.cell_of(r, c) for r, c, _ in food]])
    env.agent_level = torch.tensor([[float(level) for *_, level in agents]])
    env.food_level = torch.tensor([[float(level) for *_, level in food]])
    env.spawned = env.food_level.sum(1)
    env.observe()
    return env


def act(env: Foraging, *actions: int):
    obs, reward, terminated, _, info = env.step(torch.tensor([actions]))
    where = [tuple(place) for place in env.places[env.agents[0]].int().tolist()]
    return where, reward[0].tolist(), bool(terminated), obs[0].tolist(), info


# -- the original ---------------------------------------------------------------------------------

VARIANTS = {  # what they are given; ours are given the same, by our names
    "coop": WHOLE,
    "any may lift": {**WHOLE, "coop": False},
    "sight 2": {**WHOLE, "sight": 2},
    "sight 2, any may lift": {**WHOLE, "sight": 2, "coop": False},
    "sight 1, penalty": {**WHOLE, "sight": 1, "coop": False, "penalty": 0.1},
    "10x10-3p-3f": {**WHOLE, "size": 10, "sight": 10, "n_agents": 3, "n_food": 3, "coop": False},
    "crowd": {**WHOLE, "size": 5, "sight": 3, "n_agents": 9, "n_food": 4, "coop": False},
    "crowd, all must lift": {**WHOLE, "size": 6, "sight": 6, "n_agents": 5, "n_food": 3},
    "not normalised": {
        **WHOLE, "n_agents": 3, "coop": False, "normalise_reward": False, "penalty": 0.5
    },
    "levels": {
        **WHOLE, "size": 6, "sight": 4, "coop": False, "min_player_level": 2,
        "max_player_level": 4, "min_food_level": 3, "max_food_level": 7,
    },
}  # fmt: skip


def theirs(given):
    """The original with the settings of ours."""
    from lbforaging.foraging import ForagingEnv

    given = {"min_player_level": 1, "max_player_level": 2, "min_food_level": 1, **given}
    names = {"n_agents": "players", "n_food": "max_num_food", "coop": "force_coop"}
    names |= {"normalise_reward": "normalize_reward"}
    size = given.pop("size")
    renamed = {names.get(key, key): value for key, value in given.items()}
    most = renamed.pop("max_food_level", None)
    return ForagingEnv(
        field_size=(size, size), max_food_level=most, max_episode_steps=50, **renamed
    )


def copy_state(env: Foraging, b: int, other) -> None:
    """Put the original into the state of environment b of ours."""
    for i, player in enumerate(other.players):
        place = tuple(env.places[env.agents[b, i]].int().tolist())
        player.setup(place, int(env.agent_level[b, i]), other.field_size)
    other.field[:] = 0
    for cell, level in zip(env.food[b].tolist(), env.food_level[b].tolist(), strict=True):
        if cell:
            other.field[tuple(env.places[cell].int().tolist())] = int(level)
    other._food_spawned = other.field.sum()
    other.current_step, other._game_over = 0, False
    other._gen_valid_moves()


def eager(env: Foraging, chance: torch.Generator) -> torch.Tensor:
    """Any of the six actions, and where food can be loaded often that."""
    shape = env.num_envs, env.n_agents
    actions = torch.randint(6, shape, generator=chance)
    often = torch.rand(shape, generator=chance) < 0.7
    return torch.where(env.available[..., LOAD] & often, LOAD, actions)


def agree(env: Foraging, b: int, other) -> None:
    """What agents see and what is valid, in environment b of ours and in the original."""
    assert env.obs[b].tolist() == [seen.tolist() for seen in other.test_make_gym_obs()]
    valid = [[action.value for action in other._valid_actions[p]] for p in other.players]
    assert [row.nonzero()[:, 0].tolist() for row in env.available[b]] == valid


@pytest.mark.parametrize("seed", [0, *(pytest.param(k, marks=pytest.mark.long) for k in (1, 2))])
@pytest.mark.parametrize("variant", VARIANTS)
def test_step_by_step_as_the_original(variant, seed):
    """1,000 steps each: valid actions, observations, rewards, ends; food is eaten on the way."""
    pytest.importorskip("lbforaging")
    B, steps, eaten, vain = 10, 0, 0, 0
    env, others = Foraging(**VARIANTS[variant], num_envs=B, seed=seed), []
    chance = torch.Generator().manual_seed(seed)
    while steps < 1000:
        if env.t == -1 or not env.alive.any() or env.t == env.max_steps:
            env.reset()
            others = [theirs(VARIANTS[variant]) for _ in range(B)]
            for b, other in enumerate(others):
                copy_state(env, b, other)
                agree(env, b, other)
        going, actions = env.running, eager(env, chance)
        _, reward, terminated, truncated, info = env.step(actions)
        for b in going.nonzero()[:, 0].tolist():
            other = others[b]
            _, paid, done, _, _ = other.step(actions[b].tolist())
            agree(env, b, other)
            assert reward[b].tolist() == pytest.approx(paid, abs=1e-6)
            assert done == bool(terminated[b] or truncated[b])
            assert bool(terminated[b]) == (other.field.sum() == 0)
            assert bool(info["success"][b] == 1) == bool(terminated[b])
            steps, eaten, vain = steps + 1, eaten + (max(paid) > 0), vain + (min(paid) < 0)
        assert not reward[~going].any()
    assert eaten > 0
    assert (vain > 0) == ("penalty" in VARIANTS[variant])


def test_names_give_the_settings_that_the_original_has_for_them():
    pytest.importorskip("lbforaging")
    named = [one for one in gymnasium.registry.values() if one.id.startswith("Foraging")]
    assert len(named) == 15 * 8 * 4 * 2 * 2  # sizes, players, food, coop, sight
    names = {
        "players": "n_agents", "max_num_food": "n_food", "sight": "sight", "force_coop": "coop",
        "max_episode_steps": "max_steps", "penalty": "penalty",
    }  # fmt: skip
    levels = [f"{end}_{of}_level" for end in ("min", "max") for of in ("player", "food")]
    names |= {level: level for level in levels}
    defaults = {key: one.default for key, one in inspect.signature(Foraging).parameters.items()}
    for spec in named:
        ours, given = {**defaults, **foraging.settings(spec.id)}, dict(spec.kwargs)
        assert given.pop("field_size") == (ours["size"],) * 2
        assert not given.pop("grid_observation")
        assert given == {name: ours[mine] for name, mine in names.items()}
    assert {spec.id for spec in named} >= set(foraging.BENCHMARKS)


def test_names_of_its_other_kinds():
    """Which the original has a place for in its names, but does not register."""
    assert foraging.settings("Foraging-3s-9x9-4p-1f-coop-ind-pen-v3") == {
        "size": 9, "n_agents": 4, "n_food": 1, "sight": 3, "coop": True,
        "max_food_level": 1, "penalty": 0.1,
    }  # fmt: skip


@pytest.mark.parametrize("name", foraging.BENCHMARKS)
def test_benchmarks_are_made_by_name(name):
    made = gymnasium.make(f"marl_edu/{name}").unwrapped.env
    given = {key: getattr(made, key) for key in foraging.settings(name)}
    assert given == foraging.settings(name)


@pytest.mark.parametrize(
    "name", ["Foraging-8x8-2p-2f-coop-v2", "foraging", "Foraging-8x9-2p-2f-v3",
             "Foraging-grid-8x8-2p-2f-v3", "Foraging-8x8-2p-2f-v3 "],
)  # fmt: skip
def test_an_unknown_name_is_named(name):
    with pytest.raises(ValueError, match=f"name must be one of lbforaging's.*got '{name}'"):
        foraging.settings(name)


def start_of(env: Foraging, b: int) -> list[float]:
    """Numbers of a start that tell two ways to draw it apart."""
    pieces = [env.places[cell].tolist() for cell in env.food[b].tolist() if cell]
    agents = env.places[env.agents[b]].tolist()
    return figures(pieces, env.food_level[b].sum().item(), agents, env.agent_level[b].tolist())


def figures(food, level, agents, levels) -> list[float]:
    away = [abs(r - row) + abs(c - column) for r, c in food for row, column in agents]
    edge = sum(r in (1, 3) or c in (1, 3) for r, c in food)
    return [len(food), level, edge, sum(away), sum(levels), sum(levels) ** 2, level * sum(levels)]


@pytest.mark.long
@pytest.mark.parametrize("coop", [False, True])
def test_it_starts_as_the_original_starts(coop):
    """5 x 5 with four pieces of food, for which there is never room: means of what starts look
    like, within four standard errors of the difference."""
    pytest.importorskip("lbforaging")
    given = {**WHOLE, "size": 5, "sight": 5, "n_agents": 4, "n_food": 4, "coop": coop}
    env, other = Foraging(**given, num_envs=4000), theirs(given)
    env.reset(1)
    ours = torch.tensor([start_of(env, b) for b in range(4000)])
    other.reset(seed=1)
    found = []
    for _ in range(200):
        other.reset()
        food = list(zip(*other.field.nonzero(), strict=True))
        places, levels = zip(*((p.position, p.level) for p in other.players), strict=True)
        found.append(figures(food, int(other.field.sum()), places, levels))
    original = torch.tensor(found, dtype=torch.float32)
    error = (ours.var(0) / len(ours) + original.var(0) / len(original)).sqrt()
    assert ((ours.mean(0) - original.mean(0)).abs() < 4 * error).all()


# -- a second version -----------------------------------------------------------------------------


class Reference:
    """One field, agent by agent, in the words of the specification."""

    def __init__(self, env: Foraging, b: int):
        self.env, self.t = env, 0
        self.agents = [tuple(env.places[cell].int().tolist()) for cell in env.agents[b]]
        self.levels = [int(level) for level in env.agent_level[b]]
        self.food = {
            tuple(env.places[cell].int().tolist()): int(level)
            for cell, level in zip(env.food[b], env.food_level[b], strict=True)
            if cell
        }
        self.total = sum(self.food.values())

    def target(self, i: int, action: int) -> tuple[int, int]:
        row, column = self.agents[i]
        down, right = {1: (-1, 0), 2: (1, 0), 3: (0, -1), 4: (0, 1)}.get(action, (0, 0))
        return row + down, column + right

    def valid(self, i: int) -> list[int]:
        found, n = [0], self.env.size
        for action in (1, 2, 3, 4):
            row, column = self.target(i, action)
            if 0 <= row < n and 0 <= column < n and (row, column) not in self.food:
                found.append(action)
        if any(self.target(i, action) in self.food for action in (1, 2, 3, 4)):
            found.append(5)
        return found

    def step(self, actions: list[int]) -> list[float]:
        N = len(actions)
        if not self.food and self.t:
            return [0.0] * N
        self.t += 1
        actions = [a if a in self.valid(i) else 0 for i, a in enumerate(actions)]
        wanted = [self.target(i, a) for i, a in enumerate(actions)]
        for i in range(N):
            if wanted.count(wanted[i]) == 1:
                self.agents[i] = wanted[i]
        paid = [0.0] * N
        for (row, column), level in list(self.food.items()):
            there = [
                i for i in range(N) if actions[i] == 5
                and abs(self.agents[i][0] - row) + abs(self.agents[i][1] - column) == 1
            ]  # fmt: skip
            strength = sum(self.levels[i] for i in there)
            if there and strength >= level:
                del self.food[row, column]
            for i in there:
                if strength < level:
                    paid[i] = -self.env.penalty
                elif self.env.normalise_reward:
                    paid[i] = self.levels[i] * level / (strength * self.total)
                else:
                    paid[i] = self.levels[i] * level
        return paid

    def observe(self, i: int) -> list[float]:
        sight, (row, column) = self.env.sight, self.agents[i]
        top, left = max(row - sight, 0), max(column - sight, 0)
        food = [
            (r - top, c - left, level) for (r, c), level in sorted(self.food.items())
            if abs(r - row) <= sight and abs(c - column) <= sight
        ]  # fmt: skip
        agents = []
        for j in [i, *(j for j in range(len(self.agents)) if j != i)]:
            r, c = self.agents[j][0] - top, self.agents[j][1] - left
            if 0 <= r <= 2 * sight and 0 <= c <= 2 * sight:
                agents.append((r, c, self.levels[j]))
        food += [(-1, -1, 0)] * (self.env.n_food - len(food))
        agents += [(-1, -1, 0)] * (self.env.n_agents - len(agents))
        return [float(x) for x in itertools.chain(*food, *agents)]


@settings(max_examples=40)
@given(
    size=st.integers(3, 7), agents=st.integers(1, 4), food=st.integers(1, 4),
    sight=st.integers(1, 7), coop=st.booleans(), normalise=st.booleans(),
    penalty=st.sampled_from([0.0, 0.25]), seed=st.integers(0, 2**31),
)  # fmt: skip
def test_step_by_step_as_the_second_version(
    size, agents, food, sight, coop, normalise, penalty, seed
):
    env = Foraging(
        size, agents, food, sight, coop, max_steps=15, penalty=penalty, num_envs=3, seed=seed,
        normalise_reward=normalise,
    )  # fmt: skip
    obs, chance = env.reset(), torch.Generator().manual_seed(seed)
    references = [Reference(env, b) for b in range(3)]
    for t in range(16):
        assert (obs >= env.obs_low).all() and (obs <= env.obs_high).all()
        assert obs.dtype == torch.float32
        for b, one in enumerate(references):
            for i in range(agents):
                assert obs[b, i].tolist() == one.observe(i)
                assert env.available[b, i].nonzero()[:, 0].tolist() == one.valid(i)
        if t == 15:
            break
        actions = eager(env, chance)
        obs, reward, terminated, truncated, info = env.step(actions)
        assert not info["completed"].any()
        for b, one in enumerate(references):
            assert reward[b].tolist() == pytest.approx(one.step(actions[b].tolist()), rel=1e-6)
            assert bool(terminated[b]) == (not one.food)
            assert bool(truncated[b]) == (t == 14 and bool(one.food))
            assert info["alive"][b].tolist() == [bool(one.food)] * agents
            gone = one.total - sum(one.food.values())
            assert info["success"][b].item() == pytest.approx(gone / one.total if one.total else 1)


# -- the start, in closed form --------------------------------------------------------------------


def shares(counts: Counter, n: int) -> dict:
    return {key: count / n for key, count in counts.items()}


def close(found: dict, expected: dict, n: int) -> bool:
    """Whether shares of n draws are the expected ones, within four standard errors."""
    return set(found) <= set(expected) and all(
        abs(found.get(key, 0) - p) <= 4 * math.sqrt(p * (1 - p) / n) for key, p in expected.items()
    )


def test_food_lies_anywhere_off_the_edge_and_agents_on_any_cells_of_their_own():
    n, env = 20_000, Foraging(5, 2, 1, num_envs=20_000, seed=0)
    env.reset()
    place = env.places.int().tolist()
    inner = list(itertools.product(range(1, 4), range(1, 4)))
    food = Counter(tuple(place[cell]) for cell in env.food[:, 0].tolist())
    assert close(shares(food, n), dict.fromkeys(inner, 1 / 9), n)
    pairs = Counter(tuple(pair) for pair in env.agents.tolist())
    assert len(pairs) == 25 * 24 and all(a != b for a, b in pairs)
    both = Counter(cell for pair in pairs.elements() for cell in pair)
    assert close(shares(both, 2 * n), dict.fromkeys(env.cells.tolist(), 1 / 25), 2 * n)
    assert not (env.agents == env.food).any()


def test_food_keeps_its_distance_and_what_finds_no_room_is_left_out():
    """5 x 5, one agent, two pieces of food. In the middle the first leaves no room; at a corner of
    the 3 x 3 it leaves three cells, at a side of it two, less where the agent stands."""
    n, env = 20_000, Foraging(5, 1, 2, num_envs=20_000, seed=0)
    env.reset()
    inner = set(itertools.product(range(1, 4), range(1, 4)))

    def room(first, agent):
        near = {first, agent}
        near |= {(r, c) for r, c in inner if abs(r - first[0]) <= 1 and abs(c - first[1]) <= 1}
        near |= {(r, c) for r, c in inner if (r == first[0]) != (c == first[1])}
        return inner - near

    assert [len(room(first, (0, 0))) for first in ((2, 2), (1, 1), (1, 2))] == [0, 3, 2]
    expected: Counter = Counter()
    for agent in itertools.product(range(5), range(5)):
        for first in inner - {agent}:
            chance = 1 / 25 / len(inner - {agent})
            for second in room(first, agent) or {first}:
                pair = tuple(sorted({first, second}))
                expected[pair] += chance / max(1, len(room(first, agent)))
    place = env.places.int().tolist()
    found = Counter(
        tuple(tuple(place[cell]) for cell in cells if cell) for cells in env.food.tolist()
    )
    assert math.isclose(sum(expected.values()), 1) and close(shares(found, n), expected, n)
    single = env.food[:, 1] == 0  # what is missing comes last and weighs nothing
    assert single.any() and not env.food_level[single, 1].any()
    assert torch.equal(env.food.masked_fill(env.food == 0, 99).sort(1).values % 99, env.food)


def test_levels_of_agents_and_food():
    n, env = 20_000, Foraging(8, 2, 1, coop=False, num_envs=20_000, seed=0)
    env.reset()
    levels = torch.cat([env.agent_level, env.food_level], 1).int().tolist()
    expected = {  # food: anything up to the sum of the agents' levels
        (a, b, food): 1 / 4 / (a + b)
        for a, b in itertools.product((1, 2), (1, 2))
        for food in range(1, a + b + 1)
    }
    assert close(shares(Counter(map(tuple, levels)), n), expected, n)


def test_food_for_all_weighs_what_the_three_weakest_lift():
    env = Foraging(8, 5, 3, max_player_level=9, num_envs=500, seed=0)
    env.reset()
    lightest = env.agent_level.sort(1).values[:, :3].sum(1, keepdim=True)
    assert torch.equal(env.food_level, lightest.expand(-1, 3))
    assert env.agent_level.unique().tolist() == list(range(1, 10))
    env = Foraging(8, 5, 3, min_food_level=4, max_food_level=6, coop=False, num_envs=500, seed=0)
    env.reset()
    assert env.food_level.unique().tolist() == [4, 5, 6]
    env = Foraging(8, 5, 3, max_food_level=6, coop=True, num_envs=5, seed=0)
    env.reset()
    assert (env.food_level == 6).all()


# -- single rules, by hand ------------------------------------------------------------------------


def test_two_lift_what_none_lifts_alone_and_share_by_level():
    env = put([(2, 1, 1), (1, 2, 2)], [(2, 2, 3), (4, 4, 2)])
    where, paid, *_ = act(env, LOAD, NONE)
    assert paid == [0, 0] and int((env.food > 0).sum()) == 2
    where, paid, over, obs, info = act(env, LOAD, LOAD)
    assert paid == pytest.approx([1 * 3 / (3 * 5), 2 * 3 / (3 * 5)]) and not over
    assert where == [(2, 1), (1, 2)] and info["success"].item() == pytest.approx(3 / 5)
    assert obs[0] == [4, 4, 2, -1, -1, 0, 2, 1, 1, 1, 2, 2]  # what is left moves up
    assert obs[1] == [4, 4, 2, -1, -1, 0, 1, 2, 2, 2, 1, 1]  # oneself first


def test_without_normalising_level_times_level_and_in_vain_the_penalty():
    agents, food = [(2, 1, 1), (1, 2, 2), (4, 3, 1)], [(2, 2, 3), (4, 4, 2)]
    env = put(agents, food, normalise_reward=False, penalty=0.5)
    assert act(env, LOAD, LOAD, LOAD)[1] == [3, 6, -0.5]
    env = put(agents, food, penalty=0.5)
    assert act(env, LOAD, LOAD, LOAD)[1] == pytest.approx([0.2, 0.4, -0.5])
    assert act(put(agents, food, penalty=0.5), LOAD, NONE, NONE)[1] == [-0.5, 0, 0]


def test_all_food_gone_is_the_end_and_pays_1_in_all():
    env = put([(2, 1, 1), (2, 3, 2)], [(2, 2, 2)])
    _, paid, over, _, info = act(env, LOAD, LOAD)
    assert over and sum(paid) == pytest.approx(1) and info["success"].item() == 1
    assert not info["alive"].any()
    where, paid, over, _, _ = act(env, NORTH, NORTH)  # nobody moves any more
    assert where == [(2, 1), (2, 3)] and paid == [0, 0] and over


@pytest.mark.parametrize(
    "agents, actions, expected",
    [
        ([(1, 1), (1, 3)], (EAST, WEST), [(1, 1), (1, 3)]),  # both want the cell between them
        ([(1, 1), (1, 2)], (EAST, NONE), [(1, 1), (1, 2)]),  # somebody stays there
        ([(1, 1), (1, 2)], (EAST, WEST), [(1, 2), (1, 1)]),  # they swap
        ([(1, 1), (1, 2)], (EAST, EAST), [(1, 2), (1, 3)]),  # one behind the other
        ([(0, 0), (5, 5)], (NORTH, EAST), [(0, 0), (5, 5)]),  # the edge
        ([(3, 4), (4, 3)], (SOUTH, EAST), [(3, 4), (4, 3)]),  # food
        ([(0, 0), (2, 2)], (LOAD, LOAD), [(0, 0), (2, 2)]),  # no food: NONE
        # The second wants to leave and cannot; the first has its cell all the same.
        ([(1, 1), (1, 2), (1, 4)], (EAST, EAST, WEST), [(1, 2), (1, 2), (1, 4)]),
        ([(1, 1), (1, 1)], (NONE, SOUTH), [(1, 1), (2, 1)]),  # and they part again
    ],
)
def test_who_wants_the_same_cell_stays(agents, actions, expected):
    env = put([(*place, 1) for place in agents], [(4, 4, 1)])
    assert act(env, *actions)[0] == expected


def test_who_loads_is_in_the_way_and_loads_all_the_same():
    env = put([(4, 3, 2), (3, 3, 1)], [(4, 4, 2)])
    where, paid, over, *_ = act(env, LOAD, SOUTH)
    assert where == [(4, 3), (3, 3)] and paid == [1, 0] and over


def test_whoever_walks_there_in_the_same_step_does_not_lift():
    env = put([(4, 3, 1), (2, 4, 1)], [(4, 4, 2)])
    assert act(env, LOAD, SOUTH)[1] == [0, 0]
    assert act(env, LOAD, LOAD)[1] == [0.5, 0.5]


def test_others_come_into_view_earlier_than_food_near_the_upper_left():
    env = put([(0, 0, 1), (4, 4, 2), (5, 5, 1)], [(3, 3, 1)], size=7, sight=2)
    assert env.obs[0, 0].tolist() == [-1, -1, 0, 0, 0, 1, 4, 4, 2, -1, -1, 0]
    # From (4, 4) all counts from (2, 2): the first is above that, the third beside.
    assert env.obs[0, 1].tolist() == [1, 1, 1, 2, 2, 2, 3, 3, 1, -1, -1, 0]


def test_masks_offer_what_is_valid_or_everything():
    env = put([(0, 0, 1), (4, 3, 1)], [(4, 4, 2)])
    assert env.available[0].int().tolist() == [[1, 0, 1, 0, 1, 0], [1, 1, 1, 1, 0, 1]]
    assert env.available_changes
    env = put([(0, 0, 1), (4, 3, 1)], [(4, 4, 2)], action_masks=False)
    assert env.available.all() and not env.available_changes
    assert Foraging(num_envs=2).available.all()  # nobody is anywhere yet


def test_packing_by_hand():
    rows = torch.arange(9.0).view(3, 3)
    packings = {
        (True, False, True): [[0, 1, 2], [6, 7, 8], [0, 0, 0]],
        (False, False, True): [[6, 7, 8], [0, 0, 0], [0, 0, 0]],
        (True, True, True): rows.tolist(),
        (False, False, False): [[0, 0, 0]] * 3,
    }
    for seen, expected in packings.items():
        assert pack(rows, torch.tensor(seen)).tolist() == expected


# -- the contract ---------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["coop", "sight 2, any may lift", "crowd"])
def test_a_smaller_batch_is_a_slice_of_a_larger_one(variant):
    small, large = (Foraging(**VARIANTS[variant], num_envs=n) for n in (3, 8))
    chance = torch.Generator().manual_seed(0)
    few, many = small.reset(11), large.reset(11)
    for _ in range(20):
        assert torch.equal(few, many[:3])
        actions = eager(large, chance)
        few, many = small.step(actions[:3].contiguous())[0], large.step(actions)[0]
    assert not torch.equal(large.reset(), many)


def test_int32_is_taken_and_state_of_yesterday_is_not_changed():
    env = Foraging(num_envs=4, seed=0)
    obs = env.reset()
    kept = [obs, env.agents, env.food, env.food_level, env.agent_level]
    copies = [x.clone() for x in kept]
    for _ in range(20):
        env.step(UniformPolicy()(env).int())
    assert all(map(torch.equal, kept, copies))


# -- scripted policies ----------------------------------------------------------------------------


def test_random_steps_in_closed_form():
    """3 x 3: the food is in the middle, unless the only agent is there. Beside it, at 4 of the 8
    other cells, LOAD is one of 4 valid actions (NONE, two moves, LOAD), and one of 6 in all."""
    for masks, chance in ((True, 1 / 4), (False, 1 / 6)):
        env = Foraging(3, 1, 1, max_steps=1, action_masks=masks, num_envs=20_000)
        found = play_episodes(env, UniformPolicy(), 20_000)["return"]
        p = 4 / 9 * chance
        assert found.mean().item() == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / 20_000))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.key)
def test_policies_come_in_order_and_the_best_leaves_nothing(task):
    env = task.make(num_envs=500)
    found = {one.name: play_episodes(env, one.make(), 500, 5) for one in task.policies}
    means = {name: scores["success"].mean().item() for name, scores in found.items()}
    assert list(means.values()) == sorted(means.values()), means
    assert found["together"]["success"].eq(1).all()
    returned = {name: env.n_agents * scores["return"].mean() for name, scores in found.items()}
    assert returned == pytest.approx(means)  # summed over the team, the share of the food
    assert means["random"] < 0.2 and found["together"]["steps"].mean() < 20


def test_agents_that_go_together_are_as_quick_as_can_be():
    """One agent and one piece of food: the shortest way beside it, and a step to load."""
    env = Foraging(8, 1, 1, num_envs=300)
    env.reset(3)
    away = (env.places[env.agents] - env.places[env.food]).abs().sum((1, 2))
    assert torch.equal(play_episodes(env, together, 300, 3)["steps"], away)


def test_own_view_policies_do_not_know_what_they_do_not_see():
    one, other = (Foraging(**{**WHOLE, "sight": 2}, num_envs=200) for _ in range(2))
    one.reset(1), other.reset(1)
    other.food = other.food.roll(1, 0)
    other.observe()
    same = (one.obs == other.obs).all(-1)
    first, second = (NearestToAll(3)(env) for env in (one, other))
    masked = (one.available == other.available).all(-1)
    assert torch.equal(first[same & masked], second[same & masked]) and same.any()


# -- pictures and bad input -----------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["coop", "sight 2", "crowd"])
def test_the_picture_shows_agents_levels_and_food(variant):
    env = Foraging(**VARIANTS[variant], num_envs=2, seed=0)
    env.reset()
    env.agents[1, 1:] = env.agents[1, :1]  # all in one cell
    for b in range(2):
        root = ElementTree.fromstring(env.render(b))
        left = int((env.food[b] > 0).sum())
        assert f"{left} of {env.n_food} pieces of food left" in root.attrib["aria-label"]
        said = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
        levels = [f"level {level:.0f}" for level in env.agent_level[b]]
        numbers = [str(i) for i in range(env.n_agents)]
        food = [f"{level:.0f}" for level in env.food_level[b].tolist() if level]
        assert sorted(said) == sorted(levels + numbers + food)


@pytest.mark.parametrize(
    "arguments, message",
    [({"size": 2}, "size must be a whole number of at least 3, got 2"),
     ({"n_agents": 0}, "n_agents must be a whole number of at least 1, got 0"),
     ({"size": 3, "n_agents": 10}, "n_agents must be at most 9 on a grid of 3 x 3, got 10"),
     ({"n_food": 1.5}, "n_food must be a whole number of at least 1, got 1.5"),
     ({"sight": 0}, "sight must be a whole number of at least 1, got 0"),
     ({"max_steps": 0}, "max_steps must be a whole number of at least 1, got 0"),
     ({"min_player_level": 0}, "min_player_level must be a whole number of at least 1"),
     ({"min_player_level": 3}, "max_player_level must be a whole number of at least 3, got 2"),
     ({"min_food_level": 0}, "min_food_level must be a whole number of at least 1, got 0"),
     ({"min_food_level": 3}, "min_food_level must be at most 2, the least .* got 3"),
     ({"min_food_level": 3, "max_food_level": 2},
      "max_food_level must be a whole number of at least 3, got 2"),
     ({"penalty": -1}, "penalty must be a number of at least 0, got -1"),
     ({"penalty": math.nan}, "penalty must be a number of at least 0, got nan"),
     ({"penalty": "0"}, "penalty must be a number of at least 0, got '0'"),
     ({"num_envs": 0}, "num_envs must be a whole number of at least 1, got 0")],
)  # fmt: skip
def test_bad_arguments_are_named(arguments, message):
    with unchecked(), pytest.raises(ValueError, match=message):
        Foraging(**arguments)


def test_bad_actions_are_named():
    env = Foraging(num_envs=2, seed=0)
    actions = torch.zeros(2, 2, dtype=torch.int64)
    with pytest.raises(RuntimeError, match=r"call reset\(\) first"):
        env.step(actions)
    env.reset()
    with unchecked():
        with pytest.raises(ValueError, match=r"must lie in 0\.\.5, got values from 6 to 6"):
            env.step(actions + 6)
        with pytest.raises(ValueError, match=r"shape \(B, N\) = \(2, 2\), got \(2, 1\)"):
            env.step(actions[:, :1])
