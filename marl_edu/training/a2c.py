"""The loop of all teams that communicate, and the baseline of those that do not.

Every agent is driven by the same small recurrent network, trained by advantage actor-critic with a
critic that sees the whole team. The field calls this parameter-shared MAA2C: centralised training,
decentralised execution (CTDE). CommNet, TarMAC and GAT are this file with a communication module
instead of `NoCommunication`.

Equations:
    z_t = relu(W_e o_t + W_r h_{t-1})        what the agent knows: it sees, it remembers     (1)
    z'_t = communicate(z_t)                  what it knows once it has listened              (2)
    h_t = GRU(z'_t, h_{t-1})                 what it will remember                           (3)
    pi(a | h_t) = softmax(W_pi h_t)          how it acts: over the actions it has            (4)
    V_t = w_V . [h_t ; mean of all living h_t]    how the team's critic rates its prospects  (5)
    L = -A log pi(a) + c_V (A + V' - V)^2 - c_H H(pi)   averaged over living agents and steps  (6)
A is the generalised advantage of each agent's own reward (ops.gae), V' the value it was made with.

Symbols: o `obs` (B, N, O) · z `z` (B, N, D) · h `h` (B, N, D) · pi `logits` (B, N, A) ·
V `value` (B, T+1, N) · A `advantage` (B, T, N) · c_V `vf_coef` · c_H `ent_coef`.

Differences from A3C (arXiv 1602.01783):
    - One synchronous batch of environments instead of asynchronous workers; Adam.
    - Generalised advantages (arXiv 1506.02438), normalised over living agents.
    - A critic that sees the whole team.
    - An entropy bonus that starts 30 times larger and is annealed. With the usual 0.01 every car
      learns to drive on, whatever it hears (see the chapter's pitfalls).

Chapter: book/chapters/tarmac.ipynb.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from marl_edu.core.ends import in_time, take_step
from marl_edu.core.ops import act, gae, linear, log_prob_of, masked_mean, masked_normalise
from marl_edu.core.protocols import Env
from marl_edu.training.checkpoint import Result, Row, Run
from marl_edu.training.config import Checked, make_env


@dataclass(frozen=True)
class Config(Checked):
    """What a run depends on, and nothing else: equal configs give equal numbers."""

    env: Callable[..., Any]  # makes one of `num_envs` and `seed`: a class, a function (`cartpole`)
    env_args: dict[str, Any] = field(default_factory=dict)  # given to `env`, less B and seed
    seed: int = 0  # of all that is drawn: weights, episodes, actions
    updates: int = 2000  # gradient steps; each plays one whole episode in every environment
    num_envs: int = 64  # B, environments side by side (TarMAC: 16)
    hidden_dim: int = 64  # D, size of z and of the memory (TarMAC: 128)
    gamma: float = 0.9  # discount per step (TarMAC: 0.99, IC3Net: 1.0)
    gae_lambda: float = 0.8  # lambda of the advantage: 0 one-step error ... 1 whole return
    lr: float = 2e-3  # Adam's step size at the start, annealed linearly (TarMAC: RMSProp, 7e-4)
    lr_end: float = 0.1  # ... to this share of it
    ent_coef: float = 0.3  # c_H at the start, annealed linearly (TarMAC: 0.01 throughout)
    ent_coef_end: float = 0.01  # c_H at the end
    anneal: float = 0.4  # share of the run after which c_H has reached its end
    vf_coef: float = 0.5  # c_V, weight of the critic's loss
    reward_scale: float = 0.1  # rewards are multiplied by this before learning
    max_grad_norm: float = 10.0  # largest norm of the gradient
    detach_every: int = 20  # back-propagation through time is cut every so many steps
    log_every: int = 20  # updates per row of the log
    checkpoint_every: int = 200  # updates between two checkpoints


class NoCommunication(nn.Module):
    """The communication module of those who do not communicate: z' = z, attention 0."""

    def forward(
        self, z: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N N"]
    ) -> tuple[Float[Tensor, "B N D"], Float[Tensor, "B 1 1 N N"]]:
        """Return `(z, attention)`, the attention `(B, 1, 1, N, N)` all zero."""
        return z, torch.zeros_like(mask[:, None, None], dtype=z.dtype)


class Step(NamedTuple):
    """What the network says in one step, and what a reader wants to see of it."""

    logits: Float[Tensor, "B N A"]
    h: Float[Tensor, "B N D"]  # the new memory, zero for empty slots
    attention: Float[Tensor, "B R H N K"]  # of each round; receivers in rows, senders in columns
    log_prob: Float[Tensor, "B N"]  # of what was chosen beside the action (a gate); 0 without


class ActorCritic(nn.Module):
    """One network for all agents.

    Args:
        obs_dim: O. n_actions: A. hidden_dim: D.
        communicate: a module `(z (B, N, D), mask (B, N, N)) -> (z', attention (B, R, H, N, N))`, R
            rounds and H heads. One with a number `nearest` above 0 gets a list of neighbours
            instead of a mask, see `comm_graph`.
    """

    def __init__(self, obs_dim: int, n_actions: int, hidden_dim: int, communicate: nn.Module):
        super().__init__()
        self.encode = nn.Linear(obs_dim, hidden_dim)
        self.recall = nn.Linear(hidden_dim, hidden_dim, bias=False)
        self.communicate = communicate
        self.memory = nn.GRUCell(hidden_dim, hidden_dim)
        self.policy = nn.Linear(hidden_dim, n_actions)
        self.value = nn.Linear(2 * hidden_dim, 1)
        with torch.no_grad():  # start undecided: a confident start is hard to unlearn
            self.policy.weight.mul_(0.1)
            self.policy.bias.zero_()

    def start(self, num_envs: int, n_agents: int) -> Float[Tensor, "B N D"]:
        """The memory before the first observation: zeros."""
        return self.encode.weight.new_zeros(num_envs, n_agents, self.memory.hidden_size)

    def forward(
        self,
        obs: Float[Tensor, "B N O"],
        h: Float[Tensor, "B N D"],
        alive: Bool[Tensor, "B N"],
        generator: torch.Generator | None = None,
        mask: Any = None,
    ) -> Step:
        """One step of the team; empty slots neither speak nor hear.

        Args:
            obs: what each agent sees. h: its memory. alive: which slots hold an agent.
            generator: samples what else there is to choose; None takes what is more likely.
            mask: who may hear whom, from `comm_graph`; None: all the living hear each other.
        """
        if mask is None:
            mask = alive[:, :, None] & alive[:, None, :]
        z = self.know(obs, h)
        z, attention = self.communicate(z, mask)  # eq. (2)
        logits, h = self.decide(z, h, alive)
        return Step(logits, h, attention, torch.zeros_like(h[..., 0]))

    def know(
        self, obs: Float[Tensor, "B N O"], h: Float[Tensor, "B N D"]
    ) -> Float[Tensor, "B N D"]:
        """What each agent knows before anybody speaks."""
        return F.relu(self.encode(obs) + self.recall(h))  # eq. (1)

    def decide(
        self, z: Float[Tensor, "B N D"], h: Float[Tensor, "B N D"], alive: Bool[Tensor, "B N"]
    ) -> tuple[Float[Tensor, "B N A"], Float[Tensor, "B N D"]]:
        """Action scores and the new memory, once everybody has listened."""
        h = self.memory(z.flatten(0, 1), h.flatten(0, 1)).view(h.shape)  # eq. (3)
        h = h * alive[..., None]
        return self.policy(h), h  # eq. (4)

    def comm_graph(self, env: Env) -> Any:
        """Who may hear whom in the environment now: `adjacency()`, a mask (B, N, N).

        Thousands of agents with a few neighbours each would fill the memory with such a mask. A
        communication module that can do without has a number `nearest`. If that is above 0, it
        gets what the environment lists: all `edges()`, or `neighbours(nearest)` as `(nodes (B, N,
        K), mask (B, N, K))`. Then no (N, N) tensor is made.
        """
        nearest = getattr(self.communicate, "nearest", 0)
        if not nearest:
            return env.adjacency()
        listed: Any = env
        if hasattr(env, "edges"):
            return listed.edges()
        if not hasattr(env, "neighbours"):
            raise ValueError(
                f"nearest must be 0 in an environment that does not list neighbours, such as "
                f"{type(env).__name__}, got {nearest}"
            )
        return listed.neighbours(nearest)

    def centralised_value(
        self, h: Float[Tensor, "*B N D"], alive: Bool[Tensor, "*B N"]
    ) -> Float[Tensor, "*B N"]:
        """The value of each agent, from the whole team's memory; in training only, never to act."""
        living = alive.sum(-1, keepdim=True).clamp_min(1)[..., None]
        team = (h.sum(-2, keepdim=True) / living).expand_as(h)  # empty slots hold zeros
        return self.value(torch.cat([h, team], -1)).squeeze(-1)  # eq. (5)


class Episode(NamedTuple):
    """One batch of whole episodes; `log_prob`, `entropy` and `value` carry their gradients."""

    log_prob: Float[Tensor, "B T N"]
    entropy: Float[Tensor, "B T N"]
    value: Float[Tensor, "B T1 N"]  # T1 = T + 1: the last one is of the state after the end
    reward: Float[Tensor, "B T N"]  # this and what follows as in `core.ends.Outcome`
    paid: Float[Tensor, "B T N"]
    alive: Bool[Tensor, "B T N"]
    terminated: Bool[Tensor, "B T N"]
    observed: Bool[Tensor, "B T N"]
    running: Bool[Tensor, "B T"]
    success: Float[Tensor, " B"]


def rollout(
    net: ActorCritic, env: Env, generator: torch.Generator, detach_every: int = 20
) -> Episode:
    """Play one episode in every environment, keeping the graph, so that one forward pass serves
    both acting and learning."""
    obs, alive = env.reset(), env.alive
    h = net.start(env.num_envs, env.n_agents)
    steps, actions, available, outcomes = [], [], [], []
    for t in range(env.max_steps):
        if t % detach_every == 0:
            h = h.detach()
        steps.append(net(obs, h, alive, generator, mask=net.comm_graph(env)))
        available.append(env.available)
        actions.append(act(steps[-1].logits.detach(), generator, available[-1]))
        obs, outcome, info = take_step(env, actions[-1])
        outcomes.append(outcome)
        h, alive = steps[-1].h * ~outcome.terminated[..., None], info["alive"]
    with torch.no_grad():  # the state after a time limit has a value: bootstrap from it
        last = net(obs, h, alive, generator, mask=net.comm_graph(env)).h
    log_prob, entropy = log_prob_of(
        torch.stack([step.logits for step in steps], 1),
        torch.stack(actions, 1),
        torch.stack(available, 1),
    )
    came = in_time(outcomes)
    living = torch.cat([came.alive, alive[:, None]], 1)
    return Episode(
        log_prob=log_prob + torch.stack([step.log_prob for step in steps], 1),
        entropy=entropy,
        value=net.centralised_value(torch.stack([*(step.h for step in steps), last], 1), living),
        **came._asdict(),
        success=info["success"].float(),
    )


def loss(batch: Episode, cfg: Config, ent_coef: float) -> tuple[Tensor, Row]:
    """Eq. (6) on one batch of episodes; `ent_coef` is c_H, which changes as training goes on.

    Returns:
        the scalar loss, and its parts as a dict of floats.
    """
    value = batch.value.detach()
    reward = cfg.reward_scale * batch.reward
    advantage = gae(reward, value, batch.terminated, cfg.gamma, cfg.gae_lambda)
    target = advantage + value[:, :-1]
    advantage = masked_normalise(advantage, batch.alive, eps=1e-6)
    policy_loss = -masked_mean(advantage * batch.log_prob, batch.alive)
    value_loss = masked_mean((target - batch.value[:, :-1]) ** 2, batch.alive)
    entropy = masked_mean(batch.entropy, batch.alive)
    total = policy_loss + cfg.vf_coef * value_loss - ent_coef * entropy  # eq. (6)
    return total, {"entropy": entropy.item(), "value_loss": value_loss.item()}


def build(cfg: Config, env: Env) -> ActorCritic:
    """The network of the baseline: nobody communicates."""
    return ActorCritic(env.obs_dim, env.n_actions, cfg.hidden_dim, NoCommunication())


def train(
    cfg: Config,
    on_log: Callable[[Row], None] | None = None,
    checkpoint: str | Path | None = None,
    build: Callable[[Any, Any], ActorCritic] = build,
) -> Result:
    """Train a team from scratch, or go on from `checkpoint`.

    Args:
        cfg: the run. on_log: called with every new row of the log.
        checkpoint: file to save to and to go on from; see `Run`.
        build: makes the network from `(cfg, env)`; CommNet and TarMAC pass their own.
    Raises:
        ValueError: the checkpoint is damaged or of another config.
    """
    env = make_env(cfg)
    net = build(cfg, env).to(env.device)
    optimizer = torch.optim.Adam(net.parameters(), lr=cfg.lr, fused=True)
    generator = torch.Generator(env.device).manual_seed(cfg.seed)
    parts = {"net": net, "optimizer": optimizer}
    run = Run(cfg, on_log, checkpoint, parts, generator, env.generator)

    while run.update < cfg.updates:
        optimizer.param_groups[0]["lr"] = cfg.lr * linear(1.0, cfg.lr_end, run.progress)
        annealed = min(1.0, run.progress / cfg.anneal)
        ent_coef = linear(cfg.ent_coef, cfg.ent_coef_end, annealed)
        episode = rollout(net, env, generator, cfg.detach_every)
        total, metrics = loss(episode, cfg, ent_coef)
        optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(net.parameters(), cfg.max_grad_norm)
        optimizer.step()
        run.update += 1
        run.env_steps += int(episode.running.sum())
        metrics["success"] = episode.success.mean().item()
        metrics["return"] = (episode.paid.sum() / cfg.num_envs).item() / env.n_agents
        run.log(metrics)
        run.save()
    return run.result(net)


class TeamPolicy:
    """A trained team as a policy; it remembers from one step to the next.

    Args:
        net: the team. greedy: take the most likely actions instead of sampling.
        seed: of the sampling.
    """

    def __init__(self, net: ActorCritic, greedy: bool = True, seed: int = 10**6):
        self.net = net
        device = net.encode.weight.device
        self.generator = None if greedy else torch.Generator(device).manual_seed(seed)

    @torch.no_grad()
    def __call__(self, env: Env) -> Tensor:
        """What everybody does now, (B, N)."""
        if env.t == 0:
            self.h = self.net.start(env.num_envs, env.n_agents)
        h = self.h * ~env.completed[..., None]
        graph = self.net.comm_graph(env)
        step = self.net(env.obs, h, env.alive, self.generator, mask=graph)
        self.h = step.h
        return act(step.logits, self.generator, env.available)
