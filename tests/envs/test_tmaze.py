"""The T-maze and its witness: exact anchors, and a slow and obvious second version."""

import math
from xml.etree import ElementTree

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marl_edu.core.evaluate import play_episodes
from marl_edu.envs.base.wrappers import Flicker
from marl_edu.envs.baselines.task import Always, UniformPolicy
from marl_edu.envs.baselines.tmaze import (
    TASKS,
    RememberSign,
    know_the_sign,
    random_success,
    walk_and_guess,
)
from marl_edu.envs.tmaze import DOWN, FORWARD, UP, TMaze
from tests.unchecked import unchecked

# -- a second version -----------------------------------------------------------------------------


class Reference:
    """One environment, walker by walker, in the words of the specification."""

    def __init__(self, env: TMaze, b: int):
        self.length, self.witness = env.length, env.witness
        self.signs = env.sign[b].tolist()
        self.walkers = [1] if self.witness else list(range(env.n_agents))
        self.cells = dict.fromkeys(self.walkers, 0)
        self.turns: dict[int, int] = {}
        self.t = 0

    def step(self, actions: list[int]) -> list[float]:
        self.t += 1
        rewards = [0.0] * len(actions)
        for i in self.walkers:
            if i in self.turns:
                continue
            if self.cells[i] == self.length and actions[i] in (UP, DOWN):
                self.turns[i] = actions[i]
                rewards[i] = float(actions[i] == self.signs[i])
            elif self.cells[i] < self.length and actions[i] == FORWARD:
                self.cells[i] += 1
        return [rewards[1]] * 2 if self.witness else rewards

    def alive(self, i: int) -> bool:
        return (1 if self.witness else i) not in self.turns

    def observe(self, i: int) -> list[float]:
        sees = [0.0] * 4
        if self.alive(i):
            sign = 0 if self.signs[i] == UP else 1
            if i not in self.walkers:
                if self.t == 0:
                    sees[sign] = 1.0
            elif self.cells[i] == self.length:
                sees[3] = 1.0
            elif self.cells[i] == 0 and not self.witness:
                sees[sign] = 1.0
            else:
                sees[2] = 1.0
        return sees


@settings(max_examples=40)
@given(
    length=st.integers(1, 4), agents=st.integers(1, 3), witness=st.booleans(),
    seed=st.integers(0, 2**31),
)  # fmt: skip
def test_step_by_step_as_the_second_version(length, agents, witness, seed):
    env = TMaze(length, 2 if witness else agents, witness=witness, num_envs=3, seed=seed)
    obs = env.reset()
    references = [Reference(env, b) for b in range(3)]
    chance = torch.Generator().manual_seed(seed)
    T, N = env.max_steps, env.n_agents
    for t in range(T + 1):
        for b, reference in enumerate(references):
            assert obs[b].tolist() == [reference.observe(i) for i in range(N)]
        if t == T:
            break
        actions = torch.randint(3, (3, N), generator=chance)
        obs, reward, terminated, truncated, info = env.step(actions)
        for b, reference in enumerate(references):
            assert reward[b].tolist() == reference.step(actions[b].tolist())
            alive = [reference.alive(i) for i in range(N)]
            assert info["alive"][b].tolist() == alive
            assert bool(terminated[b]) == (not any(alive))
            assert bool(truncated[b]) == (any(alive) and t + 1 == T)
            right = [reference.turns.get(i) == reference.signs[i] for i in reference.walkers]
            assert info["success"][b].item() == pytest.approx(sum(right) / len(right))


# -- single rules ---------------------------------------------------------------------------------


def test_the_sign_is_seen_in_the_first_cell_only():
    env = TMaze(3, num_envs=50, seed=0)
    obs = env.reset()
    assert torch.equal(obs[:, 0, 0] == 1, env.sign[:, 0] == UP)
    assert torch.equal(obs[:, 0, 1] == 1, env.sign[:, 0] == DOWN)
    still, *_ = env.step(torch.full((50, 1), UP))  # nothing happens before the junction
    assert torch.equal(obs, still)
    for place in (2, 2, 3, 3):
        obs, *_ = env.step(torch.full((50, 1), FORWARD))
        assert torch.equal(obs, torch.eye(4)[place].expand(50, 1, 4))


def test_both_signs_are_as_likely():
    env = TMaze(1, n_agents=2, num_envs=20_000, seed=1)
    env.reset()
    up = (env.sign == UP).double()
    assert torch.allclose(up.mean(0), torch.tensor(0.5).double(), atol=3.5 * 0.0036)
    both = (up[:, 0] * up[:, 1]).mean().item()
    assert both == pytest.approx(0.25, abs=3.5 * 0.0031)  # walkers' signs are independent


def test_a_witness_sees_the_sign_once_and_the_walker_never():
    env = TMaze(2, witness=True, num_envs=20, seed=0)
    obs = env.reset()
    assert torch.equal(obs[:, 0].argmax(-1), env.sign[:, 0] - UP)
    assert torch.equal(obs[:, 1], torch.eye(4)[2].expand(20, 4))
    for place in (2, 3):
        obs, *_ = env.step(torch.full((20, 2), FORWARD))
        assert not obs[:, 0].any() and torch.equal(obs[:, 1], torch.eye(4)[place].expand(20, 4))
    # What the witness does is ignored, and it is paid what the walker is paid.
    _, reward, terminated, _, _ = env.step(torch.stack([3 - env.sign[:, 1], env.sign[:, 1]], 1))
    assert (reward == 1).all() and terminated.all()


def test_what_has_ended_stays_as_it_was():
    env = TMaze(1, num_envs=2, seed=0)
    env.reset()
    env.step(torch.tensor([[FORWARD], [UP]]))
    _, _, terminated, _, info = env.step(torch.tensor([[UP], [UP]]))
    assert terminated.tolist() == [True, False]
    right = info["success"][0].item()
    for action in (FORWARD, UP, DOWN, FORWARD):
        obs, reward, _, truncated, info = env.step(torch.tensor([[action], [FORWARD]]))
        assert not obs[0].any() and reward[0] == 0 and info["success"][0] == right
        assert info["alive"].tolist() == [[False], [True]]
    assert truncated.tolist() == [False, True]


# -- randomness -----------------------------------------------------------------------------------


def play(env: TMaze, seed: int, take: int) -> list[torch.Tensor]:
    chance = torch.Generator().manual_seed(0)
    seen = [env.reset(seed)[:take]]
    for _ in range(env.max_steps):
        actions = torch.randint(3, (8, env.n_agents), generator=chance)[: env.num_envs]
        obs, reward, terminated, truncated, info = env.step(actions)
        seen += [x[:take] for x in (obs, reward, terminated, truncated, *info.values())]
    return seen


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("settings", [{"n_agents": 3}, {"witness": True}])
def test_equal_seeds_give_equal_episodes_and_a_smaller_batch_is_a_slice(settings):
    small, large = (TMaze(2, **settings, num_envs=b) for b in (3, 8))
    first = play(small, 5, 3)
    assert same(first, play(small, 5, 3)) and same(first, play(large, 5, 3))
    seeds = [play(small, seed, 3)[0] for seed in range(8)]
    assert any(not torch.equal(seeds[0], obs) for obs in seeds)


# -- anchors --------------------------------------------------------------------------------------


def chain(length: int, steps: int) -> float:
    """Success of a walker that moves by chance, step by step instead of by formula."""
    at = [1.0] + [0.0] * length
    turned = 0.0
    for _ in range(steps):
        turned += at[-1] * 2 / 3
        after = [0.0] * (length + 1)
        for cell, p in enumerate(at):
            if cell < length:
                after[cell] += p * 2 / 3
                after[cell + 1] += p / 3
            else:
                after[cell] += p / 3
        at = after
    return turned / 2


@given(st.integers(1, 12), st.integers(1, 40))
def test_random_success_by_formula_and_step_by_step(length, steps):
    assert random_success(length, steps) == pytest.approx(chain(length, steps), abs=1e-12)


@pytest.mark.parametrize("length", [1, 3, 10, 30, 100])
def test_random_walkers_turn_more_often_than_not_however_long_the_maze(length):
    assert 2 * random_success(length, TMaze(length).max_steps) > 0.5


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_rules_score_what_was_computed(task):
    env = task.make(num_envs=3000, seed=0)
    for scripted in task.policies:
        share = play_episodes(env, scripted.make(), 3000, seed=1)["success"].mean().item()
        error = math.sqrt(max(scripted.exact * (1 - scripted.exact), 1e-6) / 3000)
        assert abs(share - scripted.exact) < 3.5 * error, scripted.name


@given(st.integers(1, 15), st.booleans())
def test_who_knows_the_sign_is_always_right_in_the_fewest_steps(length, witness):
    env = TMaze(length, witness=witness, max_steps=length + 1, num_envs=8, seed=length)
    found = play_episodes(env, know_the_sign, 8)
    assert (found["success"] == 1).all() and (found["return"] == 1).all()
    assert (found["steps"] == length + 1).all()
    if not witness:
        assert (play_episodes(env, RememberSign(), 8)["success"] == 1).all()


def test_without_memory_one_half_whatever_is_done_at_the_junction():
    """Exact: what is seen there is independent of the sign."""
    for seed, turn in ((0, UP), (1, DOWN)):
        env = TMaze(2, num_envs=4000, seed=seed)
        env.reset(seed)
        for action in (FORWARD, FORWARD, turn):
            obs, _, _, _, info = env.step(torch.full((4000, 1), action))
            assert len(obs.unique(dim=0)) == 1  # all look the same
        assert info["success"].mean().item() == pytest.approx(0.5, abs=3.5 * 0.0079)


def test_who_never_moves_never_arrives():
    env = TMaze(4, num_envs=50)
    assert not play_episodes(env, Always(UP), 50)["success"].any()
    assert not play_episodes(env, Always(FORWARD), 50)["success"].any()  # never turns


def test_waiting_pays_where_the_sign_flickers():
    env = Flicker(TMaze, 0.8, {"length": 2}, num_envs=20_000, seed=0)
    waits = 1 - 0.8**7 / 2  # seven looks before it has to go
    patient = play_episodes(env, RememberSign(), 20_000)["success"].mean().item()
    assert patient == pytest.approx(waits, abs=3.5 * math.sqrt(waits * (1 - waits) / 20_000))
    at_once = play_episodes(env, RememberSign(patient=False), 20_000)["success"].mean().item()
    assert at_once == pytest.approx(0.6, abs=3.5 * math.sqrt(0.24 / 20_000))


# -- pictures and bad input -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings, policy, steps, label",
    [({"length": 10}, walk_and_guess, 0, "T-maze after 0 of 33 steps: 0 of 1 agent turned"),
     ({"length": 3, "n_agents": 2}, know_the_sign, 4, "4 of 12 steps: 2 of 2 agents turned"),
     ({"length": 1, "witness": True}, know_the_sign, 2, "2 of 6 steps: 1 of 1 agent turned")],
)  # fmt: skip
def test_the_picture_shows_every_agent_and_says_what_it_shows(settings, policy, steps, label):
    env = TMaze(**settings, num_envs=2, seed=0)
    env.reset()
    for _ in range(steps):
        env.step(policy(env))
    picture = env.render(1)
    assert len(picture) < 4000
    root = ElementTree.fromstring(picture)
    assert label in root.get("aria-label")
    written = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {str(i) for i in range(env.n_agents)} <= written and written & {"↑", "↓"}


@pytest.mark.parametrize(
    "arguments, error, message",
    [({"length": 0}, ValueError, "length must be a whole number of at least 1, got 0"),
     ({"length": 2.0}, ValueError, "length must be a whole number of at least 1, got 2.0"),
     ({"n_agents": 0}, ValueError, "n_agents must be a whole number of at least 1, got 0"),
     ({"n_agents": 3, "witness": True}, ValueError, "n_agents must be 2 with a witness, got 3"),
     ({"n_agents": 1, "witness": True}, ValueError, "n_agents must be 2 with a witness, got 1"),
     ({"witness": 1}, TypeError, "witness must be True or False, got 1"),
     ({"max_steps": 0}, ValueError, "max_steps must be a whole number of at least 1, got 0"),
     ({"num_envs": 0}, ValueError, "num_envs must be a whole number of at least 1, got 0")],
)  # fmt: skip
def test_bad_arguments_are_named(arguments, error, message):
    with unchecked(), pytest.raises(error, match=message):
        TMaze(**arguments)


def test_bad_actions_and_the_end():
    env = TMaze(1, max_steps=1, num_envs=2, seed=0)
    actions = torch.zeros(2, 1, dtype=torch.int32)
    with pytest.raises(RuntimeError, match=r"call reset\(\) first"):
        env.step(actions)
    env.reset()
    with unchecked():
        with pytest.raises(ValueError, match=r"shape \(B, N\) = \(2, 1\), got \(2,\)"):
            env.step(actions[:, 0])
        with pytest.raises(ValueError, match=r"must lie in 0\.\.2, got values from 3 to 3"):
            env.step(actions + 3)
    env.step(actions)
    with pytest.raises(RuntimeError, match=r"1 step is over: call reset\(\) first"):
        env.step(actions)


def test_random_players_are_drawn_for_every_walker():
    env = TMaze(1, n_agents=4, num_envs=100, seed=0)
    assert play_episodes(env, UniformPolicy(0), 100)["success"].unique().numel() > 2
