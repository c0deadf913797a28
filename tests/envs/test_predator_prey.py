"""Predator-prey, against published anchors, exact ones and a slow and obvious second version."""

import math
from itertools import pairwise
from xml.etree import ElementTree

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marl_edu.core.evaluate import play_episodes
from marl_edu.core.protocols import Policy
from marl_edu.envs.baselines.predator_prey import (
    TASKS,
    TOGETHER_TASKS,
    OwnSpiral,
    PooledViews,
    all_knowing,
    along_the_edges,
    gather,
    see_prey,
    spiral,
)
from marl_edu.envs.baselines.task import UniformPolicy
from marl_edu.envs.predator_prey import MODES, MOVES, PredatorPrey
from tests.unchecked import unchecked

SIZES = {5: (3, 0, 20, 29), 10: (5, 1, 40, 936), 20: (10, 1, 80, 3636)}


def moves(env: PredatorPrey, generator: torch.Generator) -> torch.Tensor:
    return torch.randint(5, (env.num_envs, env.n_agents), generator=generator)


def far_apart(size: int, num_envs: int = 1, **settings) -> PredatorPrey:
    """Predators in the top row from the left, the prey in the corner at the bottom right."""
    env = PredatorPrey(size, vision=0, max_steps=9, num_envs=num_envs, seed=0, **settings)
    env.reset()
    env.predators = torch.tensor([[[0, i] for i in range(env.n_agents)]] * num_envs)
    env.prey = torch.tensor([[size - 1, size - 1]] * num_envs)
    return env


# -- sizes and starts -----------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_published_settings_go_with_the_size(size):
    env = PredatorPrey(size, num_envs=2, seed=0)
    found = env.n_agents, env.vision, env.max_steps, env.obs_dim
    assert found == SIZES[size]
    assert env.reset().shape == (2, env.n_agents, env.obs_dim)


def test_all_start_on_different_cells_and_every_cell_is_as_likely():
    env = PredatorPrey(3, n_predators=8, vision=0, max_steps=1, num_envs=9000, seed=0)
    env.reset()
    places = torch.cat([env.predators, env.prey[:, None]], 1)
    cells = places[..., 0] * 3 + places[..., 1]
    assert torch.equal(cells.sort(1).values, torch.arange(9).expand(9000, 9))
    for i in range(9):  # each predator, and the prey
        share = torch.bincount(cells[:, i], minlength=9) / 9000
        assert torch.allclose(share, torch.tensor(1 / 9), atol=4 * 0.0033)


# -- a second version -----------------------------------------------------------------------------


class Reference:
    """One environment, predator by predator, in the words of the specification."""

    def __init__(self, env: PredatorPrey, b: int):
        self.size, self.vision, self.mode = env.size, env.vision, env.mode
        self.penalty = env.penalty
        self.places = [tuple(place) for place in env.predators[b].tolist()]
        self.prey = tuple(env.prey[b].tolist())
        self.over = False

    def step(self, actions: list[int]) -> list[float]:
        if self.over:
            return [0.0] * len(actions)
        for i, action in enumerate(actions):
            row, column = self.places[i]
            if (row, column) == self.prey and self.mode != "together":
                continue
            row += {0: -1, 2: 1}.get(action, 0)
            column += {1: 1, 3: -1}.get(action, 0)
            if 0 <= row < self.size and 0 <= column < self.size:
                self.places[i] = (row, column)
        k = self.places.count(self.prey)
        if self.mode == "together":
            self.over = k > 1
            return [{0: 0.0, 1: self.penalty}.get(k, 1.0)] * len(actions)
        self.over = self.mode == "mixed" and k == len(actions)
        there = {"mixed": 0.0, "cooperative": 0.05 * k, "competitive": 0.05 / max(k, 1)}
        return [there[self.mode] if place == self.prey else -0.05 for place in self.places]

    def observe(self, i: int) -> list[float]:
        n, v, seen = self.size, self.vision, []
        for r in range(-v, v + 1):
            for c in range(-v, v + 1):
                row, column = self.places[i][0] + r, self.places[i][1] + c
                code = [0.0] * (n * n + 4)
                inside = 0 <= row < n and 0 <= column < n
                code[row * n + column if inside else n * n + 1] = 1.0
                code[n * n + 2] = float((row, column) == self.prey)
                code[n * n + 3] = float(self.places.count((row, column)))
                seen += code
        return seen


@settings(max_examples=30)
@given(
    size=st.integers(2, 5), predators=st.integers(1, 3), vision=st.integers(0, 2),
    mode=st.sampled_from(MODES), penalty=st.floats(-3, 0), seed=st.integers(0, 2**31),
)  # fmt: skip
def test_step_by_step_as_the_second_version(size, predators, vision, mode, penalty, seed):
    if mode == "together":
        predators = max(predators, 2)
    else:
        penalty = 0.0
    env = PredatorPrey(size, predators, vision, mode, 12, penalty, num_envs=3, seed=seed)
    obs = env.reset()
    references = [Reference(env, b) for b in range(3)]
    low, high = env.obs_low, env.obs_high
    chance = torch.Generator().manual_seed(seed)
    for t in range(13):
        assert (obs >= low).all() and (obs <= high).all() and obs.dtype == torch.float32
        for b, reference in enumerate(references):
            for i in range(predators):
                assert obs[b, i].tolist() == reference.observe(i)
        if t == 12:
            break
        actions = moves(env, chance)
        obs, reward, terminated, truncated, info = env.step(actions)
        for b, reference in enumerate(references):
            assert reward[b].tolist() == pytest.approx(reference.step(actions[b].tolist()))
            assert bool(terminated[b]) == reference.over
            assert bool(truncated[b]) == (t == 11 and not reference.over)
            assert info["alive"][b].tolist() == [not reference.over] * predators
            k = reference.places.count(reference.prey)
            there = k >= (2 if mode == "together" else predators)
            assert bool(info["success"][b]) == there
        assert not info["completed"].any()


# -- single rules ---------------------------------------------------------------------------------


def test_a_wall_stops_and_a_cell_is_shared():
    env = far_apart(4, n_predators=2)
    obs, *_ = env.step(torch.tensor([[0, 3]]))
    assert env.predators[0].tolist() == [[0, 0], [0, 0]]
    assert obs[0, :, -1].tolist() == [2, 2]  # each sees both


@pytest.mark.parametrize("mode, paid", [("mixed", 0), ("cooperative", 0.1), ("competitive", 0.025)])
def test_what_is_paid_on_the_prey(mode, paid):
    env = far_apart(4, n_predators=3, mode=mode)
    env.predators = torch.tensor([[[3, 2], [2, 3], [0, 0]]])
    _, reward, terminated, _, info = env.step(torch.tensor([[1, 2, 4]]))
    assert reward[0].tolist() == pytest.approx([paid, paid, -0.05])
    assert not terminated[0] and not info["success"][0]


def test_who_is_on_the_prey_stays_whatever_it_does():
    env = far_apart(4, n_predators=2)
    env.predators = torch.tensor([[[3, 2], [0, 0]]])
    env.step(torch.tensor([[1, 4]]))
    for action in range(5):
        env.step(torch.tensor([[action, 4]]))
        assert env.predators[0, 0].tolist() == [3, 3]


@pytest.mark.parametrize("mode", ["mixed", "cooperative", "competitive"])
def test_only_mixed_episodes_end_when_all_are_there_and_stay_as_they_were(mode):
    env = far_apart(4, num_envs=2, n_predators=1, mode=mode)
    env.predators[0] = torch.tensor([[3, 2]])
    obs, _, terminated, _, info = env.step(torch.tensor([[1], [4]]))
    ended = mode == "mixed"
    assert terminated.tolist() == [ended, False] and info["success"].tolist() == [True, False]
    for _ in range(8):
        again, reward, terminated, truncated, info = env.step(torch.tensor([[3], [1]]))
        assert torch.equal(again[0], obs[0])
        assert reward[0].item() == pytest.approx(0 if ended else 0.05)
        assert info["alive"].tolist() == [[not ended], [True]]
        assert info["success"].tolist() == [True, False]
        assert terminated.tolist() == [ended, False]
    assert truncated.tolist() == [not ended, True]


def test_together_two_are_paid_and_one_alone_costs_both():
    env = far_apart(4, num_envs=3, n_predators=2, mode="together", penalty=-0.5)
    env.predators = torch.tensor([[[3, 2], [2, 3]]] * 3)  # both beside the prey, in [3, 3]
    actions = torch.tensor([[1, 2], [1, 4], [4, 4]])  # both step on it, one does, nobody does
    _, reward, terminated, _, info = env.step(actions)
    assert reward.tolist() == [[1.0, 1.0], [-0.5, -0.5], [0.0, 0.0]]
    assert terminated.tolist() == info["success"].tolist() == [True, False, False]
    _, reward, terminated, _, info = env.step(torch.tensor([[0, 0], [0, 4], [4, 4]]))
    assert env.predators[1].tolist() == [[2, 3], [2, 3]]  # whoever was there alone may leave
    assert reward.tolist() == [[0.0, 0.0]] * 3 and terminated.tolist() == [True, False, False]


# -- randomness -----------------------------------------------------------------------------------


def play(env: PredatorPrey, seed: int, take: int) -> list[torch.Tensor]:
    """All that is seen of the first `take` environments; the moves are the same for every batch."""
    chance = torch.Generator().manual_seed(0)
    seen = [env.reset(seed)[:take]]
    for _ in range(env.max_steps):
        actions = torch.randint(5, (8, env.n_agents), generator=chance)[: env.num_envs]
        obs, reward, terminated, truncated, info = env.step(actions)
        found = (obs, reward, terminated, truncated, *info.values())
        seen += [x[:take] for x in found]
    return seen


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_equal_seeds_give_equal_episodes_and_a_smaller_batch_is_a_slice():
    small, large = PredatorPrey(num_envs=3), PredatorPrey(num_envs=8)
    first = play(small, 5, 3)
    assert same(first, play(small, 5, 3)) and same(first, play(large, 5, 3))
    assert not torch.equal(first[0], play(small, 6, 3)[0])


# -- anchors --------------------------------------------------------------------------------------


def expected_steps(reached: torch.Tensor, predators: int) -> float:
    """The exact expected steps of predators that do not look at each other.

    Args:
        reached: `(T + 1, prey, start)`, the probability that a predator has reached the prey
            after t steps; 0 where it would start on it.
    The chance that all are there is the mean, over all sets of different starts, of the product.
    The sum over all sets of k starts grows start by start.
    """
    sums = torch.zeros(predators + 1, *reached.shape[:2], dtype=torch.float64)
    sums[0] = 1
    for start in range(reached.shape[2]):
        for k in range(predators, 0, -1):
            sums[k] += sums[k - 1] * reached[:, :, start]
    there = sums[-1].mean(1) / float(math.comb(reached.shape[2] - 1, predators))
    return (1 - there[:-1]).sum().item()  # a step is taken wherever not all are there yet


def reached_by(size: int, vision: int, steps: int, policy: Policy) -> torch.Tensor:
    """One predator in an environment of its own, for every prey and every start."""
    n = size * size
    prey, start = torch.cartesian_prod(torch.arange(n), torch.arange(n)).unbind(1)
    pairs = prey != start
    prey, start = prey[pairs], start[pairs]
    env = PredatorPrey(size, 1, vision, max_steps=steps, num_envs=len(prey), seed=0)
    env.obs_dim, env._get_obs = 1, lambda: torch.zeros(len(prey), 1, 1)  # nobody looks
    env.reset()
    env.predators = torch.stack([start // size, start % size], -1)[:, None]
    env.prey = torch.stack([prey // size, prey % size], -1)
    reached = torch.zeros(steps + 1, n, n, dtype=torch.float64)
    for t in range(steps):
        env.step(policy(env))
        reached[t + 1, prey, start] = env.on_prey[:, 0].double()
    return reached


def reached_by_chance(size: int, steps: int) -> torch.Tensor:
    """Of a predator whose actions are equally likely: a Markov chain that stops at the prey."""
    n = size * size
    walk = torch.zeros(n, n, dtype=torch.float64)
    for cell in range(n):
        for down, right in MOVES:
            row = min(max(cell // size + down, 0), size - 1)
            column = min(max(cell % size + right, 0), size - 1)
            walk[cell, row * size + column] += 0.2
    there = torch.eye(n, dtype=torch.float64)  # (start, prey)
    found = [there]
    for _ in range(steps):
        there = (walk @ there).fill_diagonal_(1)
        found.append(there)
    return torch.stack([x.T.clone().fill_diagonal_(0) for x in found])


def shortest(size: int, steps: int) -> torch.Tensor:
    side = torch.arange(size)
    cells = torch.cartesian_prod(side, side)
    distance = (cells[:, None] - cells).abs().sum(-1)
    t = torch.arange(steps + 1)[:, None, None]
    return ((distance <= t) & (distance > 0)).double()


def exact(size: int, policy: str) -> float:
    task = next(task for task in TASKS if task.name == f"Predator-prey, {size} × {size}")
    return next(r.exact for r in task.policies if r.name == policy)


@pytest.mark.parametrize("size, published", [(5, 4.69), (10, 10.55), (20, 23.0)])
def test_the_bound_is_the_expected_distance_of_the_farthest(size, published):
    predators, _, steps, _ = SIZES[size]
    bound = expected_steps(shortest(size, steps), predators)
    assert bound == pytest.approx(exact(size, "straight to the prey"), abs=1e-4)
    # Published from few episodes; the distance varies by about 1.3 / 2.6 / 4.7 (one sigma).
    assert bound == pytest.approx(published, rel=0.02)


@pytest.mark.parametrize("size, published", [(5, 19.85), (10, 40.0)])
def test_random_steps_exactly_and_as_published(size, published):
    predators, _, steps, _ = SIZES[size]
    value = expected_steps(reached_by_chance(size, steps), predators)
    assert value == pytest.approx(exact(size, "random"), abs=1e-4)
    assert value == pytest.approx(published, abs=0.02)


@pytest.mark.parametrize("size", [5, 10])
def test_rules_that_walk_alone_exactly(size):
    predators, vision, steps, _ = SIZES[size]
    for name, policy in (("along the edges", along_the_edges), ("own spiral", OwnSpiral())):
        value = expected_steps(reached_by(size, vision, steps, policy), predators)
        assert value == pytest.approx(exact(size, name), abs=1e-4)


@pytest.mark.long
@pytest.mark.parametrize("task, episodes", list(zip(TASKS, (4000, 600, 60), strict=True)))
def test_rules_score_what_was_computed(task, episodes):
    env = task.make(num_envs=episodes // 4, seed=0)
    found = {}
    for scripted in task.policies:
        steps = play_episodes(env, scripted.make(), episodes, seed=1)["steps"]
        found[scripted.name] = steps.mean().item()
        error = steps.std().item() / math.sqrt(len(steps))
        if scripted.exact is not None:
            assert abs(found[scripted.name] - scripted.exact) < 3.5 * error + 0.01, scripted.name
    assert found["straight to the prey"] < found["pooled views"] < found["own spiral"]
    assert found["own spiral"] < found["along the edges"] < found["random"]


def test_random_success_as_published():
    success = play_episodes(PredatorPrey(num_envs=4000), UniformPolicy(0), 4000)["success"]
    assert success.mean().item() == pytest.approx(0.03, abs=3.5 * math.sqrt(0.03 * 0.97 / 4000))


# -- the rules ------------------------------------------------------------------------------------


@given(st.integers(2, 21), st.integers(0, 3))
def test_the_spiral_goes_from_cell_to_cell_and_sees_them_all(size, vision):
    route = spiral(size, vision)
    for (r, c), (row, column) in pairwise(route):
        assert abs(r - row) + abs(c - column) == 1
    seen = {
        (row + r, column + c)
        for row, column in route
        for r in range(-vision, vision + 1)
        for c in range(-vision, vision + 1)
    }
    everything = {(row, column) for row in range(size) for column in range(size)}
    assert everything <= seen and set(route) <= everything
    if vision == 0 and size % 2:
        assert len(set(route[: size * size])) == size * size  # no cell twice before all are seen


@pytest.mark.parametrize("make", [OwnSpiral, PooledViews])
def test_searching_rules_do_not_know_where_the_prey_is(make):
    one, other = (PredatorPrey(10, num_envs=50) for _ in range(2))
    one.reset(1), other.reset(1)
    other.prey = other.prey.roll(1, 0)
    mine, yours = make(), make()
    nobody = torch.ones(50, dtype=torch.bool)
    for _ in range(4):
        nobody &= ~see_prey(one).any(1) & ~see_prey(other).any(1)
        a, b = mine(one), yours(other)
        assert torch.equal(a[nobody], b[nobody])
        one.step(a), other.step(b)
    assert nobody.any()


def test_pooled_views_and_the_way_to_the_prey_always_arrive():
    env = PredatorPrey(num_envs=2000, seed=3)
    for policy in (PooledViews(), all_knowing):
        assert play_episodes(env, policy, 2000)["success"].all()


# -- pictures and bad input -----------------------------------------------------------------------


@pytest.mark.parametrize("task", TOGETHER_TASKS, ids=lambda task: task.key)
def test_who_gathers_first_is_never_alone_and_as_fast_as_can_be(task):
    env = task.make(num_envs=500)
    env.reset(0)
    far = (env.predators - env.prey[:, None]).abs().sum(-1).amax(1)
    found = play_episodes(env, gather, 500, seed=0)
    assert (found["return"] == 1).all() and torch.equal(found["steps"].long(), far)
    still, random = (
        play_episodes(env, scripted.make(), 500, seed=1)["return"].mean().item()
        for scripted in (task.policies[1], task.policies[0])
    )
    assert still == 0 and (random > 0) == (env.penalty == 0)


@pytest.mark.parametrize("size", SIZES)
def test_the_picture_shows_every_predator_and_says_what_it_shows(size):
    env = PredatorPrey(size, num_envs=2, seed=0)
    env.reset()
    env.predators[1, 1:] = env.predators[1, :1]  # all in one cell
    for b in range(2):
        picture = env.render(b)
        assert len(picture) < 6000
        root = ElementTree.fromstring(picture)
        assert root.get("aria-label").startswith("Predator-prey after 0 of")
        numbers = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
        assert sorted(numbers) == sorted(str(i) for i in range(env.n_agents))


@pytest.mark.parametrize(
    "arguments, message",
    [({"size": 1}, "size must be a whole number of at least 2, got 1"),
     ({"size": "5"}, "size must be a whole number of at least 2, got '5'"),
     ({"size": 7, "vision": 0, "max_steps": 9},
      "n_predators must be given for size 7, got None: only sizes 5, 10, 20 have"),
     ({"size": 7, "n_predators": 2, "max_steps": 9}, "vision must be given for size 7"),
     ({"size": 7, "n_predators": 2, "vision": 1}, "max_steps must be given for size 7"),
     ({"n_predators": 0}, "n_predators must be a whole number of at least 1, got 0"),
     ({"n_predators": 25}, "n_predators must be at most 24 on a grid of 5 x 5, .* got 25"),
     ({"vision": -1}, "vision must be a whole number of at least 0, got -1"),
     ({"vision": 1.0}, "vision must be a whole number of at least 0, got 1.0"),
     ({"max_steps": 0}, "max_steps must be a whole number of at least 1, got 0"),
     ({"penalty": -1.0}, "penalty must be .* unless mode is .together., got -1.0 in mode 'mixed'"),
     ({"mode": "together", "penalty": 0.5}, "penalty must be a number of at most 0, .* got 0.5"),
     ({"mode": "together", "penalty": float("nan")}, "penalty must be .* got nan"),
     ({"mode": "together", "n_predators": 1}, "n_predators must be at least 2 in this mode, got 1"),
     ({"mode": "friendly"}, r"mode must be one of .*cooperative.*, got 'friendly'"),
     ({"num_envs": 0}, "num_envs must be a whole number of at least 1, got 0")],
)  # fmt: skip
def test_bad_arguments_are_named(arguments, message):
    with unchecked(), pytest.raises(ValueError, match=message):
        PredatorPrey(**arguments)


def test_bad_actions_are_named_and_int32_is_taken():
    env = PredatorPrey(num_envs=2, seed=0)
    actions = torch.zeros(2, 3, dtype=torch.int32)
    with pytest.raises(RuntimeError, match=r"call reset\(\) first"):
        env.step(actions)
    env.reset()
    env.step(actions)
    with unchecked():
        with pytest.raises(ValueError, match=r"shape \(B, N\) = \(2, 3\), got \(2, 2\)"):
            env.step(actions[:, :2])
        with pytest.raises(ValueError, match=r"must lie in 0\.\.4, got values from 5 to 5"):
            env.step(actions + 5)
        with pytest.raises(TypeError, match=r"must be int64 or int32, got torch\.float32"):
            env.step(actions.float())
