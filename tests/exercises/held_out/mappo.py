"""Answers to the exercises of the chapter about central critics, written after their graders.

WRONG and RIGHT: exercise -> answers. Among the wrong ones are some that fail only at an end of what
the page promises.
"""

import numpy as np
import torch
from torch.nn import functional as F


def view(obs, alive, shown=lambda x: x, most=99):
    """The team's part by one matrix product; `most`: agents that are shown."""
    there = torch.diag_embed(alive.to(obs.dtype))
    there[:, most:] = 0
    team = shown(there @ obs).reshape(len(obs), -1)
    return torch.stack([torch.cat([o, team], -1) for o in obs.unbind(1)], 1)


def units(
    returns, alive, mean, var, count, floor=0.01, correction=0, each=lambda x: x, most=np.inf
):
    """By the moments of all returns; `each`: what is done to a new one, `most`: old ones."""
    x, n = each(returns[alive]).double().numpy(), min(count, most)
    first = (n * mean + x.sum()) / (n + len(x))
    second = n * (var + (mean - first) ** 2) + ((x - first) ** 2).sum()
    spread = max((second / max(n + len(x) - correction, 1)) ** 0.5, floor)
    return ((returns.double() - first) / spread).to(returns.dtype)


def fixed_denominator(returns, alive, mean, var, count):
    """The spread has an epsilon added where it should be cut."""
    x = returns[alive].double()
    m = len(x)
    centre = (count * mean + x.sum()) / (count + m)
    second = (count * (var + (mean - centre) ** 2) + ((x - centre) ** 2).sum()) / (count + m)
    return ((returns - centre) / (second.sqrt() + 0.01)).to(returns.dtype)


def clip(value, old, target, alive, c, least=1, gap=torch.square, to=lambda y: y):
    low, high = old - c, old + c
    near = torch.where(value < low, low, torch.where(value > high, high, value))
    worse = torch.stack([gap(value - to(target)), gap(near - to(target))]).max(0).values
    return (worse * alive).sum() / alive.sum().clamp_min(least)


def starts(h, window, keep=lambda x: x, most=99):
    """The memory before every window, out of a table of its steps."""
    B, T = h.shape[:2]
    first = torch.arange(0, T, window).clamp_max(window * most)
    b, t = torch.meshgrid(torch.arange(B), first, indexing="ij")
    return keep(h[b.reshape(-1), t.reshape(-1)])


RIGHT = {
    "critic_view": [view, lambda *a: view(*a).numpy()],
    "return_units": [units, lambda *a: units(*a).numpy()],
    "value_clip": [
        clip,
        lambda v, o, y, a, c: torch.max(
            F.mse_loss(v[a], y[a], reduction="none"),
            F.mse_loss(torch.min(torch.max(v, o - c), o + c)[a], y[a], reduction="none"),
        ).mean(),
    ],
    "borrowed_memories": [starts, lambda h, w: torch.cat([one[::w] for one in h])],
}
WRONG = {
    "critic_view": [
        *(lambda *a, most=most: view(*a, most=most) for most in (2, 3, 4)),
        lambda *a: view(*a, shown=torch.relu),
        lambda *a: view(*a, shown=lambda x: x.flip(1)),
        lambda obs, alive: view(obs, alive[:1].expand_as(alive)),
        lambda obs, alive: view(obs, alive.all(1, True).expand_as(alive)),
        lambda obs, alive: view(obs, alive)[:, :1].expand(-1, obs.shape[1], -1),
    ],
    "return_units": [
        lambda *a: units(*a, correction=1),
        lambda *a: units(*a, floor=1.0),
        lambda *a: units(*a, most=100),
        lambda *a: units(*a, each=lambda x: x.clamp(-5, 5)),
        lambda *a: units(*a, each=lambda x: x[: len(x) // 2 + 1]),
        lambda r, a, mean, var, count: units(r, a, mean, var**0.5, count),
        lambda r, a, mean, var, count: units(r, a, 0.0, var, count),
        lambda *a: units(*a).clamp(-5, 5),
        fixed_denominator,
    ],
    "value_clip": [
        lambda v, o, y, a, c: clip(v, o, y, a, 0.2),
        lambda *a: clip(*a, gap=torch.abs),
        lambda *a: clip(*a, gap=lambda x: x.square() / 2),
        lambda *a: clip(*a, gap=lambda x: F.huber_loss(x, 0 * x, reduction="none", delta=10.0)),
        lambda *a: clip(*a, least=3),
        lambda v, o, y, a, c: clip(v, y, o, a, c),
        lambda v, o, y, a, c: clip(v.detach(), o, y, a, c),
        lambda *a: clip(*a, to=lambda y: y.clamp(-10, 10)),
    ],
    "borrowed_memories": [
        lambda h, w: starts(h, w, most=1),
        lambda h, w: starts(h, w, most=2),
        lambda h, w: starts(h, 2),
        lambda h, w: starts(h, w, keep=lambda x: x.clamp(-20, 20)),
        lambda h, w: starts(h, w, keep=lambda x: x.flip(0)),
        lambda h, w: starts(h, w, keep=lambda x: x.flip(-1)),
        lambda h, w: starts(h, w, keep=torch.tanh),
    ],
}
