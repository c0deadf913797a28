"""Answers to the exercises of the chapters, written after their graders, in styles of their own.

WRONG and RIGHT: exercise -> answers.
"""

import numpy as np
import torch
from torch.nn import functional as F

from marl_edu.core.ops import masked_softmax

INF = torch.inf


def pairs(alive):
    return alive[:, :, None] & alive[:, None, :]


def loop_gae(reward, value, left, gamma, lam):
    r, v, d = (x.numpy().astype(float) for x in (reward, value, left))
    out, later = np.zeros_like(r), 0.0
    for t in range(r.shape[1] - 1, -1, -1):
        go = gamma * (1 - d[:, t])
        later = r[:, t] + go * v[:, t + 1] - v[:, t] + lam * go * later
        out[:, t] = later
    return out


def edges_by_sort(score, receiver, n):
    order = receiver.argsort(stable=True)
    parts = [
        part.softmax(0) for part in score[order].split(receiver.bincount(minlength=n).tolist())
    ]
    return torch.cat(parts)[order.argsort()]


def along(Wh, score, edges, softmax=edges_by_sort):
    n = len(Wh)
    weight = torch.zeros(n, n, dtype=Wh.dtype)
    return weight.index_put((edges[1], edges[0]), softmax(score, edges[1], n)) @ Wh


def gru_last_gate_without_bias(z, h, W, U, b, c):
    out = []
    for x in z.unbind(1):
        s, m = (x @ W.T + b).chunk(3, -1), (h @ U.T).chunk(3, -1)
        bias = c.chunk(3)
        r, k = (s[0] + m[0] + bias[0]).sigmoid(), (s[1] + m[1] + bias[1]).sigmoid()
        h = (1 - k) * (s[2] + r * m[2] + bias[2]).tanh() + k * h
        out.append(h)
    return torch.stack(out, 1)


def gru_of_torch(z, h, W, U, b, c, cut=False):
    D = h.shape[-1]
    gru = torch.nn.GRU(z.shape[-1], D, batch_first=True, dtype=z.dtype)
    weights = dict(weight_ih_l0=W, weight_hh_l0=U, bias_ih_l0=b, bias_hh_l0=c)
    return torch.func.functional_call(gru, weights, (z, h[None]))[0]


def lstm_of_torch(x, h, cell, W, U, b):
    one = torch.nn.LSTMCell(x.shape[1], h.shape[1], dtype=x.dtype)
    weights = dict(weight_ih=W, weight_hh=U, bias_ih=b, bias_hh=torch.zeros_like(b))
    return torch.cat(torch.func.functional_call(one, weights, (x, (h, cell))), 1)


def numpy_counts(cells):
    seen = np.zeros(1 + int(cells.max()))
    out = np.empty(len(cells), dtype=np.float32)
    for t, cell in enumerate(cells.numpy()):
        out[t] = 1 / np.sqrt(seen[cell] + 1)
        seen[cell] += 1
    return out


def ages_by_cummax(alive, terminated):
    t = torch.arange(len(alive))[:, None].expand_as(alive)
    goes_on = torch.zeros_like(alive)
    goes_on[1:] = alive[:-1] & ~terminated[:-1]
    start = torch.where(goes_on, 0, t).cummax(0).values
    return torch.where(alive, t - start, -1)


def joint_by_meshgrid(q):
    _, N, A = q.shape
    digits = torch.arange(A**N)[:, None] // A ** torch.arange(N) % A
    return sum(q[:, i, digits[:, i]] for i in range(N))


def numpy_gather(bonus, alive, running, gamma):
    R, out = running.numpy().copy(), []
    for r, here in zip(bonus.numpy(), alive.numpy(), strict=True):
        R = np.where(here, gamma * R + r, R)
        out.append(R.copy())
    return np.array(out)


def scaled_in_numpy(bonus, gamma):
    b = bonus.double().numpy()
    R, seen = np.zeros(b.shape[1]), []
    for r in b:
        R = gamma * R + r
        seen.append(R)
    return b / (np.std(seen) + 1e-8)


def two_row_gae(reward, value, done, gamma, lam=0.95):
    out, later = [], torch.zeros((), dtype=reward.dtype)
    for t in reversed(range(len(reward))):
        go = gamma * (~done[t]).to(reward.dtype)
        later = reward[t] + go * value[t + 1] - value[t] + lam * go * later
        out.append(later)
    return torch.stack(out[::-1])


def both(reward, bonus, ve, vi, done, weight=2.0, ext=0.999, own=0.99, lam=0.95):
    never = torch.zeros_like(done)
    return weight * two_row_gae(reward, ve, done, ext, lam) + two_row_gae(
        bonus, vi, never, own, lam
    )


def fresh(wins, choose=lambda first: first.float().mean(1).argmax()):
    half = wins.shape[1] // 2
    return wins[choose(wins[:, :half]), half:].float().mean()


def hear_pairs(z, W_k, W_v, W_q, alive, scale=0.5, fill=None):
    k, v, q = z @ W_k, z @ W_v, z @ W_q
    s = torch.einsum("bid,bjd->bij", q, k) * k.shape[-1] ** -scale
    if fill is None:
        return masked_softmax(s, pairs(alive)) @ v
    return s.masked_fill(~pairs(alive), fill).softmax(-1) * pairs(alive) @ v


def field_by_powers(adjacency, layers):
    hood = adjacency.double() + torch.eye(len(adjacency), dtype=torch.float64)
    return torch.linalg.matrix_power(hood, layers) > 0.5


def field_too_far(adjacency, layers):
    return field_by_powers(adjacency, min(layers, 4))


def step_count(cells):
    return (cells[:, None] == cells).tril(-1).sum(1).clamp_max(3).add(1).float().rsqrt()


RIGHT = {
    "unpaid": [
        lambda r, alive, ended: np.where(alive.numpy(), r.numpy(), 0),
        lambda r, alive, ended: r.masked_fill(~alive, 0),
        lambda r, alive, ended: torch.where(alive | (ended & alive), r, torch.zeros_like(r)),
    ],
    "masked_attention": [
        lambda s, m: s.masked_fill(~m, -INF).softmax(-1).where(m, 0.0),
        lambda s, m: masked_softmax(s, m),
    ],
    "targeting": [hear_pairs, lambda *a: hear_pairs(*a, fill=-1e6)],
    "mean_of_the_others": [
        lambda z, a: (
            (pairs(a) & ~torch.eye(a.shape[1], dtype=torch.bool)).to(z.dtype)
            @ (z * a[..., None])
            / (a.sum(1) - 1).clamp_min(1)[:, None, None]
        ),
    ],
    "new_driver": [lambda h, c, a: h.masked_fill((c | ~a)[..., None], 0)],
    "leaving_cars": [loop_gae],
    "several_heads": [
        lambda v, a: torch.einsum("bhij,bjhd->bihd", a, v.unflatten(-1, (a.shape[1], -1))).flatten(
            2
        ),
    ],
    "silent_team": [
        lambda m, q, k: (
            masked_softmax(q @ m[..., : q.shape[-1]].mT * q.shape[-1] ** -0.5, k)
            @ m[..., q.shape[-1] :]
        ),
    ],
    "graph_scores": [
        lambda Wh, a: F.leaky_relu(
            torch.cat(
                [
                    x.flatten(0, 1)
                    for x in (Wh[:, None].expand(-1, len(Wh), -1), Wh[None].expand(len(Wh), -1, -1))
                ],
                -1,
            )
            @ a,
            0.2,
        ).view(len(Wh), -1),
    ],
    "graph_layer": [
        lambda h, W, s, adj: masked_softmax(s, adj | torch.eye(len(h), dtype=torch.bool)) @ h @ W,
    ],
    "merge_heads": [
        lambda x, last: x.sum(1) / x.shape[1] if last else F.elu(x).reshape(len(x), -1),
    ],
    "receptive_field": [field_by_powers],
    "edge_softmax": [edges_by_sort],
    "gcn_weights": [
        lambda adj: (
            (hood := torch.where(torch.eye(len(adj), dtype=torch.bool), True, adj).float())
            / torch.outer(hood.sum(1), hood.sum(1)).sqrt()
        ),
    ],
    "wrong_way": [along],
    "time_limit": [
        lambda r, v, end, cut, g: r.numpy() + g * np.where(end.numpy(), 0, v.numpy()),
    ],
    "two_networks": [
        lambda q, t, a: t[
            torch.arange(len(q)), torch.where(a, q, torch.full_like(q, -INF)).argmax(1)
        ].detach(),
    ],
    "lstm_step": [lstm_of_torch],
    "shifted_targets": [
        lambda q, t, r, end, g: (
            r
            + g
            * torch.where(
                end, 0.0, t.detach()[:, 1:].gather(-1, q[:, 1:].argmax(-1)[..., None]).squeeze(-1)
            )
        ).detach(),
    ],
    "only_what_counts": [
        lambda q, t, m: F.smooth_l1_loss(q[m], t[m]),
        lambda q, t, m: F.huber_loss(q[m], t[m].detach()),
    ],
    "trajectories": [ages_by_cummax],
    "forgetful_agent": [gru_of_torch],
    "count_bonus": [numpy_counts, lambda c: numpy_counts(c).astype(np.float64)],
    "inverse_model": [
        lambda f, a, act, W: F.cross_entropy(torch.cat([f, a], 1) @ W, act, reduction="none"),
    ],
    "surprise": [
        lambda p, a, eta: eta * 0.5 * ((p.detach() - a.detach()) ** 2).sum(1),
        lambda p, a, eta: eta / 2 * torch.linalg.vector_norm((p - a).detach(), dim=1) ** 2,
    ],
    "stopped_target": [
        lambda i, p, a, b: (1 - b) * i.mean() + b * (p - a.data).pow(2).sum(1).mean() / 2,
    ],
    "across_the_reset": [
        lambda o, f, d: o[1:].masked_scatter(d[:, None], f[d]),
        lambda o, f, d: np.where(d.numpy()[:, None], f.numpy(), o[1:].numpy()),
    ],
    "bored_explorer": [
        lambda f, act, a, W: (f @ W[: f.shape[1]] + W[f.shape[1] + act] - a).pow(2).sum(1) / 2,
    ],
    "clear_view": [
        lambda o, m, v: torch.minimum(
            torch.maximum((o - m) * v.rsqrt(), -torch.full_like(o, 5)), torch.full_like(o, 5)
        ),
    ],
    "bonus_scale": [scaled_in_numpy],
    "two_streams": [both],
    "exploding_bonus": [numpy_gather],
    "between_rules": [lambda s, t, b: (s.T.sub(t) / (b - t)).T],
    "middle_half": [
        lambda s: s.topk(len(s) - len(s) // 4).values[len(s) // 4 :].mean(),
        lambda s: np.mean(np.sort(s.numpy())[len(s) // 4 : len(s) - len(s) // 4]),
    ],
    "team_values": [joint_by_meshgrid],
    "lucky": [
        fresh,
        lambda w: fresh(w, lambda first: int(np.argmax(first.sum(1).numpy()))),
    ],
}
WRONG = {
    "unpaid": [
        lambda r, alive, ended: r.nan_to_num() * (alive & ~ended),
        lambda r, alive, ended: (r * alive).nan_to_num(0.0, 0.0, 0.0) + 0 * r,
        lambda r, alive, ended: torch.where(alive, r, 0.0).float(),
        lambda r, alive, ended: torch.where(alive, r, 0.0).clamp(-50, 50),
    ],
    "masked_attention": [
        lambda s, m: s.masked_fill(~m, -100).softmax(-1) * m,
        lambda s, m: s.masked_fill(~m, -1e3).softmax(-1) * m,
        lambda s, m: masked_softmax(s.clamp(-30, 30), m),
        lambda s, m: masked_softmax(s, m).detach() + 0 * s,
        lambda s, m: torch.where(m.sum(-1, keepdim=True) > 1, masked_softmax(s, m), 0.0),
    ],
    "targeting": [
        lambda *a: hear_pairs(*a, scale=0.0),
        lambda *a: hear_pairs(*a, fill=-3.0),
        lambda z, k, v, q, a: hear_pairs(z, k, v.clamp(-10, 10), q, a),
    ],
    "mean_of_the_others": [
        lambda z, a: (z * a[..., None]).sum(1, keepdim=True).sub(z) / 2,
        lambda z, a: (z.sum(1, keepdim=True) - z) / max(z.shape[1] - 1, 1) * a[..., None],
    ],
    "new_driver": [
        lambda h, c, a: h * (a ^ c)[..., None],
        lambda h, c, a: h.clamp(-99, 99) * (a & ~c)[..., None],
    ],
    "leaving_cars": [
        lambda r, v, d, g, lam: loop_gae(r, v, d, 0.9, lam),
        lambda r, v, d, g, lam: loop_gae(r, v, d, g, 0.8),
    ],
    "several_heads": [
        lambda v, a: a.mean(1) @ v,
        lambda v, a: torch.cat([a[:, 0] @ part for part in v.chunk(a.shape[1], -1)], -1),
    ],
    "several_rounds": [
        lambda z, listen, c, w, n: torch.tanh(listen(z) @ c + z @ w),
        lambda z, listen, c, w, n: [z := torch.tanh(listen(z) @ c + z @ w) for _ in range(2)][-1],
    ],
    "silent_team": [
        lambda m, q, k: masked_softmax(q @ m[..., : q.shape[-1]].mT, k) @ m[..., q.shape[-1] :],
    ],
    "graph_scores": [
        lambda Wh, a: F.leaky_relu((Wh @ a[: Wh.shape[1]])[:, None] * (Wh @ a[Wh.shape[1] :]), 0.2),
        lambda Wh, a: F.elu((Wh @ a[: Wh.shape[1]])[:, None] + Wh @ a[Wh.shape[1] :]),
    ],
    "graph_layer": [
        lambda h, W, s, adj: masked_softmax(s, adj | adj.T) @ h @ W,
    ],
    "merge_heads": [
        lambda x, last: x.mean(1) if last else F.selu(x.flatten(1)),
        lambda x, last: F.elu(x.flatten(1)),
    ],
    "receptive_field": [field_too_far, lambda adj, n: field_by_powers(adj, 2)],
    "edge_softmax": [
        lambda s, r, n: (
            (s - s.mean()).exp()
            / torch.zeros(n, dtype=s.dtype).index_add(0, r, (s - s.mean()).exp())[r]
        ),
    ],
    "gcn_weights": [
        lambda adj: adj.float() / adj.float().sum(1).clamp_min(1).sqrt(),
        lambda adj: (
            (hood := adj.float().fill_diagonal_(1)) / (hood.sum(0) * hood.sum(1)).sqrt()[:, None]
        ),
    ],
    "wrong_way": [
        lambda Wh, s, e: along(Wh, s, e.flip(0)),
        lambda Wh, s, e: along(Wh.detach(), s, e),
    ],
    "time_limit": [
        lambda r, v, end, cut, g: r + 0.9 * ~end * v,
        lambda r, v, end, cut, g: torch.where(cut, r, r + g * v),
    ],
    "two_networks": [
        lambda q, t, a: t.gather(-1, (q - 40.0 * ~a).argmax(-1, keepdim=True))[:, 0].detach(),
        lambda q, t, a: t.masked_fill(~a, -INF).amax(-1).detach(),
    ],
    "lstm_step": [
        lambda x, h, c, W, U, b: lstm_of_torch(x, h, c, W, U, b.clamp(-3, 3)),
        lambda x, h, c, W, U, b: lstm_of_torch(x, h, c.detach(), W, U, b),
    ],
    "shifted_targets": [
        lambda q, t, r, end, g: (r + g * ~end * t[:, 1:].amax(-1)).detach(),
        lambda q, t, r, end, g: (r + g * ~end * q[:, 1:].amax(-1)).detach(),
    ],
    "only_what_counts": [
        lambda q, t, m: F.smooth_l1_loss(q * m, t * m),
        lambda q, t, m: F.smooth_l1_loss(q[m], t[m], beta=2.0),
    ],
    "trajectories": [
        lambda a, e: torch.where(a, a.long().cumsum(0) - 1, -1),
        lambda a, e: ages_by_cummax(a, e).int(),
    ],
    "forgetful_agent": [
        gru_last_gate_without_bias,
        lambda z, h, *w: gru_of_torch(z, torch.zeros_like(h), *w),
    ],
    "count_bonus": [step_count, lambda c: (c + 1).float().rsqrt()],
    "inverse_model": [
        lambda f, a, act, W: (
            -(torch.cat([f, a], 1) @ W).softmax(1).log().gather(1, act[:, None])[:, 0]
        ),
        lambda f, a, act, W: F.cross_entropy(
            torch.cat([f, a], 1) @ W, act, reduction="none", label_smoothing=0.1
        ),
    ],
    "surprise": [
        lambda p, a, eta: 0.15 * (p - a).detach().square().sum(-1),
        lambda p, a, eta: eta / 2 * (p - a.detach()).square().sum(-1),
    ],
    "stopped_target": [
        lambda i, p, a, b: (0.8 * i + 0.2 * (p - a.detach()).square().sum(-1) / 2).mean(),
        lambda i, p, a, b: (
            (1 - b) * i.detach() + b * (p - a.detach()).square().sum(-1) / 2
        ).mean(),
    ],
    "across_the_reset": [
        lambda o, f, d: f * d[:, None] + o[1:] * ~d[:, None],
        lambda o, f, d: torch.where(d.cummax(0).values[:, None], f, o[1:]),
    ],
    "bored_explorer": [
        lambda f, act, a, W: (f @ W[: f.shape[1]] + W[act] - a).pow(2).sum(1) / 2,
        lambda f, act, a, W: F.mse_loss(f @ W[: f.shape[1]] + W[f.shape[1] + act], a),
    ],
    "clear_view": [
        lambda o, m, v: ((o - m) / v.sqrt()).clamp(-5),
        lambda o, m, v: 5 * torch.tanh((o - m) / v.sqrt() / 5),
        lambda o, m, v: ((o - o.mean(0)) / v.sqrt()).clamp(-5, 5),
    ],
    "bonus_scale": [
        lambda b, g: scaled_in_numpy(b, 0.9),
        lambda b, g: b / (b.cumsum(0).std(correction=0) + 1e-8),
    ],
    "two_streams": [
        lambda *a: both(*a, lam=1.0),
        lambda *a: both(*a, weight=1.0),
        lambda *a: both(*a, ext=0.99, own=0.999),
    ],
    "exploding_bonus": [
        lambda b, a, r, g: torch.from_numpy(numpy_gather(b, a, r, 0.9)),
        lambda b, a, r, g: torch.from_numpy(numpy_gather(b, a, 0 * r, g)),
    ],
    "between_rules": [
        lambda s, t, b: ((s - t[:, None]) / (b - t)[:, None]).clamp_min(0),
        lambda s, t, b: (s - t[:, None]) / (b - t)[:, None].abs(),
    ],
    "middle_half": [
        lambda s: s.median(),
        lambda s: s.sort().values[round(len(s) / 4) : len(s) - round(len(s) / 4)].mean(),
    ],
    "team_values": [
        lambda q: joint_by_meshgrid(q.flip(1)),
        lambda q: joint_by_meshgrid(q).sort(-1).values,
    ],
    "lucky": [
        lambda w: fresh(w, lambda first: first.float().mean(1).argmin()),
        lambda w: fresh(w, lambda first: 0),
    ],
}
