"""Wrappers: what they change, and that they change nothing else."""

import copy
import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marl_edu.core.settings import plain as as_stored
from marl_edu.envs import SpeakerProbe, TrafficJunction
from marl_edu.envs.base.env import BatchedEnv
from marl_edu.envs.base.wrappers import AgentId, Flicker
from marl_edu.envs.baselines.task import UniformPolicy
from marl_edu.envs.predator_prey import PredatorPrey
from marl_edu.envs.tmaze import TMaze
from tests.unchecked import unchecked

WORLDS = [
    (TrafficJunction, {"difficulty": "easy"}),
    (SpeakerProbe, {"distractors": 2}),
    (PredatorPrey, {"size": 5}),
    (TMaze, {"length": 2, "n_agents": 3}),
]


def play(env: BatchedEnv, seed: int | None = None, take: int | None = None) -> list:
    """All that is seen of the first `take` environments in one episode of random moves."""
    large = torch.Generator().manual_seed(0)
    obs = [env.reset(seed)[:take]]
    others = [env.alive[:take], env.adjacency()[:take]]
    for _ in range(env.max_steps):
        actions = torch.randint(env.n_actions, (64, env.n_agents), generator=large)
        seen, reward, terminated, truncated, info = env.step(actions[: env.num_envs])
        obs.append(seen[:take])
        others += [x[:take] for x in (reward, terminated, truncated, *info.values())]
        others += [env.alive[:take], env.adjacency()[:take]]
    return [torch.stack(obs), *others]


def same(one: list, other: list) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


class Odd(BatchedEnv):
    """Nothing here is as usual: agents differ, observations are not in [0, 1]."""

    n_agents, n_actions, obs_dim, max_steps = 2, 3, 2, 2
    agent_name = "robot"
    frozen = ("x",)
    obs_sizes = (2, 1)
    action_counts = (3, 2)
    obs_low = torch.tensor([2.0, -torch.inf])
    obs_high = torch.tensor([3.0, -1.0])

    def __init__(self, num_envs: int = 64, device: str = "cpu", seed: int | None = None):
        super().__init__(num_envs, device, seed)

    def _reset(self):
        self.x = self.uniform(2)

    def _step(self, actions):
        self.x = self.uniform(2)
        return self.x, torch.zeros_like(self.running), {"more": self.x}

    def _get_obs(self):
        return torch.stack([2 + self.x, -1 - self.x], -1) * torch.tensor([[1.0, 1], [1, 0]])

    def _success(self):
        return self.x.mean(1)

    def _draw(self, b):
        return f"<svg>{b}</svg>"

    def adjacency(self):
        """Everybody hears itself only."""
        return torch.eye(2, dtype=torch.bool).expand(self.num_envs, 2, 2)


# -- flickering -----------------------------------------------------------------------------------


@pytest.mark.parametrize("env, args", WORLDS, ids=lambda x: getattr(x, "__name__", ""))
def test_flicker_leaves_everything_but_observations_as_it_was(env, args):
    plain = env(**args, num_envs=5, seed=3)
    for p in (0.0, 0.5, 1.0):
        flickering = Flicker(env, p, args, num_envs=5, seed=3)
        plain.generator.manual_seed(3)
        for seed in (None, None, 8):  # also later episodes, which go on with the same generator
            expected, found = play(plain, seed), play(flickering, seed)
            assert same(expected[1:], found[1:])
            if p == 0:
                assert torch.equal(expected[0], found[0])
            elif p == 1:
                assert not found[0].any()
            else:
                blank = (found[0] == 0).all(-1)
                assert torch.equal(found[0], expected[0] * ~blank[..., None])


def test_whole_observations_are_blanked_with_probability_p_each_by_itself():
    env = Flicker(Odd, 0.3, num_envs=4000, seed=0)  # its observations are never all zero
    blank = []
    obs = env.reset()
    for t in range(3):
        assert torch.equal((obs == 0).all(-1), env.blank)
        blank.append(env.blank)
        if t < 2:
            obs = env.step(torch.zeros(4000, 2, dtype=torch.int64))[0]
    blank = torch.stack(blank, -1).flatten(1).double()  # (environments, agents x steps)
    allowed = 4 * (0.21 / 4000) ** 0.5
    assert torch.allclose(blank.mean(0), torch.tensor(0.3).double(), atol=allowed)
    assert (blank.T.corrcoef() - torch.eye(6)).abs().max() < 4 / 4000**0.5


def test_what_is_blanked_has_nothing_to_do_with_the_inner_environments_chances():
    env = Flicker(Odd, 0.5, num_envs=4000, seed=0)
    for seed in range(3):
        env.reset(seed)
        for agent in range(2):
            pair = torch.stack([env.x[:, agent], env.blank[:, agent].float()])
            assert pair.corrcoef()[0, 1].abs() < 4 / 4000**0.5


def test_equal_seeds_give_equal_blanks_and_a_smaller_batch_is_a_slice():
    args = {"size": 5}
    small, large = (Flicker(PredatorPrey, 0.5, args, num_envs=b) for b in (3, 8))
    first = play(small, 5, 3)
    assert same(first, play(small, 5, 3)) and same(first, play(large, 5, 3))
    assert not torch.equal(first[0] == 0, play(small, 6, 3)[0] == 0)


def test_a_second_flicker_has_chances_of_its_own():
    env = Flicker(Flicker, 0.5, {"env": Odd, "p": 0.5}, num_envs=4000, seed=0)
    obs = env.reset()
    assert torch.equal((obs == 0).all(-1), env.blank | env.inner.blank)
    pair = torch.stack([env.blank.flatten(), env.inner.blank.flatten()]).float()
    assert pair.corrcoef()[0, 1].abs() < 4 / 8000**0.5


# -- numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("env, args", WORLDS, ids=lambda x: getattr(x, "__name__", ""))
def test_agent_id_appends_a_one_hot_number_and_changes_nothing_else(env, args):
    expected = play(env(**args, num_envs=4, seed=3))
    named = AgentId(env, args, num_envs=4, seed=3)
    found = play(named)
    N = named.n_agents
    assert same(expected[1:], found[1:])
    assert torch.equal(found[0][..., :-N], expected[0])
    assert (found[0][..., -N:] == torch.eye(N)).all()
    assert found[0].shape[-1] == named.obs_dim == named.inner.obs_dim + N


def test_wrappers_nest_and_their_order_counts():
    args = {"env": TMaze, "env_args": {"length": 1}}
    outside = AgentId(Flicker, {**args, "p": 1.0}, num_envs=2, seed=0)
    assert outside.reset().tolist() == [[[0, 0, 0, 0, 1]]] * 2  # nobody forgets its number
    inside = Flicker(AgentId, 1.0, args, num_envs=2, seed=0)
    assert inside.reset().tolist() == [[[0] * 5]] * 2
    assert inside.obs_dim == outside.obs_dim == 5
    assert outside.blank.all() and outside.length == 1  # read through both


# -- the rest of the contract ---------------------------------------------------------------------


@settings(max_examples=10)
@given(st.sampled_from([(), (Flicker,), (AgentId,), (AgentId, Flicker), (Flicker, AgentId)]))
def test_all_of_the_contract_is_the_inner_environments(wrappers):
    env, plain = Odd(num_envs=3, seed=0), Odd(num_envs=3, seed=0)
    args, outer = {}, Odd
    for wrapper in wrappers:
        args, outer = {"env": outer, "env_args": args}, wrapper
    env = outer(**args, num_envs=3, seed=0)
    assert isinstance(env, BatchedEnv) and env.t == -1
    with pytest.raises(RuntimeError, match="nothing to see yet"):
        env.render()
    for w in (env, plain):
        obs = w.reset(4)
        w.step(torch.ones(3, 2, dtype=torch.int64))
    assert env.t == 1 and env.render(2) == "<svg>2</svg>"
    for name in (
        *("n_agents", "n_actions", "max_steps", "num_envs", "device"),
        *("agent_name", "agent_names", "action_counts", "frozen"),
    ):
        assert getattr(env, name) == getattr(plain, name)
    for name in ("alive", "running", "available", "x"):
        assert torch.equal(getattr(env, name), getattr(plain, name))
    assert torch.equal(env.adjacency(), plain.adjacency())
    assert torch.equal(env.generator.get_state(), plain.generator.get_state())
    policy = UniformPolicy(0)(env)
    assert policy[:, 1].max() < 2
    with pytest.raises(ValueError, match=r"robot_1 has the actions 0\.\.1, got 2"):
        env.step(torch.full((3, 2), 2))
    low, high = env.obs_low, env.obs_high
    obs = env.step(policy)[0]
    assert len(low) == len(high) == env.obs_dim
    assert (obs[:, 0] >= low).all() and (obs[:, 0] <= high).all()


def test_bounds_and_sizes():
    flickering, named = Flicker(Odd, num_envs=1), AgentId(Odd, num_envs=1)
    assert flickering.obs_low.tolist() == [0, -torch.inf]
    assert flickering.obs_high.tolist() == [3, 0]
    assert flickering.obs_sizes == (2, 1)
    assert named.obs_low.tolist() == [2, -torch.inf, 0, 0]
    assert named.obs_high.tolist() == [3, -1, 1, 1]
    assert named.obs_sizes == (4, 4)


def test_a_wrapped_environment_is_made_and_described_like_any_other():
    """As algorithms make environments from their configs, and as checkpoints name them."""
    env_args = {"env": Flicker, "env_args": {"env": TMaze, "p": 0.3}}
    env = AgentId(**env_args, num_envs=4, seed=0)
    assert env.inner.p == 0.3 and env.inner.inner.length == 10
    described = as_stored({"env": AgentId, "env_args": env_args})
    assert json.loads(json.dumps(described)) == {
        "env": "agent-id",
        "env_args": {
            "env": "flicker",
            "env_args": {"env": "t-maze", "p": 0.3},
        },
    }


def test_a_wrapped_environment_can_be_copied_and_goes_on_alike():
    env = Flicker(PredatorPrey, 0.5, num_envs=2, seed=0)
    env.reset()
    twin = copy.deepcopy(env)
    actions = torch.ones(2, 3, dtype=torch.int64)
    assert torch.equal(env.step(actions)[0], twin.step(actions)[0])


# -- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan"), "0.5", None, True])
def test_p_is_a_probability_or_an_error(p):
    with unchecked(), pytest.raises(ValueError, match=r"p must be a number in \[0, 1\], got"):
        Flicker(TMaze, p)


@pytest.mark.parametrize("env", ["TMaze", None, TMaze(num_envs=1)])
def test_an_environment_to_wrap_is_a_class(env):
    with unchecked():
        for wrapper in (Flicker, AgentId):
            with pytest.raises(
                TypeError, match="env must be a class of environments, such as TMaze"
            ):
                wrapper(env)


def test_bad_arguments_of_the_inner_environment_are_named_by_it():
    with unchecked(), pytest.raises(ValueError, match="length must be a whole number"):
        AgentId(TMaze, {"length": 0})
    with pytest.raises(AttributeError, match="nonsense"):
        _ = Flicker(TMaze, num_envs=1).nonsense


@pytest.mark.parametrize("kind", [AgentId, Flicker])
def test_looking_again_shows_the_inner_environment_as_it_is_now(kind):
    """Whoever changes the state by hand sees it: changed as before, and nothing is drawn for it."""
    env = kind(Flicker, env_args={"env": PredatorPrey, "p": 0.3}, num_envs=64, seed=0)
    env.reset(1)
    first, chances = env.obs.clone(), (env.inner.chance, getattr(env, "chance", None))
    assert torch.equal(env.observe(), first)
    env.inner.inner.predators = env.inner.inner.predators.flip(0)
    seen = env.observe()
    assert env.obs is seen and not torch.equal(seen, first)
    blank = env.inner.blank if kind is AgentId else env.inner.blank | env.blank
    right = torch.where(blank[..., None], 0, env.inner.inner.observe())
    assert torch.equal(seen[..., : right.shape[-1]], right)
    assert torch.equal(seen[..., right.shape[-1] :], first[..., right.shape[-1] :])
    assert chances == (env.inner.chance, getattr(env, "chance", None))
