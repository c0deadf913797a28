"""The two interfaces that everything relies on: an environment, and a policy that plays in it.

Sizes: B environments side by side, N agents, O numbers of an observation, A actions, T steps.
"""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@runtime_checkable
class Env(Protocol):
    """B episodes side by side, in lock-step; what any algorithm may ask of an environment.

    All B episodes start together and the batch takes at most T steps. An episode that ends earlier
    is `terminated` from then on: its state stays as it was, its agents are not alive, its rewards
    are 0. Running out of time is `truncated`; only a termination means that no reward can follow.
    What that means for whoever learns from it, core/ends.py says. What an environment has returned
    it never changes afterwards: loops keep it.
    """

    @property
    def num_envs(self) -> int:
        """B."""

    @property
    def n_agents(self) -> int:
        """N."""

    @property
    def n_actions(self) -> int:
        """A."""

    @property
    def continuous(self) -> bool:
        """Whether an action is A numbers in [0, 1] instead of one of A."""

    @property
    def obs_dim(self) -> int:
        """O."""

    @property
    def max_steps(self) -> int:
        """T."""

    @property
    def device(self) -> torch.device:
        """Of all tensors."""

    @property
    def generator(self) -> torch.Generator:
        """The environment's own source of chance."""

    @property
    def t(self) -> int:
        """Steps taken in this episode; 0 after `reset`."""

    @property
    def obs(self) -> Float[Tensor, "B N O"]:
        """What every agent sees now: what the last `reset` or `step` returned."""

    @property
    def alive(self) -> Bool[Tensor, "B N"]:
        """The slots that hold an agent now."""

    @property
    def completed(self) -> Bool[Tensor, "B N"]:
        """The slots whose agent left in the last step. Such a slot may already hold a newcomer, and
        what is seen and paid there is then the newcomer's."""

    @property
    def running(self) -> Bool[Tensor, " B"]:
        """The episodes that have not terminated."""

    @property
    def available(self) -> Bool[Tensor, "B N A"]:
        """Which actions each agent has now. One that has none does 0."""

    @property
    def available_changes(self) -> bool:
        """Whether `available` may be different in another step or environment."""

    def reset(self, seed: int | None = None) -> Float[Tensor, "B N O"]:
        """Start B fresh episodes, with a seed always the same ones."""

    def step(
        self, actions: Int[Tensor, "B N"] | Float[Tensor, "B N A"]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """Advance by one step: obs `(B, N, O)`, reward `(B, N)`, terminated `(B,)`, truncated
        `(B,)`, and info with `alive` and `completed` `(B, N)` and `success` `(B,)`."""

    def adjacency(self) -> Bool[Tensor, "B N N"]:
        """`[b, i, j]`: i may hear j, itself included."""


# What everybody does now, (B, N); called once a step. One that remembers begins anew where `env.t`
# is 0. A scripted policy may look at more than `env.obs`; what, its name says.
Policy = Callable[[Any], Tensor]
