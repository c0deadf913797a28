"""Cooperative navigation (simple_spread, 3 agents) as others wrote it, for
benchmarks/environments.py.

    python benchmarks/peer_environments.py VMAS 1024

This file runs in the peers' own Python and needs nothing of this project. It says `{"ready": ...}`
when it is warm. Then each line of its input is a number of episodes to play, and its answer the
seconds that they took. An episode is a reset and 25 steps of all environments with random actions,
drawn beforehand.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

STEPS = 25
AGENTS = 3

Episode = Callable[[], Any]


def mpe2(batch: int) -> Episode:
    """The original in numpy: one environment, whatever the batch; it has no other way."""
    import numpy as np
    from mpe2 import simple_spread_v3

    env = simple_spread_v3.parallel_env(N=AGENTS, max_cycles=STEPS)
    env.reset(seed=0)
    drawn = np.random.default_rng(0).integers(5, size=(STEPS, AGENTS)).tolist()
    actions = [dict(zip(env.possible_agents, step, strict=True)) for step in drawn]

    def episode() -> None:
        env.reset()
        for action in actions:
            env.step(action)

    return episode


def vmas(batch: int) -> Episode:
    """In torch, environments as an axis."""
    import torch
    from vmas import make_env

    torch.set_num_threads(1)
    env = make_env(
        "simple_spread",
        num_envs=batch,
        device="cpu",
        continuous_actions=False,
        max_steps=STEPS,
        seed=0,
        n_agents=AGENTS,
    )
    n_actions = env.action_space[0].n
    drawn = torch.randint(n_actions, (STEPS, AGENTS, batch, 1))
    actions = [list(step) for step in drawn]

    def episode() -> None:
        env.reset()
        for action in actions:
            env.step(action)

    return episode


def jaxmarl(batch: int, scan: bool) -> Episode:
    """In JAX, compiled: a whole episode at once, or a step at a time as a policy needs it."""
    one_thread = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ |= {"XLA_FLAGS": one_thread, "JAX_PLATFORMS": "cpu"}
    import jax
    from jaxmarl import make

    env = make("MPE_simple_spread_v3", num_agents=AGENTS, num_landmarks=AGENTS)
    of_reset, of_steps, of_actions = jax.random.split(jax.random.PRNGKey(0), 3)
    start_keys = jax.random.split(of_reset, batch)
    keys = jax.random.split(of_steps, (STEPS, batch))
    drawn = jax.random.randint(of_actions, (STEPS, AGENTS, batch), 0, 5)
    actions = {name: drawn[:, i] for i, name in enumerate(env.agents)}
    reset = jax.vmap(env.reset)
    step = jax.vmap(env.step_env)  # `env.step` would also reset at every step

    @jax.jit
    def at_once(start_keys: Any, keys: Any, actions: dict[str, Any]) -> Any:
        def one(made: Any, given: Any) -> Any:
            _, state = made[:2]
            return step(given[0], state, given[1])[:4], None

        observation, state = reset(start_keys)
        # What a step gives is carried on, so that it is made at every step and not stored.
        first = step(keys[0], state, {name: a[0] for name, a in actions.items()})[:4]
        rest = (keys[1:], {name: a[1:] for name, a in actions.items()})
        return observation, jax.lax.scan(one, first, rest)[0]

    if scan:
        return lambda: jax.block_until_ready(at_once(start_keys, keys, actions))

    reset, step = jax.jit(reset), jax.jit(step)
    each = [(keys[t], {name: a[t] for name, a in actions.items()}) for t in range(STEPS)]

    def episode() -> None:
        _, state = reset(start_keys)
        for key, action in each:
            made = step(key, state, action)
            state = made[1]
        jax.block_until_ready(made)

    return episode


# Name: how its episode is made, and the packages that say what was measured.
PEERS: dict[str, tuple[Callable[[int], Episode], tuple[str, ...]]] = {
    "mpe2": (mpe2, ("mpe2", "numpy")),
    "VMAS": (vmas, ("vmas", "torch")),
    "JaxMARL at once": (lambda batch: jaxmarl(batch, scan=True), ("jaxmarl", "jax")),
    "JaxMARL by step": (lambda batch: jaxmarl(batch, scan=False), ("jaxmarl", "jax")),
}


def seconds_of(episode: Episode, times: int) -> float:
    """What so many episodes take."""
    start = time.perf_counter()
    for _ in range(times):
        episode()
    return time.perf_counter() - start


def main(name: str, batch: int) -> None:
    """Say that the peer is ready, then play as many episodes as each line of the input asks for."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # some packages greet on stdout

    def say(what: Any) -> None:
        print(json.dumps(what), file=answers, flush=True)

    make, packages = PEERS[name]
    try:
        episode = make(batch)
        episode()
    except Exception as error:  # whatever it is: environments.py says so and goes on
        say({"error": f"{type(error).__name__}: {error}"})
        return
    say({"ready": {package: version(package) for package in packages}})
    for line in sys.stdin:
        say(seconds_of(episode, int(line)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
