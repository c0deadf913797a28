"""A batch of ours as a `gymnasium.vector.VectorEnv`: B environments in one step, as they are.

Our environments run in lock-step; Gymnasium's restart one by one. Here they restart one by one,
too: an environment that has ended gets the state of a fresh episode, rows of tensors of a batch
that was started beforehand. Where all end together the whole batch is reset, and is step by step
what `BatchedEnv` makes of the same seed.
"""

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from torch import Tensor

from marl_edu.envs.adapters import convert
from marl_edu.envs.adapters.incoming import AdaptedEnv
from marl_edu.envs.base.env import BatchedEnv

Told = dict[str, Any]
TOLD = ("running", "clock")  # the environment's own accounts, which are corrected here
State = dict[str, Any]  # the attributes that `reset` makes: tensors (B, ...), and tuples of them


class Vector(VectorEnv):
    """What `to_vector` returns.

    One agent: observations `(B, O)`, actions `(B,)`. A team as one: `(B, N, O)` and `(B, N)`, and
    the mean of the rewards; `infos["rewards"]` `(B, N)` has each. Rewards are float32 `(B,)`.
    With one seed the same for the same B, but not for a smaller B.
    """

    def __init__(
        self,
        env: BatchedEnv,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        render_mode: str | None = None,
    ):
        self.env, self.num_envs = env, env.num_envs
        self.layers = [env]
        while inner := vars(self.layers[-1]).get("inner"):
            self.layers.append(inner)
        self.base = self.layers[-1]
        if isinstance(self.base, AdaptedEnv):
            raise TypeError(
                "env must be one of ours: what from_gymnasium and from_pettingzoo make is a vector "
                "environment inside, see its attribute `vector`"
            )
        self.mode = AutoresetMode(autoreset_mode)
        self.render_mode = convert.render_mode(render_mode)
        self.metadata = {**convert.METADATA, "autoreset_mode": self.mode}
        counts = list(env.action_counts)
        seen: spaces.Space[Any] = convert.boxes(env)
        done: spaces.Space[Any] = spaces.MultiDiscrete(counts)
        if env.n_agents == 1:
            seen, done = convert.box(env, env.obs_dim), spaces.Discrete(counts[0])
        self.single_observation_space, self.single_action_space = seen, done
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.ended = np.zeros(self.num_envs, bool)  # in the last step
        self.everybody = np.ones(self.num_envs, bool)
        self.all_running = torch.ones(self.num_envs, dtype=torch.bool, device=env.device)
        self.masks = None if env.available_changes else convert.masks(env)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, Told]:
        """Begin B fresh episodes, or with `options={"reset_mask": (B,) bool}` only those.

        Raises:
            ValueError: a mask of another shape or kind; a seed for some of the environments.
        """
        super().reset(seed=seed)
        mask = (options or {}).get("reset_mask")
        if mask is None:
            self._begin_all(seed)
        else:
            if not isinstance(mask, np.ndarray) or mask.dtype != bool or not mask.any():
                raise ValueError(f"reset_mask must be bool, True somewhere, got {mask!r}")
            if mask.shape != (self.num_envs,):
                raise ValueError(f"reset_mask must be ({self.num_envs},), got {mask.shape}")
            if seed is not None:
                raise ValueError(f"seed must be None where only some begin anew, got {seed!r}")
            self._begin(np.flatnonzero(mask))
        return self._see(), self._infos()

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, Told]:
        """Advance all by one step; with `NEXT_STEP`, those that had ended start an episode instead.

        Raises:
            ValueError, TypeError: bad actions. RuntimeError: before `reset`, or, with `DISABLED`,
                after the end of an environment that was not reset.
        """
        waiting, B = self.ended.nonzero()[0], self.num_envs
        if self.base.t < 0:
            raise RuntimeError("the episodes have not begun: call reset() first")
        if len(waiting) and self.mode == AutoresetMode.DISABLED:
            raise RuntimeError(
                f"environments {waiting.tolist()} are over: call reset() with a reset_mask"
            )
        if len(waiting) == B:
            self._begin_all(None)
            rewards = np.zeros((B, self.env.n_agents), np.float32)
            over, out = np.zeros((2, B), bool)
        else:
            # Who has ended takes the step with the others; what comes of it is overwritten.
            self.base.running = self.all_running
            clock = account(self.base.clock)
            clock[waiting] = 0
            self.base.t = int(clock.max())
            answer = self.env.step(convert.batch(self.env, actions))
            rewards, over, out = map(convert.array, answer[1:4])
            rewards[waiting] = over[waiting] = out[waiting] = 0
            self.ended = over | out
            self._begin(waiting)
        more: Told = {}
        if self.mode == AutoresetMode.SAME_STEP and self.ended.any():
            more = self._final()
            self._begin(self.ended.nonzero()[0])
        paid = rewards[:, 0].copy() if rewards.shape[1] == 1 else rewards.mean(1)
        return self._see(), paid, over, out, self._infos(rewards=rewards) | more

    def render(self) -> tuple[Any, ...] | None:
        """The pictures of all environments; None without a `render_mode`."""
        if self.render_mode is None:
            return None
        pictures = []
        for b in range(self.num_envs):
            self.base.t = int(self.base.clock[b])
            pictures.append(convert.picture(self.env, self.render_mode, b))
        return tuple(pictures)

    # -- beginning anew --------------------------------------------------------------------------

    def _begin_all(self, seed: int | None) -> None:
        before = self._state()
        self.env.reset(seed)
        self.names = [
            [k for k, value in after.items() if value is not old.get(k) and k not in TOLD]
            for old, after in zip(before, self._state(), strict=True)
        ]  # what `reset` has made; the rest is the environment's for good
        self.used = self.num_envs  # of the batch that was begun beforehand: nothing is there yet
        self.ended = np.zeros(self.num_envs, bool)

    def _begin(self, rows: np.ndarray) -> None:
        """Fresh episodes in these rows."""
        if len(rows) == self.num_envs:
            self._begin_all(None)
            return
        self.ended[rows] = False
        account(self.base.running)[rows], account(self.base.clock)[rows] = True, 0
        while len(rows):
            if self.used == self.num_envs:
                self._prepare()
            some = rows[: self.num_envs - self.used]
            part = slice(self.used, self.used + len(some))
            for layer, fresh in zip(self.layers, self.fresh, strict=True):
                now = vars(layer)
                for name, new in fresh.items():
                    now[name] = put(now[name], new, some, part)
            self.used += len(some)
            rows = rows[len(some) :]

    def _prepare(self) -> None:
        """Begin a batch of fresh episodes, put it aside, and leave everything as it is."""
        now = [dict(vars(layer)) for layer in self.layers]
        self.env.reset()
        self.fresh = [
            {name: in_numpy(state[name]) for name in names}
            for names, state in zip(self.names, self._state(), strict=True)
        ]
        info = self.fresh[-1]["info"]  # an attribute, too, is what the first two are
        self.fresh[-1]["info"] = {k: v for k, v in info.items() if k not in convert.ATTRIBUTES}
        for layer, attributes in zip(self.layers, now, strict=True):
            vars(layer).update(attributes)
        self.used = 0

    def _state(self) -> list[State]:
        """Of each layer, what may be rows of B."""
        kinds = (Tensor, tuple, dict)
        return [{k: v for k, v in vars(one).items() if isinstance(v, kinds)} for one in self.layers]

    # -- what is told ----------------------------------------------------------------------------

    def _see(self) -> np.ndarray:
        obs = convert.array(self.env.obs)
        return obs[:, 0] if self.env.n_agents == 1 else obs

    def _infos(self, **more: np.ndarray) -> Told:
        masks = self.masks if self.masks is not None else convert.masks(self.env)
        own = {"action_mask": masks[:, 0] if self.env.n_agents == 1 else masks}
        return marked({**convert.infos(self.env), **own, **more}, self.everybody)

    def _final(self) -> Told:
        """The last observations and infos of who ends here, as Gymnasium's own environments tell
        them."""
        obs = self._see()
        last = np.full(self.num_envs, None, object)
        for b in np.flatnonzero(self.ended):
            last[b] = obs[b]
        info = {k: v for k, v in self._infos().items() if not k.startswith("_")}
        whose = self.ended.copy()
        return marked({"final_obs": last, "final_info": marked(info, whose)}, whose)


def marked(told: Told, whose: np.ndarray) -> Told:
    """Infos as Gymnasium wants them: beside every `key` a `_key` `(B,)`, who has it."""
    return {**told, **{f"_{key}": whose for key in told}}


def account(kept: Tensor) -> Any:
    """What the environment's last `step` or `reset` has made, to be corrected in its place: as an
    array, which is faster, or on a GPU as the tensor itself."""
    return kept.numpy() if kept.is_cpu else kept


def put(old: Any, new: Any, rows: np.ndarray, part: slice) -> Any:
    """`old`, but the rows `rows` of its tensors are the rows `part` of `new`, which is in numpy."""
    if isinstance(new, np.ndarray):
        changed = convert.array(old)
        changed[rows] = new[part]
        return torch.from_numpy(changed) if old.is_cpu else convert.tensor(changed, old.device)
    if isinstance(old, dict):
        return old | {key: put(old[key], value, rows, part) for key, value in new.items()}
    return tuple(put(a, b, rows, part) for a, b in zip(old, new, strict=True))


def in_numpy(state: Any) -> Any:
    """A tensor as an array; of several, each."""
    if isinstance(state, dict):
        return {key: in_numpy(value) for key, value in state.items()}
    return tuple(map(in_numpy, state)) if isinstance(state, tuple) else convert.array(state)
