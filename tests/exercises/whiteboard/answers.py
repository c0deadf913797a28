"""Answers to the exercises of the interview part, as readers write them."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

INF = float("inf")

# --- scaled dot products --------------------------------------------------------------------------


def attend_by_library(q, k, v, lengths):
    there = torch.arange(k.size(1)).expand(len(k), -1) < lengths.unsqueeze(1)
    rows = (there | (lengths == 0)[:, None]).unsqueeze(1).expand(-1, q.size(1), -1)
    heard = F.scaled_dot_product_attention(q, k, v, attn_mask=rows)
    return heard.masked_fill((lengths == 0)[:, None, None], 0.0)


def attend_by_loops(q, k, v, lengths):
    envs = []
    for b, n in enumerate(lengths.tolist()):
        if n == 0:
            envs.append(v.new_zeros(q.shape[1], v.shape[2]))
        else:
            scores = torch.einsum("qd,kd->qk", q[b], k[b, :n]) / np.sqrt(q.shape[2])
            envs.append(F.softmax(scores, 1) @ v[b, :n])
    return torch.stack(envs)


def attend_by_bias(q, k, v, lengths):
    bias = torch.zeros(k.shape[:2], dtype=q.dtype)
    bias[torch.arange(k.shape[1]) >= lengths[:, None]] = -1e9
    weights = F.softmax(torch.bmm(q, k.mT) * q.shape[-1] ** -0.5 + bias[:, None], dim=2)
    return weights @ v * (lengths > 0)[:, None, None]


def attends(scale=lambda q, k: q.shape[-1] ** 0.5, fill=-INF, dim=-1, upto=0, late=False):
    """A function like the answers, with one thing about it wrong."""

    def answer(q, k, v, lengths):
        scores = torch.einsum("bqd,bkd->bqk", q, k) / scale(q, k)
        there = torch.arange(k.shape[1])[None, None] < lengths[:, None, None] + upto
        if late:
            return torch.where(there, F.softmax(scores, -1), 0.0) @ v
        if fill is not None:
            scores = torch.where(there, scores, fill)
        weights = F.softmax(scores, dim)
        return (torch.nan_to_num(weights) if fill == -INF else weights) @ v

    return answer


def attend_of_nothing(q, k, v, lengths):
    there = torch.arange(k.shape[1]) < lengths[:, None]
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~there[:, None], -INF)
    return torch.softmax(scores, 2) @ v


# --- a GRU ----------------------------------------------------------------------------------------


def gru_by_torch(x, h, W, U, b, c):
    return torch._VF.gru_cell(x, h, W, U, b, c)


def gru_by_slices(x, h, W, U, b, c):
    D = h.shape[1]
    seen, old = F.linear(x, W, b), F.linear(h, U, c)
    gates = (seen[:, : 2 * D] + old[:, : 2 * D]).sigmoid()
    fresh = (seen[:, 2 * D :] + gates[:, :D] * old[:, 2 * D :]).tanh()
    return torch.lerp(fresh, h, gates[:, D:])


def gru_by_agents(x, h, W, U, b, c):
    rows = []
    for e in range(len(x)):
        s, o = (W @ x[e] + b).view(3, -1), (U @ h[e] + c).view(3, -1)
        keep = 1 / (1 + torch.exp(-s[1] - o[1]))
        rows.append((1 - keep) * torch.tanh(s[2] + torch.sigmoid(s[0] + o[0]) * o[2]) + keep * h[e])
    return torch.stack(rows)


def gru(names="rzn", squash=torch.tanh, keep="h", reset="remembered", deaf=False):
    """A function like the answers, with one thing about it wrong."""

    def answer(x, h, W, U, b, c):
        seen = dict(zip(names, F.linear(x, W, b).chunk(3, 1), strict=True))
        old = dict(zip(names, F.linear(h, U, c).chunk(3, 1), strict=True))
        r = torch.sigmoid(seen["r"] + (0 if deaf else 1) * old["r"])
        z = torch.sigmoid(seen["z"] + (0 if deaf else 1) * old["z"])
        inner = {
            "remembered": seen["n"] + r * old["n"],
            "nothing": seen["n"] + old["n"],
            "all": r * (seen["n"] + old["n"]),
            "h": seen["n"] + F.linear(r * h, U[-h.shape[1] :], c[-h.shape[1] :]),
        }[reset]
        n = squash(inner)
        return z * h + (1 - z) * n if keep == "h" else z * n + (1 - z) * h

    return answer


# --- burn-in --------------------------------------------------------------------------------------


def warmed_by_no_grad(x, h, cell, burn_in):
    with torch.no_grad():
        for o in x[:, :burn_in].unbind(1):
            h = cell(o, h)
    found = []
    for o in x[:, burn_in:].unbind(1):
        h = cell(o, h)
        found.append(h.unsqueeze(1))
    return torch.cat(found, 1)


def warmed_by_recursion(x, h, cell, burn_in):
    if burn_in > 0:
        return warmed_by_recursion(x[:, 1:], cell(x[:, 0].data, h.data).data, cell, burn_in - 1)
    h = cell(x[:, 0], h)
    if x.shape[1] == 1:
        return h[:, None]
    return torch.cat([h[:, None], warmed_by_recursion(x[:, 1:], h, cell, 0)], 1)


def warmed_by_flag(x, h, cell, burn_in):
    out = []
    for t in range(x.shape[1]):
        if t == burn_in:
            h = h.detach()
        h = cell(x[:, t], h)
        out += [h] if t >= burn_in else []
    return torch.stack(out, dim=1)


def warmed(skip=False, zero=False, cut=(0,), drop=True, end=lambda h: h):
    """A function like the answers, with one thing about it wrong; cut: steps after the burn-in."""

    def answer(x, h, cell, burn_in):
        h = torch.zeros_like(h) if zero else h
        found = []
        for t in range(burn_in if skip else 0, x.shape[1]):
            if t - burn_in in cut:
                h = h.data
            h = cell(x[:, t], h)
            if t >= burn_in or not drop:
                found.append(h)
        return end(torch.stack(found, 1))

    return answer


# --- the mixer ------------------------------------------------------------------------------------


def mix_by_matmul(q, state, W1, B1, W2, v):
    B, N = q.shape
    w1 = torch.abs(torch.matmul(state, W1)).reshape(B, N, -1)
    hidden_dim = F.elu(torch.bmm(q.unsqueeze(1), w1).squeeze(1) + torch.matmul(state, B1))
    w2 = torch.abs(torch.matmul(state, W2)).unsqueeze(-1)
    return torch.bmm(hidden_dim.unsqueeze(1), w2).view(B) + torch.mv(state, v)


def mix_by_loops(q, state, W1, B1, W2, v):
    teams = []
    for b in range(len(q)):
        w1 = F.linear(state[b], W1.T).abs().unflatten(0, (q.shape[1], -1))
        inner = sum(q[b, n] * w1[n] for n in range(q.shape[1])) + state[b] @ B1
        bent = torch.where(inner > 0, inner, inner.clamp_max(0).exp() - 1)
        teams.append((bent * (state[b] @ W2).abs()).sum() + state[b].dot(v))
    return torch.stack(teams)


def mix_by_signs(q, state, W1, B1, W2, v):
    raw = state @ W1
    w1 = (raw * raw.sign()).view(q.shape[0], q.shape[1], B1.shape[1])
    hidden_dim = nn.ELU()((q[..., None] * w1).sum(1) + state @ B1)
    return torch.einsum("bh,bh->b", hidden_dim, torch.abs(state @ W2)) + (state * v).sum(1)


def mixes(one=torch.abs, two=torch.abs, bias=lambda x: x, bend=F.elu, end=1):
    """A function like the answers, with one thing about it wrong."""

    def answer(q, state, W1, B1, W2, v):
        w1 = one(state @ W1).reshape(len(q), q.shape[1], -1)
        hidden_dim = bend((q.unsqueeze(1) @ w1)[:, 0] + bias(state @ B1))
        return torch.sum(hidden_dim * two(state @ W2), 1) + end * (state @ v)

    return answer


def same(x):
    return x


def mix_of_abs_parameters(q, state, W1, B1, W2, v):
    return mixes(same, same)(q, state, W1.abs(), B1, W2.abs(), v)


def mix_other_view(q, state, W1, B1, W2, v):
    w1 = (state @ W1).abs().view(len(q), B1.shape[1], q.shape[1]).mT
    return (F.elu((q[:, None] @ w1)[:, 0] + state @ B1) * (state @ W2).abs()).sum(1) + state @ v


# --- VDN ------------------------------------------------------------------------------------------


def vdn_by_mse(q, action, reward, q_next, available, terminated, gamma):
    with torch.no_grad():
        best = torch.where(available, q_next, -INF).max(dim=2).values.sum(1)
        y = torch.where(terminated, reward, reward + gamma * best)
    taken = torch.take_along_dim(q, action.unsqueeze(2), 2).squeeze(2).sum(dim=1)
    return F.mse_loss(taken, y)


def vdn_by_loops(q, action, reward, q_next, available, terminated, gamma):
    total = torch.zeros((), dtype=q.dtype)
    for b in range(len(q)):
        taken = sum(q[b, n, action[b, n]] for n in range(q.shape[1]))
        y = reward[b].item()
        if not terminated[b]:
            for n in range(q.shape[1]):
                y += gamma * max(q_next[b, n][available[b, n]].tolist())
        total = total + (taken - y).square()
    return total / len(q)


def vdn_by_one_hot(q, action, reward, q_next, available, terminated, gamma):
    taken = (q * F.one_hot(action, q.shape[-1])).sum((1, 2))
    next_best = (q_next + torch.where(available, 0.0, -1e9).to(q.dtype)).amax(2).sum(1)
    y = reward + gamma * (1 - terminated.to(q.dtype)) * next_best
    return (taken - y.data).pow(2).mean()


def vdn(over="sum", best="own", mask=-INF, ends=True, detach=True, many=False, reduce="mean"):
    """A function like the answers, with one thing about it wrong."""

    def answer(q, action, reward, q_next, available, terminated, gamma):
        taken = q.gather(2, action[:, :, None])[:, :, 0]
        later = q_next if mask is None else torch.where(available, q_next, mask)
        later = later.max(2).values
        if best == "one":
            later = later.max(1).values[:, None] / q.shape[1] + 0 * later
        goes = (1 - terminated.float()).to(q.dtype) if ends else torch.ones_like(reward)
        if over == "each":
            y = reward[:, None] + gamma * goes[:, None] * later
        else:
            join = torch.sum if over == "sum" else torch.mean
            taken, later = join(taken, 1), join(later, 1)
            y = reward * (q.shape[1] if many else 1) + gamma * goes * later
        return F.mse_loss(taken, y.detach() if detach else y, reduction=reduce)

    return answer


# --- the two-step game ----------------------------------------------------------------------------


def belief_by_least_squares(payoff):
    found = []
    for table in payoff.numpy().astype(np.float64):
        A1, A2 = table.shape
        X = [np.r_[np.eye(A1)[i], np.eye(A2)[j]] for i in range(A1) for j in range(A2)]
        parts = np.linalg.lstsq(np.array(X), table.ravel(), rcond=None)[0]
        found.append(parts[:A1].max() + parts[A1:].max())
    return np.array(found)


def belief_by_parts(payoff):
    mean = payoff.mean((1, 2))
    return payoff.mean(2).max(1)[0] + payoff.mean(1).max(1)[0] - mean


def belief_by_loop(payoff):
    out = payoff.new_empty(len(payoff))
    for g, table in enumerate(payoff):
        numbers = [
            table[i].mean() + table[:, j].mean() - table.mean()
            for i in range(table.shape[0])
            for j in range(table.shape[1])
        ]
        out[g] = max(numbers)
    return out


def belief_and_fate(payoff):
    fit = payoff.mean(2)[:, :, None] + payoff.mean(1)[:, None]
    best = fit.flatten(1).argmax(1)
    return payoff.flatten(1)[torch.arange(len(payoff)), best]


# --- the central critic ---------------------------------------------------------------------------


@torch.no_grad()
def target_without_grad(reward, next_obs, terminated, policies, critic, gamma):
    B, N, _ = next_obs.shape
    acts = torch.stack([policies[n](next_obs[:, n]) for n in range(N)], 1)
    q = critic(torch.hstack([next_obs.reshape(B, -1), acts.reshape(B, -1)]))
    return torch.where(terminated, reward, reward + gamma * q)


def target_by_steps(reward, next_obs, terminated, policies, critic, gamma):
    y = []
    for b in range(len(reward)):
        row = [o for o in next_obs[b]]
        row += [policy(next_obs[b, i][None])[0] for i, policy in enumerate(policies)]
        later = 0.0 if terminated[b] else critic(torch.cat(row)[None])[0].item()
        y.append(reward[b].item() + gamma * later)
    return torch.tensor(y, dtype=reward.dtype)


def target_by_float(reward, next_obs, terminated, policies, critic, gamma):
    acts = torch.cat([pi(o) for pi, o in zip(policies, next_obs.unbind(1), strict=True)], dim=1)
    discount = gamma * terminated.logical_not().to(reward.dtype)
    later = critic(torch.cat((next_obs.flatten(1), acts), dim=1)).detach()
    return reward.detach() + discount * later


def central(who=lambda i: i, sees=lambda i: i, lay="obs first", ends=True, gam=None, cut=True):
    """A function like the answers, with one thing about it wrong."""

    def answer(reward, next_obs, terminated, policies, critic, gamma):
        N = next_obs.shape[1]
        acts = [policies[who(i)](next_obs[:, sees(i)]) for i in range(N)]
        obs = list(next_obs.unbind(1))
        if lay == "pairs":
            row = [x for i in range(N) for x in (obs[i], acts[i])]
        else:
            row = obs + acts if lay == "obs first" else acts + obs
        later = critic(torch.cat(row, 1)) * (gamma if gam is None else gam)
        if ends is True:
            y = torch.where(terminated, reward, reward + later)
        else:
            y = reward + later if ends is False else (reward + later).masked_fill(terminated, 0)
        return y.detach() if cut else y

    return answer


# --- Gumbel ---------------------------------------------------------------------------------------


def gumbel_by_scatter(logits, uniform, tau):
    y = F.softmax((logits - (-uniform.log()).log()) / tau, dim=1)
    hard = torch.zeros_like(y).scatter_(1, y.max(1, keepdim=True).indices, 1.0)
    return (hard - y).detach() + y


def gumbel_without_grad(logits, uniform, tau):
    with torch.no_grad():
        g = -torch.log(-torch.log(uniform))
        best = (logits + g).argmax(1)
    y = ((logits + g) / tau).softmax(1)
    return y + (torch.eye(logits.shape[1], dtype=y.dtype)[best] - y).detach()


class _Through(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y):
        return (y == y.amax(-1, keepdim=True)).to(y.dtype)

    @staticmethod
    def backward(ctx, grad):
        return grad


def gumbel_by_function(logits, uniform, tau):
    exponential = -uniform.log()
    y = torch.exp(logits / tau) * exponential ** (-1 / tau)
    return _Through.apply(y / y.sum(-1, keepdim=True))


def gumbel(noise=lambda u: -(-u.log()).log(), tau_is=None, hard=True, through=True):
    """A function like the answers, with one thing about it wrong."""

    def answer(logits, uniform, tau):
        tau = tau if tau_is is None else tau_is
        y = F.softmax((logits + noise(uniform)) / tau, 1)
        x = F.one_hot(y.argmax(1), y.shape[1]).to(y.dtype)
        if not hard:
            return y
        return x + y - y.data if through else x

    return answer


def gumbel_outside(logits, uniform, tau):
    return gumbel(noise=lambda u: -tau * (-u.log()).log())(logits, uniform, tau)


def gumbel_raw(logits, uniform, tau):
    return logits - logits.data + gumbel(through=False)(logits, uniform, tau)


# --- the slow target ------------------------------------------------------------------------------


def follow_by_lerp(target, online, tau):
    rows = torch.empty_like(online)
    for k in range(len(online)):
        target = torch.lerp(target, online[k], tau)
        rows[k] = target
    return rows


def follow_by_numpy(target, online, tau):
    now, rows = target.numpy().copy(), []
    for new in online.numpy():
        now += tau * (new - now)
        rows.append(now.copy())
    return np.array(rows)


def follow_by_weights(target, online, tau):
    K = len(online)
    age = torch.arange(K)[:, None] - torch.arange(K)
    weight = torch.where(age >= 0, tau * (1 - tau) ** age.clamp_min(0).to(online.dtype), 0.0)
    first = (1 - tau) ** torch.arange(1, K + 1, dtype=online.dtype)
    return weight @ online + first[:, None] * target


def follow(a=lambda t: 1 - t, b=lambda t: t, late=False, only_last=False):
    """A function like the answers, with one thing about it wrong."""

    def answer(target, online, tau):
        rows = []
        for new in online:
            rows += [target] if late else []
            target = target * a(tau) + new * b(tau)
            rows += [] if late else [target]
        return rows[-1] if only_last else torch.stack(rows)

    return answer


def follow_in_place(target, online, tau):
    rows = []
    for new in online:
        target.mul_(1 - tau).add_(new, alpha=tau)
        rows.append(target.clone())
    return torch.stack(rows)


# --- PPO ------------------------------------------------------------------------------------------


def ppo_by_where(logp, old_logp, advantage, alive, clip):
    r = torch.exp(logp - old_logp)
    held = ((advantage > 0) & (r > 1 + clip)) | ((advantage < 0) & (r < 1 - clip))
    bound = torch.where(advantage > 0, 1 + clip, 1 - clip) * advantage
    gain = torch.where(held, bound, r * advantage)
    return -torch.where(alive, gain, 0.0).sum() / alive.sum()


def ppo_by_max(logp, old_logp, advantage, alive, clip):
    r = (logp[alive] - old_logp[alive].detach()).exp()
    A = advantage[alive].detach()
    return torch.max(-A * r, -A * torch.clip(r, 1.0 - clip, 1.0 + clip)).mean()


def ppo_by_loop(logp, old_logp, advantage, alive, clip):
    gains = []
    for b, n in alive.nonzero().tolist():
        r, A = torch.exp(logp[b, n] - old_logp[b, n]), advantage[b, n]
        gains.append(torch.min(r * A, torch.clamp(r, 1 - clip, 1 + clip) * A))
    return -sum(gains) / len(gains)


def ppo(pick=torch.min, sign=-1, ratio=lambda new, old: (new - old).exp(), over="alive", low=True):
    """A function like the answers, with one thing about it wrong."""

    def answer(logp, old_logp, advantage, alive, clip):
        r = ratio(logp, old_logp)
        tight = torch.clamp(r, 1 - clip if low else None, 1 + clip)
        gain = pick(r * advantage, tight * advantage)
        if over == "everybody":
            return sign * gain.mean()
        total = gain.masked_fill(~alive, 0).sum()
        return sign * total / (alive.sum() if over == "alive" else alive.numel())

    return answer


def ppo_of_products(logp, old_logp, advantage, alive, clip):
    gain = torch.exp(logp - old_logp) * advantage
    return -torch.min(gain, gain.clip(1 - clip, 1 + clip))[alive].mean()


# --- what if --------------------------------------------------------------------------------------


@torch.no_grad()
def coma_by_loops(q, policy, action):
    out = torch.zeros(q.shape[:2], dtype=q.dtype)
    for b in range(q.shape[0]):
        for n in range(q.shape[1]):
            out[b, n] = q[b, n, action[b, n]] - q[b, n].dot(policy[b, n])
    return out


def coma_by_one_hot(q, policy, action):
    did = F.one_hot(action, q.shape[-1]) - policy
    return torch.einsum("bna,bna->bn", did, q).detach()


def coma_by_matmul(q, policy, action):
    usual = (policy.unsqueeze(2) @ q.unsqueeze(3)).flatten(1)
    return torch.take_along_dim(q, action.unsqueeze(-1), -1).squeeze(-1).data - usual.data


def coma(usual, cut=True, sign=1):
    """A function like the answers, with another idea of what is usual."""

    def answer(q, policy, action):
        taken = q.gather(2, action.unsqueeze(2)).squeeze(2)
        gap = sign * (taken - usual(q, policy))
        return gap.detach() if cut else gap

    return answer


def expected(q, policy):
    return (q * policy).sum(2)


def coma_of_others(q, policy, action):
    others = policy * (1 - F.one_hot(action, q.shape[2]).to(q.dtype))
    return (q.gather(2, action[..., None])[..., 0] - (others * q).sum(2)).detach()


def coma_weighted(q, policy, action):
    weighted = q * policy
    return (weighted.gather(2, action[..., None])[..., 0] - weighted.sum(2)).detach()


# --- the ring -------------------------------------------------------------------------------------


def ring_by_lists(size, next_row, capacity, length, chance):
    full = size == capacity
    in_order = [(next_row + a) % capacity for a in range(capacity)] if full else list(range(size))
    places = size - length + 1
    rows = []
    for c in chance.tolist():
        first = int(c * places)
        rows.append(in_order[first : first + length])
    return torch.tensor(rows)


def ring_by_numpy(size, next_row, capacity, length, chance):
    oldest = next_row if size == capacity else 0
    first = np.floor(chance.numpy() * (size - length + 1)).astype(np.int64)
    return np.mod(oldest + first[:, None] + np.arange(length)[None], capacity)


def ring_by_unfold(size, next_row, capacity, length, chance):
    in_order = (torch.arange(size) + (next_row if size == capacity else 0)) % capacity
    windows = in_order.unfold(0, length, 1)
    return windows[torch.floor(chance * len(windows)).to(torch.int64)]


def ring(places=1, oldest="right", turn=True, floor=torch.floor, back=False, newest=False):
    """A function like the answers, with one thing about it wrong; places: more than size - L."""

    def answer(size, next_row, capacity, length, chance):
        count = size if places == "all" else size - length + places
        first = floor(chance * count).long()
        first = size - length - first if newest else first
        start = next_row if size == capacity else 0
        start = {"right": start, "zero": 0, "head": next_row}[oldest]
        step = torch.arange(length - 1, -1, -1) if back else torch.arange(length)
        if turn:
            return (start + first.unsqueeze(1) + step) % capacity
        return ((start + first).remainder(capacity).unsqueeze(1) + step).clamp(max=capacity - 1)

    return answer


# --- the interval ---------------------------------------------------------------------------------


def interval_by_numpy(scores, drawn, level):
    means = scores.numpy()[drawn.numpy()].mean(-1)
    half = 50 * (1 - level)
    return np.percentile(means, [half, 100 - half])


def interval_by_loop(scores, drawn, level):
    means = torch.stack([scores[row].sum() / len(row) for row in drawn])
    ends = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=scores.dtype)
    return torch.quantile(means, ends)


def interval_by_sorting(scores, drawn, level):
    means = scores.take(drawn).mean(dim=-1).sort().values
    ends = []
    for share in (0.5 - level / 2, 0.5 + level / 2):
        at = share * (len(means) - 1)
        below = int(at)
        above = min(below + 1, len(means) - 1)
        ends.append(means[below] + (at - below) * (means[above] - means[below]))
    return torch.stack(ends)


def interval(of=lambda s, d: s[d].mean(1), ends=lambda level: (0.5 - level / 2, 0.5 + level / 2)):
    """A function like the answers: quantiles of something else, or others."""

    def answer(scores, drawn, level):
        low, high = ends(level)
        values = of(scores, drawn).numpy()
        return np.array([np.quantile(values, low), np.quantile(values, high)])

    return answer


def interval_of_normal(scores, drawn, level):
    from statistics import NormalDist

    means = scores.numpy()[drawn.numpy()].mean(1)
    half = NormalDist().inv_cdf((1 + level) / 2) * means.std()
    return scores.numpy().mean() + np.array([-half, half])


# --- the better one -------------------------------------------------------------------------------


def better_by_loops(ours, theirs):
    wins = torch.zeros(ours.shape[1], dtype=ours.dtype)
    for a in ours:
        for b in theirs:
            wins += torch.where(a > b, 1.0, torch.where(a == b, 0.5, 0.0))
    return wins / (len(ours) * len(theirs))


def better_by_sign(ours, theirs):
    return (1 + np.sign(ours.numpy()[:, None] - theirs.numpy()[None]).mean((0, 1))) / 2


def better_by_scipy(ours, theirs):
    from scipy import stats

    pairs = len(ours) * len(theirs)
    return stats.mannwhitneyu(ours.numpy(), theirs.numpy(), method="asymptotic")[0] / pairs


def better(tie=0.5, turn=False, reduce="mean"):
    """A function like the answers, with one thing about it wrong."""

    def answer(ours, theirs):
        a, b = (theirs, ours) if turn else (ours, theirs)
        wins = torch.zeros(ours.shape[1], dtype=ours.dtype)
        for k in range(len(a)):
            wins += (a[k] > b).sum(0) + tie * (a[k] == b).sum(0)
        return wins / (len(a) * len(b)) if reduce == "mean" else wins

    return answer


# --- everybody's luck -----------------------------------------------------------------------------


def luck_by_distribution(logits, action, gathered, value, beta):
    policy = torch.distributions.Categorical(logits=logits)
    value = value.squeeze(-1)
    actor = -policy.log_prob(action) * (gathered - value.detach())
    critic = 0.5 * F.mse_loss(value, gathered)
    return actor.mean() + critic - beta * policy.entropy().mean()


def luck_by_columns(logits, action, gathered, value, beta):
    p = F.softmax(logits, 1)
    error = gathered.reshape(-1, 1) - value
    taken = p.gather(1, action.unsqueeze(1)).log()
    each = -taken * error.data + error**2 / 2 + beta * (p * p.log()).sum(1, keepdim=True)
    return each.mean()


def luck_by_loop(logits, action, gathered, value, beta):
    loss = torch.zeros((), dtype=logits.dtype)
    for row, a, g, v in zip(logits, action, gathered, value.flatten(), strict=True):
        logp = F.log_softmax(row, 0)
        loss = loss - logp[a] * (g - v).detach() + (g - v) ** 2 / 2
        loss = loss + beta * torch.dot(logp, logp.exp())
    return loss / len(logits)


def luck(weight=None, error=None, actor=-1, bonus=-1, cut=True, half=0.5, reduce=torch.mean):
    """A function like the answers, with one thing about it wrong."""

    def answer(logits, action, gathered, value, beta):
        logp = F.log_softmax(logits, 1)
        taken = logp[torch.arange(len(action)), action]
        right = gathered - value.view(-1)
        w = weight(gathered, value) if weight else right
        e = error(gathered, value) if error else right
        entropy = -torch.einsum("ba,ba->b", logp.exp(), logp)
        actors = actor * taken * (w.detach() if cut else w)
        return reduce(actors) + half * reduce(e**2) + bonus * beta * reduce(entropy)

    return answer


def luck_of_logits(logits, action, gathered, value, beta):
    error = gathered - value.view(-1)
    actor = -(logits[range(len(action)), action] * error.detach()).mean()
    entropy = torch.distributions.Categorical(logits=logits).entropy().mean()
    return actor + error.pow(2).mean() / 2 - beta * entropy


def luck_of_all(logits, action, gathered, value, beta):
    logp = F.log_softmax(logits, 1)
    advantage = gathered - value
    actor = -torch.mean(logp[range(len(action)), action].unsqueeze(1) * advantage.detach())
    return actor + 0.5 * (advantage**2).mean() + beta * (logp.exp() * logp).sum(1).mean()


# --- the hasty agent ------------------------------------------------------------------------------


def hurry_by_masks(reward, done, value, gamma):
    n = reward.size(1)
    going = torch.cumprod((~done).to(reward.dtype), 1)
    before = torch.cat([torch.ones_like(going[:, :1]), going[:, :-1]], 1)
    powers = torch.tensor([gamma**k for k in range(n)], dtype=reward.dtype)
    return (reward * before) @ powers + gamma**n * going[:, -1] * value


def hurry_by_numpy(reward, done, value, gamma):
    target = value.numpy().copy()
    for k in reversed(range(reward.shape[1])):
        target = reward[:, k].numpy() + gamma * target * (1 - done[:, k].numpy())
    return target


def hurry_by_loops(reward, done, value, gamma):
    worth = []
    for rs, ds, v in zip(reward.tolist(), done.tolist(), value.tolist(), strict=True):
        total, weight = 0.0, 1.0
        for r, d in zip(rs, ds, strict=True):
            total += weight * r
            weight *= gamma
            if d:
                break
        else:
            total += weight * v
        worth.append(total)
    return torch.tensor(worth, dtype=reward.dtype)


def hurry(counts="until", keeps="any", first=0, last=lambda n: n):
    """A function like the answers, with one thing about it wrong."""

    def answer(reward, done, value, gamma):
        worth = []
        for rs, ds, v in zip(reward, done, value, strict=True):
            n = len(rs)
            end = ds.tolist().index(True) if ds.any() else n
            counted = {
                "until": range(min(end + 1, n)),
                "before": range(end),
                "all": range(n),
                "not it": [k for k in range(n) if not ds[k]],
            }[counts]
            stops = {"any": end < n, "last": bool(ds[-1]), "never": False}[keeps]
            total = sum((gamma ** (k + first) * rs[k] for k in counted), torch.zeros_like(v))
            worth.append(total + (0 if stops else gamma ** last(n) * v))
        return torch.stack(worth)

    return answer


RIGHT = {
    "dot_product": [attend_by_library, attend_by_loops, attend_by_bias],
    "gru_step": [gru_by_torch, gru_by_slices, gru_by_agents],
    "warm_up": [warmed_by_no_grad, warmed_by_recursion, warmed_by_flag],
    "monotonic_mixer": [mix_by_matmul, mix_by_loops, mix_by_signs],
    "worse_team": [mix_by_matmul, mix_by_loops, mix_by_signs],
    "team_error": [vdn_by_mse, vdn_by_loops, vdn_by_one_hot],
    "two_step_game": [belief_by_least_squares, belief_by_parts, belief_by_loop],
    "central_target": [target_without_grad, target_by_steps, target_by_float],
    "straight_through": [gumbel_by_scatter, gumbel_without_grad, gumbel_by_function],
    "slow_target": [follow_by_lerp, follow_by_numpy, follow_by_weights],
    "clipped_ratio": [ppo_by_where, ppo_by_max, ppo_by_loop],
    "counterfactual": [coma_by_loops, coma_by_one_hot, coma_by_matmul],
    "ring_windows": [ring_by_lists, ring_by_numpy, ring_by_unfold],
    "shared_luck": [luck_by_distribution, luck_by_columns, luck_by_loop],
    "hasty_agent": [hurry_by_masks, hurry_by_numpy, hurry_by_loops],
    "seed_interval": [interval_by_numpy, interval_by_loop, interval_by_sorting],
    "chance_of_better": [better_by_loops, better_by_sign, better_by_scipy],
}

WRONG = {
    "dot_product": [
        ("unscaled", attends(scale=lambda q, k: 1.0)),
        ("scaled_by_d", attends(scale=lambda q, k: q.shape[2])),
        ("scaled_by_keys", attends(scale=lambda q, k: k.shape[1] ** 0.5)),
        ("filling_counts", attends(fill=None)),
        ("filling_scores_zero", attends(fill=0.0)),
        ("mask_after_softmax", attends(late=True)),
        ("mean_of_filling", attends(fill=-1e9)),
        ("nan_of_nothing", attend_of_nothing),
        ("one_key_too_many", attends(upto=1)),
        ("gradient", lambda q, k, v, n: attend_by_bias(q, k, v, n).detach()),
    ],
    "gru_step": [
        ("keep_inverted", gru(keep="n")),
        ("gates_swapped", gru(names="zrn")),
        ("reset_before_the_product", gru(reset="h")),
        ("reset_on_everything", gru(reset="all")),
        ("never_resets", gru(reset="nothing")),
        ("new_is_a_gate", gru(squash=torch.sigmoid)),
        ("gates_deaf_to_memory", gru(deaf=True)),
        ("numpy", lambda *args: gru_by_torch(*args).detach().numpy()),
    ],
    "warm_up": [
        ("gradient_into_burn_in", warmed(cut=())),
        ("burn_in_skipped", warmed(skip=True)),
        ("burn_in_given_back", warmed(drop=False)),
        ("memory_thrown_away", warmed(skip=True, zero=True)),
        ("started_from_nothing", warmed(zero=True)),
        ("cut_one_early", warmed(cut=(-1,))),
        ("cut_one_late", warmed(cut=(1,))),
        ("cut_everywhere", warmed(cut=range(-9, 9))),
        ("nothing_learned", warmed(end=lambda h: h.data)),
    ],
    "monotonic_mixer": [
        ("signed_weights", mixes(same, same)),
        ("second_layer_signed", mixes(two=same)),
        ("first_layer_signed", mixes(one=same)),
        ("parameters_made_positive", mix_of_abs_parameters),
        ("biases_made_positive", mixes(bias=torch.abs)),
        ("clipped_at_zero", mixes(lambda x: x.clamp(min=0), lambda x: x.clamp(min=0))),
        ("relu_for_elu", mixes(bend=torch.relu)),
        ("no_bend", mixes(bend=same)),
        ("agents_and_hidden_swapped", mix_other_view),
        ("last_bias_lost", mixes(end=0)),
        ("plain_sum", lambda q, *rest: torch.sum(q, dim=1)),
        ("value", mixes(F.softplus, F.softplus)),
    ],
    "worse_team": [
        ("second_layer_signed", mixes(two=same)),
        ("first_layer_signed", mixes(one=same)),
        ("signed_weights", mixes(same, same)),
        ("parameters_made_positive", mix_of_abs_parameters),
        ("biases_made_positive", mixes(bias=torch.abs)),
        ("no_bend", mixes(bend=same)),
        ("value", mixes(two=lambda x: x.exp())),
    ],
    "team_error": [
        ("each_for_itself", vdn(over="each")),
        ("mean_of_agents", vdn(over="mean")),
        ("reward_for_each", vdn(many=True)),
        ("target_learns", vdn(detach=False)),
        ("anything_goes", vdn(mask=None)),
        ("masked_with_zero", vdn(mask=0.0)),
        ("end_ignored", vdn(ends=False)),
        ("largest_agent_only", vdn(best="one")),
        ("summed_over_environments", vdn(reduce="sum")),
        ("shape", vdn(reduce="none")),
    ],
    "two_step_game": [
        ("true_maximum", lambda p: p.flatten(1).max(1).values),
        ("mean_counted_twice", lambda p: (p.mean(2)[:, :, None] + p.mean(1)[:, None]).amax((1, 2))),
        ("what_it_will_get", belief_and_fate),
        ("one_agent_only", lambda p: p.mean(2).max(1).values),
        ("worth_at_random", lambda p: p.flatten(1).mean(1)),
        ("cautious", lambda p: p.min(2).values.max(1).values),
        ("shape", lambda p: p.mean(2, keepdim=True) + p.mean(1, keepdim=True)),
    ],
    "central_target": [
        ("one_policy_for_all", central(who=lambda i: 0)),
        ("first_agent_s_eyes", central(sees=lambda i: 0)),
        ("agent_by_agent", central(lay="pairs")),
        ("actions_first", central(lay="acts first")),
        ("end_ignored", central(ends=False)),
        ("reward_lost", central(ends="all of it")),
        ("undiscounted", central(gam=1.0)),
        ("target_learns", central(cut=False)),
        ("raised", lambda r, o, t, policies, critic, g: critic(o.flatten(1))),
    ],
    "straight_through": [
        ("soft_action", gumbel(hard=False)),
        ("noise_missing", gumbel(noise=lambda u: 0)),
        ("inner_log_only", gumbel(noise=lambda u: -u.log())),
        ("noise_with_wrong_sign", gumbel(noise=lambda u: (-u.log()).log())),
        ("uniform_noise", gumbel(noise=lambda u: u)),
        ("no_gradient", gumbel(through=False)),
        ("temperature_forgotten", gumbel(tau_is=1.0)),
        ("noise_after_temperature", gumbel_outside),
        ("gradient_of_the_logits", gumbel_raw),
        ("not_deterministic", lambda x, u, tau: F.gumbel_softmax(x, tau, hard=False)),
    ],
    "slow_target": [
        ("shares_swapped", follow(lambda t: t, lambda t: 1 - t)),
        ("shares_do_not_add_up", follow(lambda t: 1)),
        ("always_from_the_start", lambda target, online, t: torch.lerp(target, online, t)),
        ("one_update_late", follow(late=True)),
        ("copied", follow(lambda t: 0, lambda t: 1)),
        ("never_moves", follow(lambda t: 1, lambda t: 0)),
        ("last_update_only", follow(only_last=True)),
        ("mutated", follow_in_place),
    ],
    "clipped_ratio": [
        ("clipped_only", ppo(pick=lambda free, tight: tight)),
        ("larger_of_both", ppo(pick=torch.max)),
        ("never_clipped", ppo(pick=lambda free, tight: free)),
        ("ratio_upside_down", ppo(ratio=lambda new, old: (old - new).exp())),
        ("wrong_sign", ppo(sign=1)),
        ("difference_for_ratio", ppo(ratio=lambda new, old: new - old)),
        ("gone_agents_count", ppo(over="everybody")),
        ("divided_by_all", ppo(over="slots")),
        ("one_sided", ppo(low=False)),
        ("product_clipped", ppo_of_products),
        ("gradient", lambda *args: ppo()(*args).detach()),
    ],
    "counterfactual": [
        ("no_baseline", coma(lambda q, p: 0)),
        ("best_for_usual", coma(lambda q, p: q.max(2).values)),
        ("even_mean", coma(lambda q, p: q.mean(2))),
        ("team_mean", coma(lambda q, p: expected(q, p).mean(1)[:, None])),
        ("taken_weighted", coma_weighted),
        ("others_only", coma_of_others),
        ("sign_turned", coma(expected, sign=-1)),
        ("advantage_learns", coma(expected, cut=False)),
        ("shape", lambda q, p, a: q.gather(2, a[..., None]) - expected(q, p)[..., None]),
    ],
    "ring_windows": [
        ("across_the_head", ring(places="all")),
        ("oldest_is_row_zero", ring(oldest="zero")),
        ("never_wraps", ring(turn=False)),
        ("last_place_missing", ring(places=0)),
        ("rounded", ring(floor=torch.round)),
        ("begins_at_the_head", ring(oldest="head")),
        ("newest_first", ring(back=True)),
        ("counted_from_the_newest", ring(newest=True)),
        ("dtype", lambda *args: ring()(*args).float()),
    ],
    "shared_luck": [
        ("everybody_s_return", luck_of_all),
        ("actor_by_everybody", luck(weight=lambda g, v: g[:, None] - v)),
        ("critic_by_everybody", luck(error=lambda g, v: g - v)),
        ("advantage_learns", luck(cut=False)),
        ("critic_never_learns", luck(error=lambda g, v: g - v.detach().view(-1))),
        ("no_critic_for_the_actor", luck(weight=lambda g, v: g)),
        ("worse_is_better", luck(actor=1)),
        ("certainty_rewarded", luck(bonus=1)),
        ("logits_for_probabilities", luck_of_logits),
        ("whole_error", luck(half=1)),
        ("value", luck(reduce=torch.sum)),
        ("shape", luck(reduce=lambda x: x)),
    ],
    "hasty_agent": [
        ("rewards_of_the_next_life", hurry(counts="all")),
        ("value_of_the_next_life", hurry(keeps="never")),
        ("no_end_at_all", hurry(counts="all", keeps="never")),
        ("last_step_s_end_only", hurry(keeps="last")),
        ("last_reward_lost", hurry(counts="before")),
        ("ended_step_skipped", hurry(counts="not it")),
        ("value_not_discounted_enough", hurry(last=lambda n: n - 1)),
        ("value_discounted_once", hurry(last=lambda n: 1)),
        ("first_reward_discounted", hurry(first=1)),
        ("shape", lambda *args: hurry()(*args)[:, None]),
    ],
    "seed_interval": [
        ("spread_of_seeds", interval(of=lambda s, d: s)),
        ("rest_on_both_sides", interval(ends=lambda level: (1 - level, level))),
        ("level_halved", interval(ends=lambda level: (level / 2, 1 - level / 2))),
        ("wrong_axis", interval(of=lambda s, d: s[d].mean(0))),
        ("all_draws_together", interval(of=lambda s, d: s[d].view(-1))),
        ("middle_of_draws", interval(of=lambda s, d: torch.from_numpy(np.median(s[d], 1)))),
        ("upper_end_first", interval(ends=lambda level: (0.5 + level / 2, 0.5 - level / 2))),
        ("extremes", interval(ends=lambda level: (0, 1))),
        ("normal_interval", interval_of_normal),
        ("type", lambda *args: tuple(interval_by_loop(*args))),
    ],
    "chance_of_better": [
        ("ties_lost", better(tie=0)),
        ("ties_won", better(tie=1)),
        ("other_way_round", better(turn=True)),
        ("wins_counted", better(reduce="none")),
        ("means_compared", lambda a, b: (1 + torch.sign(a.mean(0) - b.mean(0))) / 2),
        ("against_their_mean", lambda a, b: better()(a, b.mean(0, keepdim=True))),
        ("against_their_best", lambda a, b: better()(a, b.max(0, keepdim=True).values)),
        ("size_of_the_lead", lambda a, b: (a[:, None] - b).mean((0, 1))),
        ("dtype", lambda a, b: (a[:, None] > b).double().mean((0, 1)).half()),
    ],
}
