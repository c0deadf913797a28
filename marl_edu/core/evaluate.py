"""One way to score a policy, trained or scripted: fresh episodes, played to their end."""

import torch
from torch import Tensor

from marl_edu.core.checks import whole_number
from marl_edu.core.ends import is_over, take_step
from marl_edu.core.protocols import Env, Policy


@torch.no_grad()
def play_episodes(env: Env, policy: Policy, episodes: int, seed: int = 10**6) -> dict[str, Tensor]:
    """Play fresh episodes, in batches of the environment's B.

    Args:
        env: where it plays. policy: acts for all agents: `a2c.TeamPolicy(net)`,
            `ppo.TeamPolicy(net)` and `qlearning.GreedyPolicy(net)` make one of a trained network.
        episodes: at least so many.
        seed: of the episodes; by default far from the seeds of training.

    Returns:
        one number an episode, `(n,)` each: `success` (a share, or 0 and 1), `return` (mean over
        agents, each's as `core.ends` says) and `steps` until it terminated.
    """
    whole_number("episodes", episodes, 1)
    found: dict[str, list[Tensor]] = {"success": [], "return": [], "steps": []}
    for batch in range(-(-episodes // env.num_envs)):
        env.reset(seed + batch)
        total = torch.zeros(env.num_envs, device=env.device)
        steps = torch.zeros(env.num_envs, device=env.device)
        while not is_over(env):
            _, outcome, info = take_step(env, policy(env))
            steps += outcome.running
            total += outcome.paid.mean(1)
        found["success"].append(info["success"].float())
        found["return"].append(total)
        found["steps"].append(steps)
    return {key: torch.cat(parts).cpu() for key, parts in found.items()}


def evaluate(env: Env, policy: Policy, episodes: int = 2000, seed: int = 10**6) -> dict[str, float]:
    """The means of `play_episodes`, and the number of `episodes` played."""
    found = play_episodes(env, policy, episodes, seed)
    means = {key: values.double().mean().item() for key, values in found.items()}
    return means | {"episodes": len(found["success"])}
