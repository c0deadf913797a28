"""The junction, against published anchors and against a slow and obvious second version."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marl_edu.core.evaluate import play_episodes
from marl_edu.envs import TrafficJunction
from marl_edu.envs.baselines.task import UniformPolicy
from marl_edu.envs.baselines.traffic_junction import always_brake, always_gas, look_ahead
from marl_edu.envs.traffic_junction import curriculum
from marl_edu.envs.traffic_junction_roads import ROAD_MAPS
from tests.unchecked import unchecked

DIFFICULTIES = ("easy", "medium", "hard")


# -- published scores ---------------------------------------------------------------------------


def success(env, policy, episodes: int) -> tuple[float, int]:
    """The share of fresh episodes without a crash, and how many there were."""
    found = play_episodes(env, policy, episodes, seed=1)["success"]
    return found.mean().item(), len(found)


def agree(share: float, n: int, published: float, published_n: int) -> bool:
    """Whether two measured shares can be the same: within 3.5 standard errors of their difference.

    The published numbers rest on few episodes (600, on hard 250), so that their own sampling
    error counts too. 3.5, not 2, because some 20 comparisons are made; a wrong rule of the
    environment moves these shares by tens of percent.
    """
    pooled = (share * n + published * published_n) / (n + published_n)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / published_n))
    return abs(share - published) <= 3.5 * error


GAS_SCORES = [
    ("easy", 0.1, 84.5, 600), ("easy", 0.2, 54.7, 600), ("easy", 0.3, 29.0, 600),
    ("medium", 0.05, 72.7, 600), ("medium", 0.1, 33.2, 600), ("medium", 0.2, 3.0, 600),
    ("hard", 0.02, 65.2, 250), ("hard", 0.05, 6.4, 250),
]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("difficulty, arrival, percent, n", GAS_SCORES)
def test_always_gas_scores_what_was_published(difficulty, arrival, percent, n):
    env = TrafficJunction(difficulty, arrival, num_envs=2000)
    share, played = success(env, always_gas, 2000)
    assert agree(share, played, percent / 100, n), share


@pytest.mark.long
@pytest.mark.parametrize(
    "difficulty, arrival, percent, n",
    [("easy", 0.1, 39.7, 600), ("easy", 0.2, 6.5, 600), ("easy", 0.3, 1.5, 600),
     ("medium", 0.05, 22.0, 600), ("medium", 0.1, 0.7, 600), ("hard", 0.02, 12.4, 250)],
)  # fmt: skip
def test_random_driving_scores_what_was_published(difficulty, arrival, percent, n):
    env = TrafficJunction(difficulty, arrival, num_envs=2000)
    share, played = success(env, UniformPolicy(0), 2000)
    assert agree(share, played, percent / 100, n), share


@pytest.mark.long
@pytest.mark.parametrize("arrival, percent", [(0.1, 14.7), (0.2, 0.7), (0.3, 0.0)])
def test_always_brake_scores_what_was_published(arrival, percent):
    share, played = success(TrafficJunction("easy", arrival, num_envs=2000), always_brake, 2000)
    assert agree(share, played, percent / 100, 600), share


@pytest.mark.long
@pytest.mark.parametrize("difficulty, arrival", [one[:2] for one in GAS_SCORES])
def test_look_ahead_succeeds_almost_always(difficulty, arrival):
    env = TrafficJunction(difficulty, arrival, num_envs=500)
    assert success(env, look_ahead, 2000)[0] >= 0.99


# -- sizes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "difficulty, vision, size",
    [("easy", 0, 17), ("medium", 0, 61), ("hard", 0, 149),
     ("easy", 1, 137), ("medium", 1, 533), ("hard", 1, 1325)],
)  # fmt: skip
def test_observation_size(difficulty, vision, size):
    env = TrafficJunction(difficulty, vision=vision, num_envs=2)
    assert env.obs_dim == size
    assert env.reset().shape == (2, env.n_agents, size)


@pytest.mark.parametrize(
    "difficulty, entries, routes, lengths, agents, steps, arrival",
    [("easy", 2, 2, {7}, 5, 20, 0.3), ("medium", 4, 12, {13, 14, 15}, 10, 40, 0.2),
     ("hard", 8, 56, None, 20, 80, 0.05)],
)  # fmt: skip
def test_roads(difficulty, entries, routes, lengths, agents, steps, arrival):
    env = TrafficJunction(difficulty, num_envs=1)
    assert (env.n_agents, env.max_steps, env.arrival) == (agents, steps, arrival)
    roads = ROAD_MAPS[difficulty]
    every = [route for entry in roads.routes for route in entry]
    assert (len(roads.routes), len(every), env.n_routes) == (entries, routes, routes)
    found = {len(route) for route in every}
    assert found == lengths if lengths else (min(found), max(found)) == (9, 27)


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_routes_are_drives_from_one_edge_to_another(difficulty):
    roads = ROAD_MAPS[difficulty]
    edge = (0, roads.side - 1)
    for entry in roads.routes:
        assert len({route[0] for route in entry}) == 1  # one entry, one cell
        assert len({tuple(route) for route in entry}) == len(entry)  # all different
        for route in entry:
            assert len(set(route)) == len(route)
            assert all(cell in roads.cell_id for cell in route)
            for (r, c), (row, column) in pairwise(route):
                assert abs(r - row) + abs(c - column) == 1
            for row, column in (route[0], route[-1]):
                assert row in edge or column in edge


def test_nobody_ever_drives_against_the_traffic():
    """Two routes never use the same pair of neighbouring cells in opposite directions."""
    for roads in ROAD_MAPS.values():
        steps = {pair for entry in roads.routes for route in entry for pair in pairwise(route)}
        assert not {(b, a) for a, b in steps} & steps


# -- a second version ----------------------------------------------------------------------------


class Reference:
    """One junction, car by car: the rules in the words of the specification, no tensors.

    It takes the same random numbers as the environment, `u[t]` in step t, so that both can be
    compared step by step.
    """

    def __init__(self, difficulty: str, arrival: float, vision: int, draws: list[list[float]]):
        self.roads = ROAD_MAPS[difficulty]
        self.arrival, self.vision, self.draws = arrival, vision, draws
        self.cars: dict[int, dict] = {}  # slot -> car; a slot without a car is not in it
        self.t, self.success = 0, True

    def place_of(self, slot: int):
        car = self.cars.get(slot)
        return car["cells"][car["position"]] if car else (0, 0)  # empty slots are parked there

    def step(self, actions: list[int]):
        completed = []
        for slot, car in list(self.cars.items()):
            car["wait"] += 1
            car["last"] = actions[slot]
            if actions[slot] == 0:
                car["position"] += 1
            if car["position"] == len(car["cells"]):
                completed.append(slot)
                del self.cars[slot]
        self.arrive(self.draws[self.t])
        self.t += 1
        reward, collided = [], []
        for slot in range(self.roads.max_cars):
            crash = slot in self.cars and any(
                other != slot and self.place_of(other) == self.place_of(slot) for other in self.cars
            )
            if crash:
                collided.append(slot)
                self.success = False
            wait = self.cars[slot]["wait"] if slot in self.cars else 0
            reward.append(-0.01 * wait + (-10 if crash else 0))
        return reward, completed, collided

    def arrive(self, u: list[float]) -> None:
        E, N = len(self.roads.routes), self.roads.max_cars
        first_route = 0
        empty = [slot for slot in range(N) if slot not in self.cars]
        empty.sort(key=lambda slot: u[2 * E + slot])
        for entry, routes in enumerate(self.roads.routes):
            if u[entry] < self.arrival and empty:
                number = int(u[E + entry] * len(routes))
                self.cars[empty.pop(0)] = {
                    "route": first_route + number, "cells": routes[number],
                    "position": 0, "wait": 0, "last": 0,
                }  # fmt: skip
            first_route += len(routes)
        self.n_routes = first_route

    def observe(self, slot: int) -> list[float]:
        side, base, v = self.roads.side, self.roads.base, self.vision
        cells = [(r, c) for r in range(-v, v + 1) for c in range(-v, v + 1)]
        car = self.cars[slot]
        obs = [float(car["last"]), car["route"] / (self.n_routes - 1)]
        row, column = self.place_of(slot)
        for r, c in cells:
            cell = (row + r, column + c)
            inside = 0 <= cell[0] < side and 0 <= cell[1] < side
            one_hot = [0.0] * (base + 3)
            one_hot[self.roads.cell_id.get(cell, base) if inside else base] = 1.0
            one_hot[-1] = sum(self.place_of(other) == cell for other in range(self.roads.max_cars))
            obs += one_hot
        return obs


@pytest.mark.long
@settings(max_examples=20)
@given(
    difficulty=st.sampled_from(DIFFICULTIES),
    arrival=st.sampled_from([0.0, 0.05, 0.3, 0.7, 1.0]),
    vision=st.integers(0, 2),
    seed=st.integers(0, 2**31),
    brake=st.sampled_from([0.0, 0.2, 0.5]),
)
def test_step_by_step_as_the_second_version(difficulty, arrival, vision, seed, brake):
    env = TrafficJunction(difficulty, arrival, vision, num_envs=2, seed=seed)
    obs = env.reset()
    assert not obs.any() and not env.alive.any()  # no cars at the start
    draws = env.draws.double().tolist()
    references = [Reference(difficulty, arrival, vision, draws[b]) for b in range(2)]
    chance = torch.Generator().manual_seed(seed)
    steps = env.max_steps if vision == 0 else min(env.max_steps, 20)
    for t in range(steps):
        actions = (torch.rand(2, env.n_agents, generator=chance) < brake).long()
        obs, reward, terminated, truncated, info = env.step(actions)
        assert not terminated.any()
        assert truncated.tolist() == [t + 1 == env.max_steps] * 2
        for b, reference in enumerate(references):
            expected, completed, collided = reference.step(actions[b].tolist())
            assert set(info["alive"][b].nonzero()[:, 0].tolist()) == set(reference.cars)
            assert info["completed"][b].nonzero()[:, 0].tolist() == sorted(completed)
            assert info["collided"][b].nonzero()[:, 0].tolist() == collided
            assert bool(info["success"][b]) == reference.success
            assert reward[b].tolist() == pytest.approx(expected, abs=1e-5)
            assert not obs[b][~info["alive"][b]].any()
            for slot in reference.cars:
                seen = torch.tensor(reference.observe(slot))
                torch.testing.assert_close(obs[b, slot], seen)


# -- single rules --------------------------------------------------------------------------------


def staged(difficulty: str = "easy", steps: int = 20) -> TrafficJunction:
    """An environment of one junction in which nobody arrives until a test says so."""
    env = TrafficJunction(difficulty, arrival=0.5, num_envs=1, seed=0)
    env.reset()
    env.draws.fill_(0.99)
    return env


def arrive(env: TrafficJunction, step: int, entry: int, slot: int) -> None:
    """In this step a car appears at the entry, on its first route, in the slot."""
    E = env.n_entries
    env.draws[:, step, entry] = 0.0
    env.draws[:, step, E + entry] = 0.0
    env.draws[:, step, 2 * E + slot] = 0.0


def go(env: TrafficJunction, *braking: int):
    actions = torch.zeros(1, env.n_agents, dtype=torch.int64)
    actions[0, list(braking)] = 1
    return env.step(actions)


def test_a_car_drives_its_route_and_leaves_and_its_slot_is_used_again():
    env = staged()
    arrive(env, 0, entry=0, slot=3)
    arrive(env, 7, entry=1, slot=3)
    obs, reward, _, _, info = go(env)
    assert info["alive"].tolist() == [[False, False, False, True, False]]
    assert reward[0, 3] == 0 and obs[0, 3, -1] == 1  # it sees one car: itself
    for step in range(1, 7):
        _, reward, _, _, info = go(env)
        assert info["alive"][0, 3] and not info["completed"].any()
        assert reward[0, 3].item() == pytest.approx(-0.01 * step)
    obs, reward, _, _, info = go(env)
    assert info["completed"].tolist() == [[False, False, False, True, False]]
    assert info["alive"][0, 3] and reward[0, 3] == 0  # a newcomer, who has not waited yet
    assert obs[0, 3, 1] == 1.0  # and whose route is the other one
    assert info["success"].all()


def test_braking_stays_and_still_costs_time():
    env = staged()
    arrive(env, 0, entry=0, slot=0)
    here, *_ = go(env)
    obs, reward, *_ = go(env, 0)
    assert obs[0, 0, 0] == 1 and torch.equal(obs[0, 0, 2:], here[0, 0, 2:])
    assert reward[0, 0].item() == pytest.approx(-0.01)
    obs, *_ = go(env)
    assert obs[0, 0, 0] == 0 and not torch.equal(obs[0, 0, 2:], here[0, 0, 2:])


def test_arriving_on_an_occupied_entry_is_a_crash_and_costs_again_in_every_step():
    env = staged()
    arrive(env, 0, entry=0, slot=0)
    arrive(env, 1, entry=0, slot=1)
    go(env)
    obs, reward, _, _, info = go(env, 0)
    assert info["collided"].tolist() == [[True, True, False, False, False]]
    assert reward[0, :2].tolist() == pytest.approx([-10.01, -10.0])
    assert obs[0, :2, -1].tolist() == [2, 2] and not info["success"][0]
    _, reward, _, _, info = go(env, 0, 1)
    assert reward[0, :2].tolist() == pytest.approx([-10.02, -10.01])
    _, reward, _, _, info = go(env, 1)  # one drives on: no longer together, still no success
    assert reward[0, :2].tolist() == pytest.approx([-0.03, -0.02])
    assert not info["collided"].any() and not info["success"][0]


def test_cars_meet_where_the_roads_cross():
    env = staged()
    arrive(env, 0, entry=0, slot=0)
    arrive(env, 0, entry=1, slot=1)
    for _ in range(4):
        _, _, _, _, info = go(env)
    assert info["collided"].tolist() == [[True, True, False, False, False]]
    _, _, _, _, info = go(env)
    assert not info["collided"].any()


def test_when_all_slots_are_taken_nobody_arrives():
    env = TrafficJunction("easy", arrival=1.0, num_envs=4, seed=0)
    env.reset()
    for step in range(env.max_steps):
        _, _, _, _, info = env.step(always_brake(env))
        assert (info["alive"].sum(1) == min(2 * (step + 1), 5)).all()


def random(env: TrafficJunction, chance: torch.Generator) -> torch.Tensor:
    """An action for every agent of every environment `(B, N)`, each as likely."""
    return torch.randint(env.n_actions, (env.num_envs, env.n_agents), generator=chance)


def test_actions_of_empty_slots_do_not_matter():
    one, other = (TrafficJunction("medium", num_envs=3) for _ in range(2))
    one.reset(5), other.reset(5)
    chance = torch.Generator().manual_seed(0)
    for _ in range(one.max_steps):
        actions = random(one, chance)
        noise = torch.where(other.alive, actions, random(other, chance))
        for mine, yours in zip(one.step(actions)[:2], other.step(noise)[:2], strict=True):
            assert torch.equal(mine, yours)


# -- randomness ----------------------------------------------------------------------------------


def play(env: TrafficJunction, actions: torch.Tensor, seed: int | None = None):
    """Everything seen in one episode with these actions `(T, B, N)`."""
    seen = [env.reset(seed)]
    for action in actions:
        obs, reward, _, _, info = env.step(action)
        seen += [obs, reward, *info.values()]
    return seen


def random_actions(env: TrafficJunction, seed: int = 0) -> torch.Tensor:
    chance = torch.Generator().manual_seed(seed)
    return torch.stack([random(env, chance) for _ in range(env.max_steps)])


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_equal_seeds_give_equal_episodes(difficulty):
    one, other = (TrafficJunction(difficulty, num_envs=4, seed=7) for _ in range(2))
    actions = random_actions(one)
    for _ in range(2):  # also the second episode, which goes on with the same generator
        for mine, yours in zip(play(one, actions), play(other, actions), strict=True):
            assert torch.equal(mine, yours)
    again = play(one, actions, seed=7)
    assert any(not torch.equal(a, b) for a, b in zip(again, play(one, actions), strict=True))


def test_without_a_seed_episodes_differ():
    one, other = (TrafficJunction("hard", num_envs=4) for _ in range(2))
    one.reset(), other.reset()
    assert not torch.equal(one.draws, other.draws)


def test_a_smaller_batch_is_a_slice_of_a_larger_one_and_environments_do_not_meet():
    small = TrafficJunction("medium", num_envs=3)
    large = TrafficJunction("medium", num_envs=8)
    actions = random_actions(large)
    others = actions.clone()
    others[:, 3:] = 1 - others[:, 3:]  # what the other environments do does not matter
    first = play(small, actions[:, :3].contiguous(), seed=11)
    for choice in (actions, others):
        for mine, yours in zip(first, play(large, choice, seed=11), strict=True):
            assert torch.equal(mine, yours[:3])


def test_what_was_returned_is_not_changed_later():
    env = TrafficJunction("easy", num_envs=4, seed=0)
    kept = play(env, random_actions(env))
    copies = [x.clone() for x in kept]
    play(env, random_actions(env, 1))
    assert all(torch.equal(a, b) for a, b in zip(kept, copies, strict=True))


def test_arrival_may_change_between_episodes():
    env = TrafficJunction("easy", arrival=0.0, num_envs=8, seed=0)
    env.reset()
    assert not env.step(always_gas(env))[-1]["alive"].any()
    env.arrival = 1.0
    assert (env.step(always_gas(env))[-1]["alive"].sum(1) == 2).all()
    assert curriculum(0.25, 0.1, 0.3) == pytest.approx(0.15)


def test_route_as_one_hot():
    number, code = (TrafficJunction("medium", num_envs=4, seed=3, route=r)
                    for r in ("number", "one-hot"))  # fmt: skip
    assert code.obs_dim == number.obs_dim - 1 + 12
    actions = random_actions(number)
    number.reset(1), code.reset(1)
    for action in actions[:20]:
        a, b = number.step(action)[0], code.step(action)[0]
        assert torch.equal(a[..., 0], b[..., 0]) and torch.equal(a[..., 2:], b[..., 13:])
        alive = number.alive
        assert torch.equal(b[..., 1:13].sum(-1), alive.float())
        assert torch.equal(b[..., 1:13].argmax(-1)[alive], (a[..., 1][alive] * 11).round().long())


# -- bad input -----------------------------------------------------------------------------------

BAD_ARGUMENTS = [
    ({"difficulty": "impossible"}, r"difficulty must be one of .*easy.*impossible"),
    ({"difficulty": None}, "difficulty must be one of .*None"),
    ({"arrival": -0.1}, r"arrival must be a number in \[0, 1\], got -0.1"),
    ({"arrival": 1.3}, r"arrival must be a number in \[0, 1\], got 1.3"),
    ({"arrival": math.nan}, r"arrival must be a number in \[0, 1\], got nan"),
    ({"arrival": "0.3"}, r"arrival must be a number in \[0, 1\], got '0.3'"),
    ({"vision": -1}, "vision must be a whole number of at least 0, got -1"),
    ({"vision": 0.5}, "vision must be a whole number of at least 0, got 0.5"),
    ({"num_envs": 0}, "num_envs must be a whole number of at least 1, got 0"),
    ({"num_envs": 2.0}, "num_envs must be a whole number of at least 1, got 2.0"),
    ({"route": "colour"}, "route must be one of .*colour"),
]


@pytest.mark.parametrize("arguments, message", BAD_ARGUMENTS)
def test_bad_arguments_are_named(arguments, message):
    with unchecked(), pytest.raises(ValueError, match=message):
        TrafficJunction(**arguments)


@given(st.one_of(st.floats(), st.integers(), st.text(), st.none(), st.booleans()))
def test_arrival_is_a_probability_or_an_error(value):
    env = TrafficJunction("easy", arrival=0.2, num_envs=1)
    number = isinstance(value, float | int) and not isinstance(value, bool)
    if number and 0 <= value <= 1:
        with unchecked():
            env.arrival = value
        assert env.arrival == value
    else:
        with unchecked(), pytest.raises(ValueError, match=r"a number in \[0, 1\]") as error:
            env.arrival = value
        assert "arrival must be" in str(error.value) and repr(value) in str(error.value)
        assert env.arrival == 0.2


ACTION = torch.zeros(2, 5, dtype=torch.int64)
BAD_ACTIONS = [
    ([[0] * 5] * 2, TypeError, "actions must be a torch.Tensor, got list"),
    (ACTION[:1], ValueError, r"actions must have shape \(B, N\) = \(2, 5\), got \(1, 5\)"),
    (ACTION[:, :4], ValueError, r"shape \(B, N\) = \(2, 5\), got \(2, 4\)"),
    (ACTION[0], ValueError, r"shape \(B, N\) = \(2, 5\), got \(5,\)"),
    (ACTION[..., None], ValueError, r"got \(2, 5, 1\)"),
    (ACTION.float(), TypeError, "actions must be int64 or int32, got torch.float32"),
    (ACTION.bool(), TypeError, "actions must be int64 or int32, got torch.bool"),
    (ACTION.to("meta"), ValueError, "actions must be on device cpu, got meta"),
    (ACTION + 2, ValueError, r"actions must lie in 0\.\.1, got values from 2 to 2"),
    (ACTION - 1, ValueError, r"actions must lie in 0\.\.1, got values from -1 to -1"),
]


@pytest.mark.parametrize("actions, error, message", BAD_ACTIONS)
def test_bad_actions_are_named_and_change_nothing(actions, error, message):
    env = TrafficJunction("easy", num_envs=2, seed=0)
    env.reset()
    with unchecked(), pytest.raises(error, match=message):
        env.step(actions)
    assert env.t == 0


@given(st.integers(0, 3), st.integers(0, 6), st.integers(-3, 3))
def test_actions_fit_or_are_refused(envs, agents, action):
    env = TrafficJunction("easy", num_envs=2, seed=0)
    env.reset()
    actions = torch.full((envs, agents), action)
    if (envs, agents) == (2, 5) and action in (0, 1):
        env.step(actions)
        env.step(actions.int())
    else:
        with unchecked(), pytest.raises(ValueError, match="actions must"):
            env.step(actions)


def test_no_step_before_the_first_reset_or_after_the_end():
    env = TrafficJunction("easy", num_envs=1, seed=0)
    with pytest.raises(RuntimeError, match=r"call reset\(\) first"):
        go(env)
    env.reset()
    for _ in range(env.max_steps):
        go(env)
    with pytest.raises(RuntimeError, match=r"20 steps is over: call reset\(\) first"):
        go(env)
