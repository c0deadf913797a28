"""A policy as the users of Stable-Baselines3 call one: `predict(observation)`."""

from typing import Any

import numpy as np
import torch

from marl_edu.core.protocols import Policy
from marl_edu.envs.base.env import BatchedEnv


class Predictor:
    """A policy with SB3's `predict`; `evaluate_policy` of SB3 takes it for a model.

        env = TrafficJunction(num_envs=1)
        model = Predictor(a2c.TeamPolicy(net), env)
        obs, _ = (adapted := to_gymnasium(env)).reset()
        actions, state = model.predict(obs)

    Args:
        policy: `(env) -> actions (B, N)`. It also decides whether actions are sampled:
            `deterministic` is accepted, and changes nothing.
        env: whose adapters show what is observed: who is alive, and who may hear whom, no
            observation tells, so it is asked of this one.
    """

    def __init__(self, policy: Policy, env: BatchedEnv):
        self.policy, self.env = policy, env

    def predict(
        self,
        observation: np.ndarray,
        state: tuple[np.ndarray, ...] | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = True,
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """The actions for an observation, and the state for the next call.

        Args:
            observation: `(N, O)` or `(B, N, O)`, of one agent `(O,)` or `(B, O)`, as the adapters
                give it.
            state: what the last call returned. None: an episode begins, and the policy forgets what
                it remembered.
            episode_start: `(B,)` bool, where an episode begins.
            deterministic: see above.
        Returns:
            actions `(N,)`, `(B, N)`, or of one agent `()` and `(B,)`; state, for the next call.
        Raises:
            ValueError: an observation of another shape, or of another number of environments.
        """
        env, B, N = self.env, self.env.num_envs, self.env.n_agents
        given = np.asarray(observation, np.float32)
        row = (env.obs_dim,) if N == 1 else (N, env.obs_dim)
        batched = given.ndim == len(row) + 1
        if given.shape != ((B, *row) if batched else row) or not (batched or B == 1):
            raise ValueError(f"observation must have shape {(B, *row)}, got {given.shape}")
        begins = np.zeros(B, bool) if episode_start is None else np.asarray(episode_start, bool)
        begins = begins | (state is None)
        obs = torch.from_numpy(given.reshape(B, N, env.obs_dim)).to(env.device)
        chosen = self.policy(_Seen(env, obs, torch.from_numpy(begins).to(env.device)))
        actions = chosen.cpu().numpy().reshape(B) if N == 1 else chosen.cpu().numpy()
        return actions if batched else np.asarray(actions[0]), (begins & False,)


class _Seen:
    """The environment, with the observation that is given instead of its own.

    `t` is 0 where all begin, as policies that remember ask; where only some do, they count as
    those whose agents have just left.
    """

    def __init__(self, env: BatchedEnv, obs: torch.Tensor, begins: torch.Tensor):
        self._env, self.obs = env, obs
        self.t = 0 if begins.all() else 1
        self.completed = env.completed | begins[:, None]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._env, name)
