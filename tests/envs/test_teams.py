"""What an environment written by others says about actions, ends and numbers arrives as it was
said, agent by agent and step by step; what cannot be is refused by name."""

import functools
from typing import ClassVar

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.classic import connect_four_v3, tictactoe_v3
from pettingzoo.utils.conversions import turn_based_aec_to_parallel

from marl_edu.envs import TMaze
from marl_edu.envs.adapters import from_gymnasium, from_pettingzoo, to_gymnasium, to_pettingzoo
from marl_edu.envs.base.wrappers import AgentId
from marl_edu.envs.baselines.task import UniformPolicy
from tests.unchecked import unchecked

LINE = spaces.Box(-9, 9, (1,))
MASKED = spaces.Dict({"observation": LINE, "action_mask": spaces.Box(0, 1, (3,), np.int8)})


def said(obs=0.0, paid=0.0, term=False, trunc=False, info=None):
    """What is said to one agent after a step."""
    return {"obs": obs, "paid": paid, "term": term, "trunc": trunc, "info": info or {}}


class Script(ParallelEnv):
    """Says what was written down: a list of (who is listed then, agent -> `said`), a step each."""

    metadata: ClassVar = {"name": "script"}

    def __init__(self, steps, names=("a", "b"), space=LINE, count=3):
        self.steps, self.space, self.count = steps, space, count
        self.possible_agents, self.agents, self.calls = list(names), [], 0

    def observation_space(self, agent):
        return self.space

    def action_space(self, agent):
        return spaces.Discrete(self.count)

    def _say(self):
        self.agents, lines = list(self.steps[self.t][0]), self.steps[self.t][1]
        obs = {}
        for agent, line in lines.items():
            one = line["obs"]
            if one is not None:
                obs[agent] = one if isinstance(one, dict) else np.array([one], np.float64)
        keys = ("paid", "term", "trunc", "info")
        return obs, *({agent: line[key] for agent, line in lines.items()} for key in keys)

    def reset(self, seed=None, options=None):
        self.t = 0
        obs, *_, infos = self._say()
        return obs, infos

    def step(self, actions):
        assert set(actions) == set(self.agents)
        self.t, self.calls = self.t + 1, self.calls + 1
        return self._say()


def both(*lines):
    """A step after which a and b are listed."""
    return "ab", dict(zip("ab", lines, strict=True))


def play(steps, T=6, B=1, **settings):
    """All that the environment with this script returns, step by step."""
    env = from_pettingzoo(lambda: Script(steps, **settings), num_envs=B, max_steps=T, seed=0)
    env.reset(0)
    found = []
    while env.t < T and env.running.any():
        obs, reward, terminated, truncated, info = env.step(UniformPolicy(0)(env))
        found.append(
            {
                "obs": obs[0, :, 0].tolist(),
                "reward": reward[0].tolist(),
                "end": (bool(terminated[0]), bool(truncated[0])),
                "alive": info["alive"][0].tolist(),
                "said": [info[key][0].tolist() for key in ("terminated", "truncated")],
            }
        )
    return found


# -- ends -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("T", [1, 5])
def test_who_is_terminated_and_truncated_is_terminated(T):
    """As in tictactoe after an illegal move: no value is to be expected behind it."""
    both_at_once = said(term=True, trunc=True, paid=-1)
    (last,) = play([both(said(), said()), ("", {"a": both_at_once, "b": both_at_once})], T)
    assert last["end"] == (True, False) and last["alive"] == [False, False]
    assert last["said"] == [[True, True], [True, True]] and last["reward"] == [-1, -1]


def test_at_a_common_time_limit_one_may_have_terminated():
    end = {"a": said(term=True, trunc=True), "b": said(obs=4, trunc=True)}
    (last,) = play([both(said(), said()), ("", end)], T=1)
    assert last["end"] == (False, True) and last["alive"] == [False, True]
    assert last["said"] == [[True, False], [True, True]]
    assert last["obs"] == [0, 4]  # from here b's value is bootstrapped


class OneStep(gymnasium.Env):
    """Ends after one step, as `end` says."""

    observation_space, action_space = LINE, spaces.Discrete(2)

    def __init__(self, end):
        self.end = end

    def reset(self, *, seed=None, options=None):
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.ones(1, np.float32), 2.0, *self.end, {}


@pytest.mark.parametrize("end", [(True, True), (True, False), (False, True)])
def test_a_single_agent_s_end_arrives_as_it_was_said(end):
    env = from_gymnasium(lambda: OneStep(end), 2, max_steps=1)
    env.reset(0)
    _, _, terminated, truncated, info = env.step(torch.zeros(2, 1, dtype=torch.int64))
    assert (bool(terminated[1]), bool(truncated[1])) == (end[0], end[1] and not end[0])
    assert info["terminated"].tolist() == [[end[0]]] * 2 == (~info["alive"]).tolist()
    assert info["truncated"].tolist() == [[end[1]]] * 2


def test_an_environment_that_keeps_listing_who_has_finished_ends():
    over = both(said(term=True, paid=1), said(term=True, paid=2))
    found = play([both(said(), said()), both(said(), said()), over, over, over])
    assert len(found) == 2 and found[-1]["end"] == (True, False)
    assert found[-1]["reward"] == [1, 2]


def test_who_has_finished_and_is_still_listed_plays_no_part_any_more():
    """Whether it says so once or for ever."""
    for again in (True, False):
        steps = [both(said(), said())]
        steps += [both(said(1, paid=1), said(1, paid=1, term=True))]
        steps += [both(said(2, paid=1), said(2, paid=1, term=again))] * 2
        found = play(steps, T=3)
        assert [step["alive"] for step in found] == [[True, False]] * 3
        assert [step["reward"] for step in found] == [[1, 1], [1, 0], [1, 0]]
        assert [step["obs"] for step in found] == [[1, 1], [2, 0], [2, 0]]


def test_who_is_dropped_without_a_word_is_gone_at_once():
    steps = [both(said(), said()), ("a", {"a": said(3), "b": said(5, paid=2)})]
    found = play([*steps, ("a", {"a": said(4)}), ("a", {"a": said(4)})], T=3)
    assert [step["alive"] for step in found] == [[True, False]] * 3
    assert [step["reward"] for step in found] == [[0, 2], [0, 0], [0, 0]]
    assert [step["obs"] for step in found] == [[3, 5], [4, 0], [4, 0]]
    assert not any(step["end"][0] for step in found)
    assert play([*steps[:1], ("", {"a": said(), "b": said()})])[-1]["end"] == (True, False)


def test_who_arrives_later_is_there_at_once_and_sees():
    alone = "a", {"a": said(1)}
    steps = [alone, alone]
    steps += [both(said(2 + t, paid=1), said(7 + t, paid=1)) for t in range(2)]
    env = from_pettingzoo(lambda: Script(steps), num_envs=2, max_steps=3)
    env.reset(0)
    assert env.alive.tolist() == [[True, False]] * 2
    found = play(steps, T=3)
    assert [step["alive"] for step in found] == [[True, False], [True, True], [True, True]]
    assert [step["obs"] for step in found] == [[1, 0], [2, 7], [3, 8]]
    assert [step["reward"] for step in found] == [[0, 0], [1, 0], [1, 1]]  # paid once it has acted


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (
            [("a", {"a": said(), "b": said(term=True)}), both(said(), said())],
            "b came back after an",
        ),
        ([("", {"a": said(None, trunc=True), "b": said(trunc=True)})], "no observation for a"),
        ([both(said(), said(trunc=True)), both(said(), said())], "b ran out of time while others"),
        ([both(said(), said(None))], "no observation for b"),
    ],
)
def test_what_no_environment_may_do_is_refused(steps, message):
    with pytest.raises(RuntimeError, match=message):
        play([both(said(), said()), *steps], T=3)


def test_what_has_ended_is_left_alone_until_the_next_reset():
    made = []

    def make():
        ends = "", {"a": said(6, term=True), "b": said(7, term=True)}
        made.append(Script([both(said(), said())] * (1 + len(made)) + [ends]))
        return made[-1]

    env = from_pettingzoo(make, num_envs=3, max_steps=5)
    for episode in (1, 2):
        env.reset(0)
        for _ in range(4):
            obs, reward, *_ = env.step(UniformPolicy(0)(env))
        assert [one.calls for one in made] == [1 * episode, 2 * episode, 3 * episode]
        assert obs[:, :, 0].tolist() == [[6, 7]] * 3 and not reward.any()


def test_members_of_a_tuple_team_end_one_by_one():
    class Pair(gymnasium.Env):
        observation_space = spaces.Tuple([LINE, LINE])
        action_space = spaces.Tuple([spaces.Discrete(2)] * 2)

        def reset(self, *, seed=None, options=None):
            self.t = 0
            return [np.zeros(1, np.float32)] * 2, {}

        def step(self, action):
            self.t += 1
            obs = [np.full(1, self.t, np.float32)] * 2
            return obs, [1.0, 1.0], [self.t > 2, self.t > 0], [False, False], {}

    env = from_gymnasium(Pair, 1, max_steps=4)
    env.reset(0)
    rewards, alive = [], []
    for _ in range(3):
        _, reward, terminated, _, info = env.step(torch.zeros(1, 2, dtype=torch.int64))
        rewards.append(reward[0].tolist())
        alive.append(info["alive"][0].tolist())
    assert rewards == [[1, 1], [1, 0], [1, 0]] and terminated.all()
    assert alive == [[True, False], [True, False], [False, False]]


def test_a_truncation_that_is_no_clock_is_told_from_one_that_is():
    def make(lengths):
        todo = iter(lengths)

        def one():
            n = next(todo)
            return gymnasium.wrappers.TimeLimit(OneStep((False, False)), n)

        return one

    def run(lengths):
        env = from_gymnasium(make(lengths), len(lengths), max_steps=9)
        env.reset(0)
        for _ in range(4):
            env.step(torch.zeros(len(lengths), 1, dtype=torch.int64))

    with pytest.raises(RuntimeError, match="after 3 steps, before max_steps 9: pass max_steps=3"):
        run([3, 3])
    with pytest.raises(RuntimeError, match="environment 1 was truncated after 2 steps while oth"):
        run([3, 2, 3])


# -- masks ----------------------------------------------------------------------------------------

SIGHT = [[1, 1, 1], [1, 0, 1], [0, 1, 0], [1, 0, 0]]  # the mask after 0, 1, 2, 3 steps


def masked_obs(t):
    return {"observation": np.array([t], np.float32), "action_mask": np.array(SIGHT[t], np.int8)}


class Alone(gymnasium.Env):
    """One agent, four masks, in its observation or in its info."""

    action_space, max_steps = spaces.Discrete(3, start=5), 3

    def __init__(self, where):
        self.where = where
        self.observation_space = MASKED if where == "observation" else LINE

    def _see(self):
        whole = masked_obs(self.t)
        if self.where == "observation":
            return whole, {}
        return whole["observation"], {"action_mask": whole["action_mask"].tolist()}

    def reset(self, *, seed=None, options=None):
        self.t = 0
        return self._see()

    def step(self, action):
        assert SIGHT[self.t][action - 5]
        self.t += 1
        obs, info = self._see()
        return obs, 0.0, False, False, info


class AllTogether(gymnasium.Env):
    """Two agents whose masks stand in one list."""

    observation_space = spaces.Tuple([LINE, LINE])
    action_space, max_steps = spaces.Tuple([spaces.Discrete(3)] * 2), 3

    def _info(self):
        return {"action_mask": np.array([SIGHT[self.t], [1, 1, 0]])}

    def reset(self, *, seed=None, options=None):
        self.t = 0
        return [np.zeros(1, np.float32)] * 2, self._info()

    def step(self, action):
        self.t += 1
        return [np.full(1, self.t, np.float32)] * 2, 0.0, False, False, self._info()


def script_masks(where):
    """a has the masks of SIGHT, b says nothing."""
    if where == "observation":
        free = {"observation": np.zeros(1), "action_mask": np.ones(3)}
        return [both(said(masked_obs(t)), said(free)) for t in range(4)]
    return [both(said(t, info={"action_mask": SIGHT[t]}), said()) for t in range(4)]


MASKS = {
    "gymnasium, observation": (from_gymnasium, lambda: Alone("observation"), None),
    "gymnasium, info": (from_gymnasium, lambda: Alone("info"), None),
    "a team's info": (from_gymnasium, AllTogether, [1, 1, 0]),
    "pettingzoo, observation": (
        from_pettingzoo,
        lambda: Script(script_masks("observation"), space=MASKED),
        [1, 1, 1],
    ),
    "pettingzoo, info": (from_pettingzoo, lambda: Script(script_masks("info")), [1, 1, 1]),
}


@pytest.mark.parametrize("name", MASKS)
def test_masks_change_with_time_and_are_not_seen_as_numbers(name):
    way_in, make, other = MASKS[name]
    env = way_in(make, num_envs=2, seed=0, max_steps=3)
    assert env.obs_dim == 1 and env.available_changes
    assert env.available.all()  # before the first reset: what they have at all
    env.reset(0)
    for t in range(4):
        right = [SIGHT[t]] + ([other] if other else [])
        assert env.available.int().tolist() == [right] * 2
        assert env.available.shape == (2, env.n_agents, 3)
        if t < 3:
            obs, *_ = env.step(UniformPolicy(t)(env))
            assert obs[:, 0, 0].tolist() == [t + 1] * 2
    wrapped = AgentId(way_in, {"make_env": make, "max_steps": 3}, num_envs=2)
    wrapped.reset(0)
    assert wrapped.available[1, 0].int().tolist() == SIGHT[0]


def test_a_mask_in_both_places_counts_in_both():
    line = said(masked_obs(1), info={"action_mask": [1, 1, 0]})
    env = from_pettingzoo(lambda: Script([both(line, line)], space=MASKED), 1, max_steps=1)
    env.reset(0)
    assert env.available.int().tolist() == [[[1, 0, 0]] * 2]


def test_the_dead_have_no_mask_of_their_own():
    """What an environment says about who is gone is not asked for."""
    gone = said(None, info={"action_mask": [0, 0]})
    steps = [both(said(), said()), ("a", {"a": said(), "b": gone | {"term": True}})]
    assert play([*steps, ("a", {"a": said(), "b": gone})], T=2)[-1]["alive"] == [True, False]


@pytest.mark.parametrize("mask", [[1, 0], [[1, 0, 1]], [0.5, 1, 1], [0, -np.inf, 0]])
def test_a_mask_that_is_none_is_refused(mask):
    with pytest.raises(RuntimeError, match="action_mask of b must have 0 or 1 for each of its 3"):
        play([both(said(), said(info={"action_mask": mask}))])


def test_a_mask_of_the_wrong_size_is_refused_beforehand():
    with pytest.raises(TypeError, match="action_mask of a must have a number for each of its 4"):
        from_pettingzoo(lambda: Script([], space=MASKED, count=4), max_steps=2)


def test_taxi_s_masks_arrive():
    make = functools.partial(gymnasium.make, "Taxi-v4", max_episode_steps=30)
    env = from_gymnasium(make, num_envs=3, seed=0)
    env.reset(0)
    inside = [one.env.unwrapped for one in env.vector.envs]
    before = env.available.clone()
    for t in range(30):
        right = [[one.action_mask(one.s).tolist()] for one in inside]
        assert env.available.int().tolist() == right
        env.step(UniformPolicy(t)(env))
    assert env.max_steps == 30 and not torch.equal(before, env.available)


# -- turns ----------------------------------------------------------------------------------------

WAITS = [False] * 9


@pytest.mark.parametrize(
    "make",
    [tictactoe_v3.env, lambda: turn_based_aec_to_parallel(tictactoe_v3.env())],
    ids=["aec", "converted"],
)
def test_a_game_of_tictactoe(make):
    """X takes the left column; O loses without having the move."""
    env = from_pettingzoo(make, num_envs=1, max_steps=9, seed=0)
    assert env.agent_names == ["player_1", "player_2"] and env.obs_dim == 18
    obs = env.reset(0)
    board = [-1] * 9
    for t, cell in enumerate((0, 4, 1, 8, 2)):
        free = [owner < 0 for owner in board]
        assert env.available[0].tolist() == ([free, WAITS] if t % 2 == 0 else [WAITS, free])
        board[cell] = t % 2
        actions = torch.zeros(1, 2, dtype=torch.int64)
        actions[0, t % 2] = cell
        obs, reward, terminated, truncated, info = env.step(actions)
        for i in range(2):
            seen = obs[0, i].view(9, 2)
            assert seen[:, 0].tolist() == [owner == i for owner in board]
            assert seen[:, 1].tolist() == [owner == 1 - i for owner in board]
        over = t == 4
        assert reward[0].tolist() == ([1, -1] if over else [0, 0])
        assert (bool(terminated), bool(truncated)) == (over, False)
        assert info["alive"].all() != over


def test_turns_come_to_what_pettingzoo_s_own_loop_comes_to():
    env = from_pettingzoo(connect_four_v3.env, num_envs=2, max_steps=42, seed=0)
    env.reset(3)
    total, steps = torch.zeros(2, 2), []
    while env.running.any() and env.t < 42:
        steps.append((UniformPolicy(len(steps))(env), env.available, env.obs))
        total += env.step(steps[-1][0])[1]
    for b in range(2):
        theirs, t = connect_four_v3.env(), 0
        theirs.reset(seed=0)
        paid = dict.fromkeys(theirs.possible_agents, 0.0)
        for agent in theirs.agent_iter():
            obs, reward, terminated, truncated, _ = theirs.last()
            paid[agent] += reward
            if terminated or truncated:
                theirs.step(None)
                continue
            i = theirs.possible_agents.index(agent)
            actions, available, seen = steps[t]
            assert available[b, i].tolist() == obs["action_mask"].astype(bool).tolist()
            assert not available[b, 1 - i].any()
            assert seen[b, i].tolist() == obs["observation"].flatten().tolist()
            theirs.step(int(actions[b, i]))
            t += 1
        assert total[b].tolist() == list(paid.values())


class Counting(AECEnv):
    """Three in turn add 0 or 1. Who makes it even is paid that number, who makes it 3 or more is
    out; the last one wins 9. No masks of its own."""

    metadata: ClassVar = {"name": "counting", "is_parallelizable": False}
    max_cycles = 4  # of all: no number of turns

    def __init__(self):
        self.possible_agents = ["x", "y", "z"]

    def observation_space(self, agent):
        return spaces.Discrete(50)

    def action_space(self, agent):
        return spaces.Discrete(2)

    def observe(self, agent):
        return self.count

    def reset(self, seed=None, options=None):
        self.agents, self.count = list(self.possible_agents), 0
        self.agent_selection = "x"
        for name, value in (("rewards", 0.0), ("_cumulative_rewards", 0.0)):
            setattr(self, name, dict.fromkeys(self.agents, value))
        self.terminations, self.truncations = ({a: False for a in self.agents} for _ in range(2))
        self.infos = {a: {} for a in self.agents}

    def step(self, action):
        me = self.agent_selection
        if self.terminations[me]:
            self._was_dead_step(action)
            return
        self._cumulative_rewards[me] = 0
        self._clear_rewards()
        self.count += action
        if action and self.count % 2 == 0:
            self.rewards[me] = self.count
        if action and self.count >= 3:
            self.terminations[me] = True
        order = [*self.agents, *self.agents]
        self.agent_selection = order[order.index(me) + 1]
        left = [a for a in self.agents if not self.terminations[a]]
        if len(left) == 1:
            self.rewards[left[0]] = 9.0
            self.terminations[left[0]] = True
        self._accumulate_rewards()
        self._deads_step_first()


def test_in_turns_one_may_be_out_before_the_others():
    env = from_pettingzoo(Counting, num_envs=1, max_steps=20)
    env.reset(0)
    turns, paid, alive = [], [], []
    for _ in range(5):
        turns.append(env.available[0].any(-1).tolist())
        _, reward, terminated, _, info = env.step(torch.ones(1, 3, dtype=torch.int64))
        paid.append(reward[0].tolist())
        alive.append(info["alive"][0].tolist())
        if terminated.all():
            break
    # x: 1. y: 2, is paid 2. z: 3, is out. x: 4, is paid 4, is out, and y, the last one, wins.
    assert paid == [[0, 0, 0], [0, 2, 0], [0, 0, 0], [4, 9, 0]]
    assert alive == [[True] * 3, [True] * 3, [True, True, False], [False] * 3]
    yes, no = True, False
    assert turns[:3] == [[yes, no, no], [no, yes, no], [no, no, yes]]
    assert turns[3] == [True, False, True]  # z is gone: nobody asks what it may do


def test_how_many_turns_there_are_must_be_said():
    with pytest.raises(ValueError, match="max_steps must be given: Counting does not say"):
        from_pettingzoo(Counting)


def test_turns_that_are_none_are_played_at_once():
    """An AEC environment made of a parallel one, or that says that it can be one."""
    from mpe2 import simple_spread_v3

    env = from_pettingzoo(simple_spread_v3.env, num_envs=2)
    assert env.max_steps == 25
    env.reset(0)
    env.step(torch.ones(2, 3, dtype=torch.int64))
    assert env.available.all()


# -- numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])
def test_what_is_not_finite_is_refused_with_agent_and_step(bad):
    fine = both(said(), said())
    with pytest.raises(RuntimeError, match=r"b observes .*(nan|inf) in step 0"):
        play([both(said(), said(bad))])
    with pytest.raises(RuntimeError, match=r"a observes .*(nan|inf) in step 2"):
        play([fine, fine, both(said(bad), said())])
    with pytest.raises(RuntimeError, match=r"b is paid .* in step 1"):
        play([fine, both(said(), said(paid=bad))])
    with pytest.raises(RuntimeError, match=r"b observes .* in step 1"):  # the last it ever sees
        play([fine, ("a", {"a": said(), "b": said(bad, term=True)})])


class Odd(gymnasium.Env):
    """Numbers as they come out of other libraries."""

    action_space, max_steps = spaces.Discrete(2), 3

    def __init__(self, kind):
        self.kind = kind
        big = spaces.Box(-9, 9, (3,), np.dtype(">f4"))
        self.observation_space = {
            "big-endian": big,
            "scalar": spaces.Discrete(4, start=1),
            "number": spaces.Box(-9, 9, (), np.float32),
        }.get(kind, spaces.Box(-9, 9, (3,)))

    def _see(self):
        row = np.array([1.0, 2.0, 3.0], np.float32)
        return {
            "reversed": row[::-1],
            "big-endian": row.astype(">f8"),
            "list": [3, 2, 1],
            "scalar": np.array(2),
            "number": np.float64(2.5),
            "tensor": torch.tensor([3.0, 2.0, 1.0]),
        }[self.kind]

    def reset(self, *, seed=None, options=None):
        return self._see(), {}

    def step(self, action):
        paid = {"list": np.array([0.5]), "scalar": np.array(0.5), "tensor": torch.tensor([0.5])}
        return self._see(), paid.get(self.kind, np.float32(0.5)), np.array([False]), False, {}


@pytest.mark.parametrize(
    ("kind", "right"),
    [
        ("reversed", [3, 2, 1]),
        ("big-endian", [1, 2, 3]),
        ("list", [3, 2, 1]),
        ("scalar", [0, 1, 0, 0]),
        ("number", [2.5]),
        ("tensor", [3, 2, 1]),
    ],
)
def test_numbers_of_any_make_arrive(kind, right):
    env = from_gymnasium(lambda: Odd(kind), 2)
    assert env.reset(0).tolist() == [[right]] * 2
    obs, reward, *_ = env.step(torch.zeros(2, 1, dtype=torch.int64))
    assert obs.tolist() == [[right]] * 2 and reward.tolist() == [[0.5]] * 2


@pytest.mark.parametrize("paid", [np.array([1.0, 2.0]), "much", None])
def test_a_reward_that_is_no_number_is_refused(paid):
    with pytest.raises(RuntimeError, match=r"a is paid .* in step 1"):
        play([both(said(), said()), both(said(paid=paid), said())])


def test_what_an_environment_writes_in_place_is_copied():
    class InPlace(gymnasium.Env):
        observation_space, action_space, max_steps = MASKED, spaces.Discrete(3), 4

        def __init__(self):
            self.buffer = {"observation": np.zeros(1, np.float32), "action_mask": np.ones(3)}

        def reset(self, *, seed=None, options=None):
            self.buffer["observation"][:] = 0
            self.buffer["action_mask"][:] = 1
            return self.buffer, {}

        def step(self, action):
            self.buffer["observation"] += 1
            self.buffer["action_mask"][1 + int(self.buffer["observation"][0]) % 2] = 0
            return self.buffer, 0.0, False, False, {}

    env = from_gymnasium(InPlace, 2)
    seen, masks = [env.reset(0)], [env.available]
    for _ in range(2):
        seen.append(env.step(torch.zeros(2, 1, dtype=torch.int64))[0])
        masks.append(env.available)
    assert torch.stack(seen)[:, 1, 0, 0].tolist() == [0, 1, 2]
    assert torch.stack(masks)[:, 1, 0].int().tolist() == [[1, 1, 1], [1, 1, 0], [1, 0, 0]]


# -- makers ---------------------------------------------------------------------------------------


def test_one_object_for_many_environments_is_refused():
    pole, maze, team = (
        gymnasium.make("CartPole-v1"),
        TMaze(length=2, num_envs=1),
        Script([both(said(), said())]),
    )
    inside = pole.unwrapped
    for way_in, make, what in (
        (from_gymnasium, lambda: pole, "CartPoleEnv"),
        (from_gymnasium, lambda: gymnasium.wrappers.TimeLimit(inside, 9), "CartPoleEnv"),
        (from_gymnasium, lambda: to_gymnasium(maze), "TMaze"),
        (from_pettingzoo, lambda: to_pettingzoo(maze), "TMaze"),
        (from_pettingzoo, lambda: team, "Script"),
    ):
        message = f"must make a new environment whenever it is called, got one {what} several"
        with pytest.raises(ValueError, match=message):
            way_in(make, 3, max_steps=6)
    env = from_gymnasium(lambda: pole, 1)  # for one it is no mistake
    env.reset(0)
    env.step(torch.zeros(1, 1, dtype=torch.int64))


def test_numpy_s_whole_numbers_are_whole_numbers():
    make = functools.partial(gymnasium.make, "CartPole-v1")
    with unchecked():
        env = from_gymnasium(
            make, num_envs=np.int64(2), seed=np.uint8(3), max_steps=np.array(7, np.int16)
        )
        assert (env.num_envs, env.max_steps) == (2, 7)
        assert torch.equal(env.reset(np.int32(5)), from_gymnasium(make, 2).reset(5))
        with pytest.raises(ValueError, match="max_steps must be a whole number of at least 1, g"):
            from_gymnasium(make, 2, max_steps=0)
        with pytest.raises(TypeError, match=r"or None, got 1\.5"):
            env.reset(1.5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        ("CartPole-v1", "make_env must be a function that makes an env.*got 'CartPole-v1'"),
        (gymnasium.make("CartPole-v1"), "make_env must be a function that makes an env.*TimeLimit"),
        (tictactoe_v3, "make_env must be a function that makes an env.*got <module 'pettingzoo"),
        (lambda: tictactoe_v3.env, r"make a pettingzoo.ParallelEnv or.* got function$"),
        (lambda: gymnasium.make("CartPole-v1"), "got TimeLimit of gymnasium: use from_gymnasium"),
        (lambda: TMaze(length=2, num_envs=1), "got TMaze of marl_edu$"),
        (lambda: Script([], names=()), "Script of tests has no agents"),
    ],
)
def test_what_makes_no_environment_is_refused_by_name(make, message):
    with unchecked(), pytest.raises(TypeError, match=message):
        from_pettingzoo(make, max_steps=3)


def test_an_environment_must_know_its_agents_beforehand():
    class Unnamed(Script):
        def __init__(self):
            super().__init__([])
            del self.possible_agents

    with pytest.raises(TypeError, match="Unnamed of tests must name all of its agents in possib"):
        from_pettingzoo(Unnamed, max_steps=3)


def test_agents_may_be_called_by_numbers():
    steps = [((7, 8), {7: said(1), 8: said(2)})] * 3
    env = from_pettingzoo(lambda: Script(steps, names=(7, 8)), 1, max_steps=2)
    assert env.agent_names == ["7", "8"] and env.reset(0)[0, :, 0].tolist() == [1, 2]
