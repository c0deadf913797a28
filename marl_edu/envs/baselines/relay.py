"""How far information travels: the relay played by agents who tell all they know."""

from functools import partial

import torch
from jaxtyping import Int
from torch import Tensor

from marl_edu.envs.baselines.task import Always, ScriptedPolicy, Task, UniformPolicy
from marl_edu.envs.relay import Relay


class Listen:
    """Everybody passes on all it knows, `rounds` times, and answers what it knows.

    Who knows nothing guesses; who knows several symbols takes one of them.
    """

    def __init__(self, rounds: int, seed: int = 0):
        self.rounds = rounds
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, env: Relay) -> Int[Tensor, "B N"]:
        """What everybody does now."""
        known = env.heard(self.rounds)
        chance = torch.rand(known.shape, generator=self.generator).to(env.device)
        return (known + chance).argmax(-1)


def _task(n_agents: int, hops: int) -> Task:
    return Task(
        key=f"relay{hops}" if n_agents == 64 else f"relay{hops}-{n_agents}",
        name=f"Relay, {hops} hop{'s' * (hops > 1)}, {n_agents:,} agents",
        isolates="scale: the answer is known several hops away" if hops > 1 else "scale: one hop",
        make=partial(Relay, n_agents, hops),
        score="success",
        unit="share of right answers",
        policies=(
            ScriptedPolicy("random", "random", UniformPolicy, exact=1 / 4),
            ScriptedPolicy("always the first symbol", "open-loop", partial(Always, 0), exact=1 / 4),
            *(
                ScriptedPolicy(
                    f"{rounds} round{'s' * (rounds != 1)} of messages",
                    "own view" if rounds == 0 else "shared view",
                    partial(Listen, rounds),
                    exact=1 / 4,
                )
                for rounds in range(hops)
            ),
            ScriptedPolicy(
                f"{hops} round{'s' * (hops > 1)} of messages",
                "best",
                partial(Listen, hops),
                exact=1.0,
            ),
        ),
        show=f"{hops} round{'s' * (hops > 1)} of messages",
        trivial="always the first symbol",
    )


TASKS = (_task(64, 1), _task(64, 2), _task(64, 3), _task(1024, 3))
