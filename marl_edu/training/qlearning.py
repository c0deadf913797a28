"""The loop of DQN and DRQN: act by Q, store what happened, learn from samples of it.

All agents share one network, and each learns as if it were alone. The field calls this independent
Q-learning (IQL) with shared parameters; with DRQN's network, recurrent IQL.

A network gives the value of every action. It may have a memory: `net.start(B, N)` is the memory
before the first step, `(B, N, U)`, and `net(obs, hidden) -> (q, hidden)` is a step of all agents. A
network without memory has U = 0.

Equation:
    a = argmax_a Q(a), or with probability epsilon any action; available actions only      (1)

Symbols: Q `q` (*B, A) · epsilon `epsilon`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from marl_edu.core.ends import in_time, is_over, take_step
from marl_edu.core.ops import epsilon_greedy, linear
from marl_edu.core.protocols import Env
from marl_edu.training.checkpoint import Result, Row, Run
from marl_edu.training.config import Checked, make_env
from marl_edu.training.replay import Episodes


@dataclass(frozen=True)
class Config(Checked):
    """What a run depends on, and nothing else: equal configs give equal numbers."""

    env: Callable[..., Any]  # makes one of `num_envs` and `seed`: a class, a function (`cartpole`)
    env_args: dict[str, Any] = field(default_factory=dict)  # given to `env`, less B and seed
    seed: int = 0  # of all that is drawn: weights, episodes, actions
    updates: int = 4000  # gradient steps (DQN: about 12 million)
    train_freq: float = 8.0  # steps taken, by all agents, per gradient step (DQN: 4)
    num_envs: int = 64  # B, environments side by side (DQN: 1)
    hidden_dim: int = 64  # D, width of the network (DQN and DRQN: 512)
    gamma: float = 0.95  # discount per step (DQN: 0.99)
    reward_scale: float = 1.0  # rewards are multiplied by this first (DQN: cut to [-1, 1])
    lr: float = 2e-3  # Adam's step size at the start, annealed linearly (DQN: RMSProp, 2.5e-4)
    lr_end: float = 0.1  # ... to this share of it (DQN: 1)
    epsilon: float = 1.0  # chance of an action at random, at the start (DQN: 1)
    epsilon_end: float = 0.02  # ... and in the end (DQN: 0.1)
    exploration_fraction: float = 0.5  # share of the run after which it has come down (DQN: 1/50)
    learning_starts: int = 1000  # steps in the replay before the first gradient step (DQN: 50,000)
    target_update_interval: int = 100  # gradient steps between copies to the target (DQN: 10,000)
    max_grad_norm: float = 10.0  # largest norm of the gradient (DRQN: each number cut to 10)
    log_every: int = 40  # gradient steps per row of the log, at least
    checkpoint_every: int = 1000  # gradient steps between two checkpoints, at least


def epsilon_at(cfg: Config, progress: float) -> float:
    """Epsilon when a share `progress` of the run is done."""
    return linear(cfg.epsilon, cfg.epsilon_end, min(1.0, progress / cfg.exploration_fraction))


@torch.no_grad()
def rollout(
    net: Any,
    env: Env,
    epsilon: float = 0.0,
    generator: torch.Generator | None = None,
    seed: int | None = None,
) -> tuple[Episodes, Row]:
    """Play one episode in every environment.

    Returns:
        the episodes of every agent; and `success`, `return` (per agent and episode) and
        `env_steps` (of all environments together, until each has ended).
    """
    obs, available = env.reset(seed), env.available
    hidden = net.start(env.num_envs, env.n_agents)
    seen, masks, actions, remembered, outcomes = [obs], [available], [], [], []
    while not is_over(env):
        q, after = net(obs, hidden)
        actions.append(epsilon_greedy(q, epsilon, available, generator))  # eq. (1)
        remembered.append(hidden)
        obs, outcome, info = take_step(env, actions[-1])
        outcomes.append(outcome)
        seen.append(obs)
        if env.available_changes:
            available = env.available
            masks.append(available)
        hidden = after * ~outcome.terminated[..., None]
    came = in_time(outcomes)
    episodes = Episodes(
        obs=torch.stack(seen, 1),
        action=torch.stack(actions, 1),
        reward=came.reward,
        alive=came.alive,
        terminated=came.terminated,
        hidden=torch.stack(remembered, 1),
        available=torch.stack(masks, 1) if env.available_changes else None,
    )
    total = float(sum(outcome.paid.sum() for outcome in outcomes))
    return episodes, {
        "success": info["success"].float().mean().item(),
        "return": total / env.num_envs / env.n_agents,
        "env_steps": int(came.running.sum()),
    }


def updates_due(run: Run, cfg: Any, taken: int, kept: int) -> int:
    """The gradient steps that are due: one for every `train_freq` steps taken.

    cfg: with `train_freq`, `learning_starts` and `updates`. taken: steps of this round. kept: steps
    in the replay buffer. A remainder stays in the run's backlog.
    """
    if kept < cfg.learning_starts:
        return 0
    run.backlog += taken / cfg.train_freq
    count = min(int(run.backlog), cfg.updates - run.update)
    run.backlog -= count
    return count


def train(
    cfg: Any,
    on_log: Callable[[Row], None] | None,
    checkpoint: str | Path | None,
    build: Callable[[Any, Any], Any],
    make_replay: Callable[[Any, Env, Any], Any],
    sample: Callable[[Any, Any, torch.Generator], Any],
    loss: Callable[[Any, Any, Any, Any], tuple[Tensor, Row]],
    watch: Callable[[Any], Row] | None = None,
) -> Result:
    """Train from scratch, or continue from `checkpoint`.

    Args:
        cfg: the run. on_log: called with every new row of the log.
        checkpoint: file to save to and to go on from; see `Run`.
        build: `(cfg, env)` to the network. make_replay: `(cfg, env, net)` to the replay.
        sample: `(replay, cfg, generator)` to a batch. loss: `(net, target, batch, cfg)` to the
            loss and its parts.
        watch: looks at the network after every round; what it returns is added to the rows.
    Raises:
        ValueError: the checkpoint is damaged or of another config.
    """
    env = make_env(cfg)
    net, target = (build(cfg, env).to(env.device) for _ in range(2))
    target.load_state_dict(net.state_dict())
    replay = make_replay(cfg, env, net)
    optimizer = torch.optim.Adam(net.parameters(), lr=cfg.lr, fused=True)
    generator = torch.Generator(env.device).manual_seed(cfg.seed)
    parts = {"net": net, "target": target, "replay": replay, "optimizer": optimizer}
    run = Run(cfg, on_log, checkpoint, parts, generator, env.generator)

    while run.update < cfg.updates:
        episodes, played = rollout(net, env, epsilon_at(cfg, run.progress), generator)
        replay.add(episodes)
        run.env_steps += int(played.pop("env_steps"))
        metrics: Row = {}
        for _ in range(updates_due(run, cfg, int(episodes.alive.sum()), replay.steps)):
            optimizer.param_groups[0]["lr"] = cfg.lr * linear(1.0, cfg.lr_end, run.progress)
            total, metrics = loss(net, target, sample(replay, cfg, generator), cfg)
            optimizer.zero_grad()
            total.backward()
            nn.utils.clip_grad_norm_(net.parameters(), cfg.max_grad_norm)
            optimizer.step()
            run.update += 1
            if run.update % cfg.target_update_interval == 0:
                target.load_state_dict(net.state_dict())
        metrics |= watch(net) if watch else {}
        run.log(played, {"epsilon": epsilon_at(cfg, run.progress), **metrics})
        run.save()
    return run.result(net)


class GreedyPolicy:
    """Trained Q-learners as a policy: the action of the highest value, with their memory."""

    def __init__(self, net: Any):
        self.net = net

    @torch.no_grad()
    def __call__(self, env: Env) -> Tensor:
        """The actions of all agents, `(B, N)`."""
        if env.t == 0:
            self.hidden = self.net.start(env.num_envs, env.n_agents)
        q, after = self.net(env.obs, self.hidden * ~env.completed[..., None])
        self.hidden = after * env.alive[..., None]
        return epsilon_greedy(q, 0.0, env.available)
