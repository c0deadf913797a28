"""The loop of PPO for teams with a memory: play whole episodes, learn several times from windows.

Actor and critic are two networks of the same kind, with a memory each; agents share them, or each
has its own. What the critic sees is for the algorithm to say (algos/mappo.py), and so is the loss.
Without memory, and with one body for actor and critic: ppo.py.

Equations, for agent i:
    z = relu(W_e x + b_e)          x ends in the agent's number i                             (1)
    h = GRU(z, h)                  what it will remember                                      (2)
    pi(a | o_i, h) = softmax(W_pi h)   the actor's x is [o_i ; i]: it acts on what it has seen  (3)
    v = W_v h                      the critic's x may hold more: [o_i ; e ; i]                (4)

A round's episodes are cut into windows of `window` steps. Each is unrolled from the memories that
both networks had there when it was played, and again from those in every epoch, though the weights
move on. A memory begins at 0, and again at 0 behind the end of a trajectory (`core.ends`).

Symbols: o `obs` (B, T+1, N, O) · e `extra` (B, T+1, X) · h `actor_h`, `critic_h` (B, T, N, D) ·
v `value` (B, T+1, N). E windows of L steps. A network reads I numbers of each agent and gives K.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from marl_edu.core.ends import in_time, is_over, take_step
from marl_edu.core.ops import act, log_prob_of
from marl_edu.core.protocols import Env
from marl_edu.training.checkpoint import Row, means


class Recurrent(nn.Module):
    """Eqs. (1), (2) and a last layer: an actor with K = A outputs, a critic with K = 1.

    Args:
        inputs: numbers that an agent sees, less its own number. outputs: K. n_agents: N.
        hidden_dim: D.
    """

    def __init__(self, inputs: int, outputs: int, n_agents: int, hidden_dim: int):
        super().__init__()
        self.encode = nn.Linear(inputs + n_agents, hidden_dim)
        self.memory = nn.GRUCell(hidden_dim, hidden_dim)
        self.last = nn.Linear(hidden_dim, outputs)
        with torch.no_grad():  # start undecided
            self.last.weight.mul_(0.1)
            self.last.bias.zero_()

    def forward(
        self, x: Float[Tensor, "B N I"], h: Float[Tensor, "B N D"]
    ) -> tuple[Float[Tensor, "B N K"], Float[Tensor, "B N D"]]:
        """One step of all agents, numbers included in x: what comes out, and the new memory."""
        z = F.relu(self.encode(x))  # eq. (1)
        h = self.memory(z.flatten(0, 1), h.flatten(0, 1)).view(h.shape)  # eq. (2)
        return self.last(h), h  # eqs. (3), (4)

    def unroll(
        self,
        x: Float[Tensor, "E L N I"],
        h: Float[Tensor, "E N D"],
        terminated: Bool[Tensor, "E L N"],
    ) -> Float[Tensor, "E L N K"]:
        """Read windows in order, from the memories where they start; a new trajectory starts at 0.

        As `forward`, step by step; what needs no memory is done for all steps at once.
        """
        z, found = F.relu(self.encode(x)), []  # eq. (1)
        for t in range(x.shape[1]):
            h = self.memory(z[:, t].flatten(0, 1), h.flatten(0, 1)).view(h.shape)  # eq. (2)
            found.append(h)
            h = h * ~terminated[:, t, :, None]
        return self.last(torch.stack(found, 1))  # eqs. (3), (4)


class PerAgent(nn.Module):
    """A network of its own for every agent, instead of one for all.

    A loop over agents: with three of them it takes half the time of torch.vmap, which has no rule
    for a GRU.
    """

    def __init__(self, nets: list[Recurrent]):
        super().__init__()
        self.nets = nn.ModuleList(nets)

    def forward(
        self, x: Float[Tensor, "B N I"], h: Float[Tensor, "B N D"]
    ) -> tuple[Float[Tensor, "B N K"], Float[Tensor, "B N D"]]:
        """As `Recurrent`."""
        parts = [net(x[:, i : i + 1], h[:, i : i + 1]) for i, net in enumerate(self.nets)]
        out, after = (torch.cat(part, 1) for part in zip(*parts, strict=True))
        return out, after

    def unroll(
        self,
        x: Float[Tensor, "E L N I"],
        h: Float[Tensor, "E N D"],
        terminated: Bool[Tensor, "E L N"],
    ) -> Float[Tensor, "E L N K"]:
        """As `Recurrent`."""
        nets: Any = self.nets
        parts = [
            net.unroll(x[:, :, i : i + 1], h[:, i : i + 1], terminated[:, :, i : i + 1])
            for i, net in enumerate(nets)
        ]
        return torch.cat(parts, 2)


def numbered(*parts: Float[Tensor, "*B N _"]) -> Float[Tensor, "*B N I"]:
    """Everything that an agent sees, and its number, one-hot."""
    first = parts[0]
    number = torch.eye(first.shape[-2], dtype=first.dtype, device=first.device)
    return torch.cat([*parts, number.expand(*first.shape[:-1], -1)], -1)


def critic_input(
    obs: Float[Tensor, "*B N O"], extra: Float[Tensor, "*B X"]
) -> Float[Tensor, "*B N I"]:
    """x of the critic: what the agent sees, what else there is to know, its number."""
    return numbered(obs, extra[..., None, :].expand(*obs.shape[:-1], -1))  # eq. (4)


def nothing(env: Env) -> Float[Tensor, "B 0"]:
    """What a critic is told that sees what its agent sees."""
    return env.obs.new_zeros(env.num_envs, 0)


class Rollout(NamedTuple):
    """One batch of whole episodes; T may be shorter than the environment's, when all have ended."""

    obs: Float[Tensor, "B T1 N O"]  # T1 = T + 1: the last is what is seen after the end
    extra: Float[Tensor, "B T1 X"]
    action: Int[Tensor, "B T N"]
    log_prob: Float[Tensor, "B T N"]
    value: Float[Tensor, "B T1 N"]  # v
    actor_h: Float[Tensor, "B T N D"]  # the memories before each step
    critic_h: Float[Tensor, "B T N D"]
    available: Bool[Tensor, "B T N A"]
    reward: Float[Tensor, "B T N"]  # this and what follows as in `core.ends.Outcome`
    paid: Float[Tensor, "B T N"]
    alive: Bool[Tensor, "B T N"]
    terminated: Bool[Tensor, "B T N"]
    observed: Bool[Tensor, "B T N"]
    running: Bool[Tensor, "B T"]
    success: Float[Tensor, " B"]


@torch.no_grad()
def rollout(
    net: Any,
    env: Env,
    generator: torch.Generator | None,
    extra: Callable[[Env], Float[Tensor, "B X"]] = nothing,
) -> Rollout:
    """Play one episode in every environment.

    Args:
        net: has an `actor`, a `critic` and `start`, their memory before the first step.
        extra: what the critic is told beside the agent's observation.
    """
    seen, more = [env.reset()], [extra(env)]
    actor_h = critic_h = net.start(env.num_envs, env.n_agents)
    logits, values, actions, masks, outcomes, memories = [], [], [], [], [], []
    while not is_over(env):
        memories.append((actor_h, critic_h))
        out, actor_h = net.actor(numbered(seen[-1]), actor_h)
        v, critic_h = net.critic(critic_input(seen[-1], more[-1]), critic_h)
        logits.append(out)
        values.append(v[..., 0])
        masks.append(env.available)
        actions.append(act(out, generator, masks[-1]))
        obs, outcome, info = take_step(env, actions[-1])
        seen.append(obs)
        more.append(extra(env))
        outcomes.append(outcome)
        actor_h, critic_h = (h * ~outcome.terminated[..., None] for h in (actor_h, critic_h))
    values.append(net.critic(critic_input(seen[-1], more[-1]), critic_h)[0][..., 0])
    action, available = torch.stack(actions, 1), torch.stack(masks, 1)
    before = [torch.stack(part, 1) for part in zip(*memories, strict=True)]
    return Rollout(
        obs=torch.stack(seen, 1),
        extra=torch.stack(more, 1),
        action=action,
        log_prob=log_prob_of(torch.stack(logits, 1), action, available)[0],
        value=torch.stack(values, 1),
        actor_h=before[0],
        critic_h=before[1],
        available=available,
        **in_time(outcomes)._asdict(),
        success=info["success"].float(),
    )


def cut(x: Tensor, window: int) -> Tensor:
    """`(B, T, ...)` into windows `(B W, L, ...)`; the last one of an episode is filled with 0."""
    length = min(window, x.shape[1])
    x = torch.cat([x, x.new_zeros(len(x), -x.shape[1] % length, *x.shape[2:])], 1)
    return x.unflatten(1, (-1, length)).flatten(0, 1)


def update(
    net: Any,
    batch: Any,
    loss: Callable[[Any, Any, Any], tuple[Tensor, Row]],
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    cfg: Any,
) -> Row:
    """`epochs` passes over the windows, `minibatches` steps each; returns the mean losses.

    Args:
        batch: a named tuple of tensors `(E, ...)`. loss: of `(net, part of the batch, cfg)`.
    """
    rows = []
    for _ in range(cfg.epochs):
        order = torch.randperm(len(batch.action), generator=generator)
        for index in order.chunk(cfg.minibatches):
            total, row = loss(net, type(batch)(*(part[index] for part in batch)), cfg)
            optimizer.zero_grad()
            total.backward()
            for part in (net.actor, net.critic):
                nn.utils.clip_grad_norm_(part.parameters(), cfg.max_grad_norm)
            optimizer.step()
            rows.append(row)
    return means(rows)


class TeamPolicy:
    """A trained team as a policy; it remembers from one step to the next. No critic is asked.

    Args:
        net: the team. greedy: take the most likely actions instead of sampling.
        seed: of the sampling.
    """

    def __init__(self, net: Any, greedy: bool = True, seed: int = 10**6):
        self.net = net
        device = next(net.parameters()).device
        self.generator = None if greedy else torch.Generator(device).manual_seed(seed)

    @torch.no_grad()
    def __call__(self, env: Env) -> Tensor:
        """What everybody does now, (B, N)."""
        if env.t == 0:
            self.h = self.net.start(env.num_envs, env.n_agents)
        logits, h = self.net.actor(numbered(env.obs), self.h * ~env.completed[..., None])
        self.h = h * env.alive[..., None]  # an empty slot remembers nothing
        return act(logits, self.generator, env.available)
