"""Answers to the exercises of the chapter about QMIX, as readers write them."""

import itertools

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

INF = float("inf")


def same(x):
    return x


# --- which steps count ----------------------------------------------------------------------------


def masks_by_numpy(length, ended, steps):
    length, ended = length.numpy()[:, None], ended.numpy()[:, None]
    step = np.arange(steps)[None]
    counts = step < length
    return np.stack([counts, np.where(ended, step < length - 1, counts)])


def masks_by_loop(length, ended, steps):
    counts = torch.zeros(len(length), steps, dtype=torch.bool)
    follows = counts.clone()
    for e in range(len(length)):
        n = int(length[e])
        counts[e, :n] = True
        follows[e, : n - int(ended[e])] = True
    return torch.stack((counts, follows))


def masks_by_lists(length, ended, steps):
    pairs = list(zip(length.tolist(), ended.tolist(), strict=True))
    counts = [[t < n for t in range(steps)] for n, _ in pairs]
    follows = [[t < n and not (end and t == n - 1) for t in range(steps)] for n, end in pairs]
    return torch.tensor([counts, follows])


def masks_by_shift(length, ended, steps):
    ones = torch.ones(len(length), steps, dtype=torch.int64)
    counts = ones.cumsum(1) <= length.unsqueeze(1)
    return torch.stack([counts, ones.cumsum(1) <= (length - ended.long()).unsqueeze(1)])


def masks(inside=lambda t, n: t < n, follows=lambda t, n, end: (t < n) & ~((t == n - 1) & end)):
    """A function like the answers, with one thing about it wrong."""

    def answer(length, ended, steps):
        t, n, end = torch.arange(steps)[None], length[:, None], ended[:, None]
        return torch.stack([inside(t, n).expand(len(n), steps), follows(t, n, end)])

    return answer


# --- each agent for itself ------------------------------------------------------------------------


def actions_by_loop(q, available, explore, chance):
    B, N, A = q.shape
    found = torch.zeros(B, N, dtype=torch.long)
    for b, i in itertools.product(range(B), range(N)):
        there = [a for a in range(A) if available[b, i, a]]
        if explore[b, i]:
            found[b, i] = there[int(chance[b, i] * len(there))]
        else:
            found[b, i] = max(there, key=lambda a: q[b, i, a].item())
    return found


def actions_by_numpy(q, available, explore, chance):
    q, available, explore, chance = (x.numpy() for x in (q, available, explore, chance))
    passed = np.floor(chance * available.sum(-1))[..., None]
    drawn = np.argmax(available & (np.cumsum(available, -1) == passed + 1), -1)
    return np.where(explore, drawn, np.where(available, q, -np.inf).argmax(-1))


def actions_by_sort(q, available, explore, chance):
    order = available.int().sort(dim=-1, descending=True, stable=True).indices
    passed = torch.floor(chance * available.sum(-1)).long()
    drawn = order.gather(-1, passed[..., None]).squeeze(-1)
    best = torch.where(available, q, -INF).max(-1).indices
    return explore * drawn + ~explore * best


def actions(mask=-INF, has=same, draw="number", explores=same, lot=same, swap=False):
    """A function like the answers, with one thing about it wrong."""

    def answer(q, available, explore, chance):
        best = (q if mask is None else torch.where(available, q, mask)).argmax(2)
        there = has(available)
        passed = torch.floor(lot(chance) * there.sum(2)).long()
        drawn = ((there.cumsum(2) == passed[..., None] + 1) & there).int().argmax(2)
        drawn = drawn if draw == "number" else passed
        first, second = (best, drawn) if swap else (drawn, best)
        return torch.where(explores(explore), first, second)

    return answer


def actions_of_the_sum(q, available, explore, chance):
    best = torch.where(available, q, -INF).sum(1).argmax(1)
    return torch.where(explore, actions_by_loop(q, available, explore, chance), best[:, None])


# --- may each choose for itself -------------------------------------------------------------------


def igm_by_loop(q_tot, q1, q2):
    found = []
    for table, one, other in zip(q_tot, q1, q2, strict=True):
        rows = [a for a in range(len(one)) if one[a] == one.max()]
        columns = [b for b in range(len(other)) if other[b] == other.max()]
        found.append(all(table[a, b] == table.max() for a in rows for b in columns))
    return torch.tensor(found)


def igm_by_numpy(q_tot, q1, q2):
    t, a, b = q_tot.numpy(), q1.numpy(), q2.numpy()
    may = (a == a.max(1, keepdims=True))[:, :, None] & (b == b.max(1, keepdims=True))[:, None, :]
    worst = np.where(may, t, np.inf).min((1, 2))
    return worst == t.max((1, 2))


def igm_by_worst(q_tot, q1, q2):
    may = torch.einsum("ga,gb->gab", *((q >= q.max(1)[0][:, None]).double() for q in (q1, q2)))
    worst = torch.where(may > 0, q_tot, INF).amin(2).amin(1)
    return worst >= q_tot.amax(2).amax(1)


def igm_by_count(q_tot, q1, q2):
    G = len(q_tot)
    one, other = q1.eq(q1.max(1, True).values), q2.eq(q2.max(1, True).values)
    may = one.unsqueeze(2).logical_and(other.unsqueeze(1)).view(G, -1)
    flat = q_tot.reshape(G, -1)
    best = flat == flat.max(dim=1, keepdim=True).values
    return (may & best).sum(1) == may.sum(1)


def igm(judge):
    """A function like the answers that looks at the masks of pairs, (G, A1 A2), in its own way."""

    def answer(q_tot, q1, q2):
        one, other = (q == q.max(1, keepdim=True)[0] for q in (q1, q2))
        may = torch.logical_and(one[..., None], other[:, None]).reshape(len(q1), -1)
        flat = q_tot.reshape(len(q1), -1)
        return judge(may, flat == flat.max(1, keepdim=True)[0])

    return answer


def igm_of_first(q_tot, q1, q2):
    flat = q_tot.flatten(1)
    at = q1.argmax(1) * q2.shape[1] + q2.argmax(1)
    return flat.gather(1, at[:, None])[:, 0] == flat.max(1).values


def igm_of_argmax(q_tot, q1, q2):
    """As igm_by_loop, with one best pair of the team."""
    found = []
    for table, one, other in zip(q_tot, q1, q2, strict=True):
        a, b = divmod(int(table.argmax()), table.shape[1])
        rows = (one == one.max()).nonzero()[:, 0].tolist()
        columns = (other == other.max()).nonzero()[:, 0].tolist()
        found.append(rows == [a] and columns == [b])
    return torch.tensor(found)


def igm_by_order(q_tot, q1, q2):
    rising = []
    for table, one, other in zip(q_tot, q1, q2, strict=True):
        table = table[one.argsort()][:, other.argsort()]
        rising.append(bool((table.diff(dim=0) >= 0).all() and (table.diff(dim=1) >= 0).all()))
    return torch.tensor(rising)


def igm_by_means(q_tot, q1, q2):
    rows, columns = q_tot.mean(-1), q_tot.mean(-2)
    return (rows.argmax(1) == q1.argmax(1)) * (columns.argmax(1) == q2.argmax(1))


# --- tried more often -----------------------------------------------------------------------------


def fit_by_numpy(payoff, share):
    G, A1, A2 = payoff.shape
    found = np.empty((G, A1, A2))
    for g in range(G):
        lines, right = [], []
        for a, b in itertools.product(range(A1), range(A2)):
            root = share[g, a, b].item() ** 0.5
            line = np.zeros(A1 + A2)
            line[a] = line[A1 + b] = root
            lines.append(line)
            right.append(root * payoff[g, a, b].item())
        parts = np.linalg.lstsq(np.array(lines), np.array(right), rcond=None)[0]
        found[g] = parts[:A1, None] + parts[None, A1:]
    return found


def fit_by_turns(payoff, share):
    p, n = payoff.double(), share.double()
    f, g = torch.zeros_like(p[:, :, :1]), torch.zeros_like(p[:, :1])
    for _ in range(500):
        f = ((p - g) * n).sum(2, keepdim=True) / n.sum(2, keepdim=True)
        g = ((p - f) * n).sum(1, keepdim=True) / n.sum(1, keepdim=True)
    return (f + g).to(payoff.dtype)


def fit_by_pinv(payoff, share):
    G, A1, A2 = payoff.shape
    who = torch.cartesian_prod(torch.arange(A1), torch.arange(A2)).view(-1, 2)
    X = torch.cat([F.one_hot(who[:, 0], A1), F.one_hot(who[:, 1], A2)], 1).double()
    root = share.double().flatten(1).sqrt().unsqueeze(-1)
    parts = torch.linalg.pinv(root * X) @ (root * payoff.double().flatten(1).unsqueeze(-1))
    return (X @ parts).reshape(G, A1, A2)


def fit_by_lstsq(payoff, share):
    """In the dtype of what is given, with one number more than there need be."""
    tables = []
    for p, n in zip(payoff, share, strict=True):
        A1, A2 = p.shape
        X = torch.zeros(A1, A2, A1 + A2, dtype=p.dtype)
        for a, b in itertools.product(range(A1), range(A2)):
            X[a, b, [a, A1 + b]] = n[a, b] ** 0.5
        parts = torch.linalg.lstsq(X.flatten(0, 1), (n.sqrt() * p).flatten()[:, None]).solution
        tables.append(parts[:A1] + parts[A1:].mT)
    return torch.stack(tables)


def fit_by_normal_equations(payoff, share):
    """Set the derivatives to 0, with the first of agent 2's parts at 0."""
    p, n = payoff.double(), share.double()
    G, A1, A2 = p.shape
    M = torch.zeros(G, A1 + A2, A1 + A2, dtype=torch.float64)
    M[:, :A1, :A1], M[:, A1:, A1:] = torch.diag_embed(n.sum(2)), torch.diag_embed(n.sum(1))
    M[:, :A1, A1:], M[:, A1:, :A1] = n, n.mT
    right = torch.cat([(n * p).sum(2), (n * p).sum(1)], 1)
    keep = [k for k in range(A1 + A2) if k != A1]
    parts = torch.zeros(G, A1 + A2, dtype=torch.float64)
    parts[:, keep] = torch.linalg.solve(M[:, keep][:, :, keep], right[:, keep])
    return (parts[:, :A1, None] + parts[:, None, A1:]).to(payoff.dtype)


def fit_of_means(payoff, share):
    def mean(axis):
        return (payoff * share).sum(axis, keepdim=True) / share.sum(axis, keepdim=True)

    return mean(2) + mean(1) - mean((1, 2))


def fit_in_turn(payoff, share):
    f = torch.einsum("gab,gab->ga", payoff, share) / share.sum(2)
    left = payoff - f[:, :, None]
    return f[:, :, None] + (torch.einsum("gab,gab->gb", left, share) / share.sum(1))[:, None]


# --- the target -----------------------------------------------------------------------------------


def target_by_enumeration(reward, q_next, available, next_state, over, mixer, gamma):
    B, N, A = q_next.shape
    found = []
    for actions in itertools.product(range(A), repeat=N):
        pick = torch.tensor(actions).expand(B, N)[..., None]
        there = available.gather(2, pick).all(1)[:, 0]
        mixture = mixer(q_next.detach().gather(2, pick)[..., 0], next_state)
        found.append(torch.where(there, mixture, -INF))
    value = torch.stack(found).max(0).values.detach()
    return torch.where(over, reward, reward + gamma * value)


def target_by_no_grad(reward, q_next, available, next_state, over, mixer, gamma):
    with torch.no_grad():
        best, _ = torch.where(available, q_next, torch.tensor(-INF).to(q_next)).max(dim=2)
        return reward.add(mixer(best, next_state) * (1 - over.to(reward.dtype)), alpha=gamma)


def target_by_loop(reward, q_next, available, next_state, over, mixer, gamma):
    y = reward.detach().clone()
    for b in range(len(y)):
        if over[b]:
            continue
        best = torch.stack([q[has].max() for q, has in zip(q_next[b], available[b], strict=True)])
        y[b] += gamma * mixer(best[None], next_state[b : b + 1])[0].detach()
    return y


def target(mix="before", mask=-INF, go=lambda over: ~over, gamma_of=same, detach=True):
    """A function like the answers, with one thing about it wrong."""

    def answer(reward, q_next, available, next_state, over, mixer, gamma):
        best = (q_next if mask is None else torch.where(available, q_next, mask)).max(-1)[0]
        c = go(over).to(reward.dtype) * gamma_of(gamma)
        if mix == "before":
            y = reward + c * mixer(best, next_state)
        elif mix == "after":
            actions = range(q_next.shape[2])
            y = reward + c * torch.stack([mixer(q_next[..., a], next_state) for a in actions]).amax(
                0
            )
        elif mix == "sum":
            y = reward + c * best.sum(1)
        elif mix == "own":
            y = mixer(reward.unsqueeze(1) + c.unsqueeze(1) * best, next_state)
        elif mix == "discounted":
            y = reward + go(over) * mixer(best * gamma, next_state)
        else:
            y = reward + gamma * mixer(torch.where(over[:, None], 0.0, best), next_state)
        return y.detach() if detach else y

    return answer


def target_without_reward_at_the_end(reward, q_next, available, next_state, over, mixer, gamma):
    best = torch.where(available, q_next, -INF).amax(2)
    return torch.where(over, 0.0, reward + gamma * mixer(best, next_state)).detach()


def target_at_random(reward, q_next, available, next_state, over, mixer, gamma):
    mean = torch.stack([
        torch.stack([q[has].mean() for q, has in zip(qs, hases, strict=True)])
        for qs, hases in zip(q_next, available, strict=True)
    ])  # fmt: skip
    return torch.where(over, reward, reward + gamma * mixer(mean, next_state)).detach()


# --- optimism -------------------------------------------------------------------------------------


def weighted_by_index(q_tot, y, mask, weight):
    gap = y.detach()[mask] - q_tot[mask]
    return (gap.square() * torch.where(gap > 0, 1.0, weight)).mean()


def weighted_by_parts(q_tot, y, mask, weight):
    q_tot, y = q_tot.masked_fill(~mask, 0), y.masked_fill(~mask, 0).detach()
    under, over = (y - q_tot).clamp(min=0), (q_tot - y).clamp(min=0)
    return (under**2 + weight * over**2).sum() / mask.count_nonzero()


def weighted_by_loop(q_tot, y, mask, weight):
    errors = []
    for e, t in mask.nonzero().tolist():
        gap = q_tot[e, t] - y[e, t].item()
        errors.append(gap**2 if gap < 0 else weight * gap**2)
    return torch.stack(errors).mean()


def weighted_by_mse(q_tot, y, mask, weight):
    with torch.no_grad():
        w = torch.full_like(y, weight)
        w[q_tot < y] = 1.0
        aim = torch.masked_select(y, mask)
    errors = F.mse_loss(torch.masked_select(q_tot, mask), aim, reduction="none")
    return torch.dot(w[mask], errors) / errors.numel()


def weighted(under=1.0, over=None, inside=False, by="count", fill="index", cut=torch.detach):
    """A function like the answers, with one thing about it wrong."""

    def answer(q_tot, y, mask, weight):
        gap = cut(y) - q_tot
        a, b = (weight if x is None else x for x in (under, over))
        w = torch.where(gap > 0, a, b)
        errors = (w * gap) ** 2 if inside else w * gap**2
        if fill == "times":
            return (errors * mask.to(errors.dtype)).sum() / mask.sum()
        if fill == "all":
            return errors.mean()
        counted = errors[~mask] if fill == "inverted" else errors[mask]
        numbers = {"count": counted.numel(), "all": mask.numel(), "one": 1}
        return counted.sum() / (w[mask].sum().clamp(min=1e-8) if by == "w" else numbers[by])

    return answer


# --- any team -------------------------------------------------------------------------------------


def any_by_einsum(q, state, W, B, U, v):
    E, T, N = q.shape
    obs = state.reshape(E, T, N, W.shape[0])
    weights = torch.einsum("etno,oh->etnh", obs, W).abs()
    together = torch.einsum("etno->eto", obs)
    x = nn.ELU()(torch.einsum("etn,etnh->eth", q, weights) + together.matmul(B))
    return torch.einsum("eth,eth->et", x, together.matmul(U).abs()) + together.matmul(v)


def any_by_agents(q, state, W, B, U, v):
    O = W.shape[0]  # noqa: E741
    seen = [state[..., i * O : (i + 1) * O] for i in range(q.shape[-1])]
    together = sum(seen)
    inner = together @ B
    for i, obs in enumerate(seen):
        inner = inner + q[..., i : i + 1] * torch.abs(obs @ W)
    return torch.sum(F.elu(inner) * torch.abs(together @ U), dim=-1) + together @ v


def any_by_steps(q, state, W, B, U, v):
    rows = []
    for q_e, state_e in zip(q, state, strict=True):
        for q_t, state_t in zip(q_e, state_e, strict=True):
            obs = state_t.view(len(q_t), -1)
            raw = obs @ W
            inner = q_t @ (raw * raw.sign()) + obs.sum(0) @ B
            bent = torch.where(inner > 0, inner, inner.clamp(max=0).exp() - 1)
            rows.append(bent @ (obs.sum(0) @ U).abs() + obs.sum(0) @ v)
    return torch.stack(rows).view(q.shape[:2])


def any_by_bmm(q, state, W, B, U, v):
    N = q.shape[2]
    obs = state.flatten(0, 1).view(-1, N, W.shape[0])
    x = torch.bmm(q.flatten(0, 1)[:, None], F.linear(obs, W.T).abs())[:, 0]
    s = obs.sum(dim=1)
    x = F.elu(x + s @ B)
    return ((x * (s @ U).abs()).sum(1) + s.mv(v)).view(q.shape[0], q.shape[1])


def any_team(one=torch.abs, two=torch.abs, bias=same, bend=F.elu, pool=torch.sum):
    """A function like the answers, with one thing about it wrong."""

    def answer(q, state, W, B, U, v):
        obs = state.reshape(*q.shape, len(W))
        s = pool(obs, dim=2)
        x = bend(torch.matmul(q.unsqueeze(-2), one(obs @ W)).squeeze(-2) + bias(s @ B))
        return torch.sum(x * two(s @ U), 2) + s @ v

    return answer


def any_team_turned(q, state, W, B, U, v):
    obs = state.reshape(*q.shape[:2], len(W), q.shape[2]).transpose(2, 3).reshape(state.shape)
    return any_by_einsum(q, obs, W, B, U, v)


def any_team_alike(q, state, W, B, U, v):
    s = state.reshape(*q.shape, len(W)).sum(2)
    x = F.elu(q.sum(2)[..., None] * (s @ W).abs() + s @ B)
    return (x * (s @ U).abs()).sum(2) + s @ v


def any_team_of_parts(q, state, W, B, U, v):
    obs = state.reshape(*q.shape, len(W))
    s = obs.sum(2)
    x = sum(F.elu(q[..., i, None] * (obs[:, :, i] @ W).abs() + s @ B) for i in range(q.shape[2]))
    return (x * (s @ U).abs()).sum(2) + s @ v


# --- the hunt -------------------------------------------------------------------------------------


def loss_by_no_grad(q, q_target, action, state, reward, over, mask, mixer, target_mixer, gamma):
    with torch.no_grad():
        best = q.max(dim=3, keepdim=True).indices
        rated = torch.take_along_dim(q_target, best, 3).squeeze(3)
        y = reward + gamma * (1 - over.to(reward.dtype)) * target_mixer(rated[:, 1:], state[:, 1:])
    taken = torch.take_along_dim(q[:, :-1], action.unsqueeze(3), 3).squeeze(3)
    return F.mse_loss(mixer(taken, state[:, :-1])[mask], y[mask])


def loss_by_steps(q, q_target, action, state, reward, over, mask, mixer, target_mixer, gamma):
    total, N = 0.0, action.shape[2]
    for e, t in mask.nonzero().tolist():
        taken = torch.stack([q[e, t, i, action[e, t, i]] for i in range(N)])
        y = reward[e, t].detach()
        if not over[e, t]:
            then = torch.stack([q_target[e, t + 1, i, q[e, t + 1, i].argmax()] for i in range(N)])
            y = y + gamma * target_mixer(then[None], state[e, None, t + 1])[0].detach()
        total = total + (mixer(taken[None], state[e, None, t])[0] - y) ** 2
    return total / mask.sum()


def loss_by_one_hot(q, q_target, action, state, reward, over, mask, mixer, target_mixer, gamma):
    A = q.shape[-1]
    taken = (q[:, :-1] * F.one_hot(action, A)).sum(-1)
    then = (q_target[:, 1:] * F.one_hot(q[:, 1:].argmax(-1), A)).sum(-1)
    y = torch.where(over, reward, reward + gamma * target_mixer(then, state[:, 1:])).detach()
    errors = (mixer(taken, state[:, :-1]) - y).square()
    return torch.where(mask, errors, 0.0).sum() / mask.count_nonzero()


def team(pick=1, see=1, picks="q", rates="target", mixes="target", ends=True, count="mask", cut=1):
    """A function like the answers, with one thing about it wrong."""

    def answer(q, q_target, action, state, reward, over, mask, mixer, target_mixer, gamma):
        L, nets = reward.shape[1], {"q": q, "target": q_target}
        best = nets[picks].max(-1, keepdim=True)[1]
        then = torch.take_along_dim(nets[rates][:, 1:], best[:, pick : pick + L], -1)[..., 0]
        mix = {"q": mixer, "target": target_mixer, "sum": lambda q, s: q.sum(-1)}[mixes]
        y = gamma * mix(then, state[:, see : see + L])
        y = reward + (torch.where(over, 0.0, y) if ends else y)
        q_tot = mixer(torch.take_along_dim(q[:, :-1], action[..., None], -1)[..., 0], state[:, :-1])
        errors = ((y.detach() if cut else y) - q_tot) ** 2
        if count == "all":
            return errors.mean()
        return errors[mask].sum() / (mask.numel() if count == "divided" else mask.sum())

    return answer


RIGHT = {
    "steps_that_count": [masks_by_numpy, masks_by_loop, masks_by_lists, masks_by_shift],
    "act_alone": [actions_by_loop, actions_by_numpy, actions_by_sort],
    "agents_agree": [igm_by_loop, igm_by_numpy, igm_by_worst, igm_by_count],
    "tried_more_often": [
        fit_by_numpy, fit_by_turns, fit_by_pinv, fit_by_lstsq, fit_by_normal_equations,
    ],
    "best_before_mixing": [target_by_enumeration, target_by_no_grad, target_by_loop],
    "optimistic_weights": [
        weighted_by_index, weighted_by_parts, weighted_by_loop, weighted_by_mse,
    ],
    "any_team": [any_by_einsum, any_by_agents, any_by_steps, any_by_bmm],
    "sure_seven": [loss_by_no_grad, loss_by_steps, loss_by_one_hot],
}  # fmt: skip

WRONG = {
    "steps_that_count": [
        ("limit_is_an_end", masks(follows=lambda t, n, end: t < n - 1)),
        ("never_ends", masks(follows=lambda t, n, end: t < n)),
        ("never_ends", masks(follows=lambda t, n, end: (t < n) & ~((t == n) & end))),
        ("flag_inverted", lambda n, end, L: masks_by_shift(n, ~end, L)),
        ("last_step_lost", lambda n, end, L: masks_by_shift(n - 1, end, L) & masks()(n, end, L)),
        ("padding_begins_late", masks(lambda t, n: t <= n,
            lambda t, n, end: (t <= n) & ~((t == n - 1) & end))),
        ("ended_throughout", masks(follows=lambda t, n, end: (t < n) & ~end)),
        ("everything_counts", masks(lambda t, n: t >= 0)),
        ("padding_bootstraps", masks(follows=lambda t, n, end: ~((t == n - 1) & end))),
        ("other_order", lambda *a: masks_by_numpy(*a)[::-1]),
        ("shape", lambda *a: masks_by_loop(*a)[1]),
        ("dtype", lambda *a: masks_by_loop(*a).float()),
    ],
    "act_alone": [
        ("explore_together", actions(explores=lambda x: x.sum(1, keepdim=True) > 0)),
        ("one_chance_for_all", actions(lot=lambda x: x[:, 0].unsqueeze(1).expand_as(x))),
        ("explores_anything", actions(has=torch.ones_like)),
        ("greedy_takes_anything", actions(mask=None)),
        ("masked_with_zero", actions(mask=0.0)),
        ("place_for_number", actions(draw="place")),
        ("flag_inverted", actions(swap=True)),
        ("never_explores", actions(explores=torch.zeros_like)),
        ("best_for_the_sum", actions_of_the_sum),
        ("dtype", lambda *a: actions_by_loop(*a).float()),
    ],
    "agents_agree": [
        ("first_of_equals", igm_of_first),
        ("some_pair_will_do", igm(lambda may, best: (may * best).max(1).values)),
        ("every_best_pair", igm(lambda may, best: (may ^ best).sum(1) == 0)),
        ("best_pair_reachable", igm(lambda may, best: (best & ~may).sum(1) == 0)),
        ("same_order", igm_by_order),
        ("values_add_up", lambda Q, a, b: Q.flatten(1).max(1)[0] == a.max(1)[0] + b.max(1)[0]),
        ("best_on_average", igm_by_means),
        ("one_best_pair", igm_of_argmax),
        ("value", lambda Q, a, b: ~igm_by_loop(Q, a, b)),
        ("shape", lambda *a: igm_by_count(*a)[:, None]),
    ],
    "tried_more_often": [
        ("all_alike", lambda p, n: p.mean(2, True) + p.mean(1, True) - p.mean((1, 2), True)),
        ("weighted_means", fit_of_means),
        ("weights_squared", lambda p, n: fit_by_turns(p, n * n)),
        ("one_after_the_other", fit_in_turn),
        ("one_agent_only", lambda p, n: ((p * n).sum(2, True) / n.sum(2, True)).expand(p.shape)),
        ("payoff_itself", lambda p, n: p.numpy().copy()),
        ("payoff_times_share", lambda p, n: fit_by_pinv(n * p, torch.full_like(n, 0.5))),
        ("mean_of_everything",
            lambda p, n: torch.ones_like(p) * ((p * n).sum((1, 2)) / n.sum((1, 2)))[:, None, None]),
        ("shape", lambda p, n: fit_by_turns(p, n).flatten(1)),
    ],
    "best_before_mixing": [
        ("maximum_after_mixing", target(mix="after")),
        ("best_values_added", target(mix="sum")),
        ("anything_goes", target(mask=None)),
        ("masked_with_zero", target(mask=0.0)),
        ("mean_of_actions", target_at_random),
        ("targets_mixed", target(mix="own")),
        ("discounted_inside", target(mix="discounted")),
        ("ends_inside", target(mix="ended")),
        ("end_ignored", target(go=torch.ones_like)),
        ("undiscounted", target(gamma_of=lambda gamma: 1.0)),
        ("reward_lost", target_without_reward_at_the_end),
        ("target_learns", target(detach=False)),
        ("shape", lambda *a: target()(*a).unsqueeze(1)),
    ],
    "optimistic_weights": [
        ("weights_swapped", weighted(under=None, over=1.0)),
        ("all_alike", weighted(over=1.0)),
        ("underestimates_only", weighted(over=0.0)),
        ("weight_squared", weighted(inside=True)),
        ("divided_by_weights", weighted(by="w")),
        ("divided_by_all", weighted(by="all")),
        ("summed", weighted(by="one")),
        ("padding_counted", weighted(fill="all")),
        ("zero_times_nan", weighted(fill="times")),
        ("mask_inverted", weighted(fill="inverted")),
        ("target_learns", weighted(cut=same)),
        ("shape", lambda q, y, m, w: torch.where(m, (y - q) ** 2, 0.0)),
    ],
    "any_team": [
        ("signed_weights", any_team(same, same)),
        ("first_layer_signed", any_team(one=same)),
        ("second_layer_signed", any_team(two=same)),
        ("biases_made_positive", any_team(bias=torch.abs)),
        ("matrices_made_positive",
            lambda q, s, W, B, U, v: any_team(same, same)(q, s, W.abs(), B, U.abs(), v)),
        ("weights_of_the_sum", any_team_alike),
        ("bent_one_by_one", any_team_of_parts),
        ("apart_the_wrong_way", any_team_turned),
        ("mean_for_sum", any_team(pool=torch.mean)),
        ("no_bend", any_team(bend=same)),
        ("relu_for_elu", any_team(bend=F.relu)),
        ("plain_sum", lambda q, *rest: q.sum(2)),
        ("shape", lambda *a: any_by_bmm(*a).unsqueeze(-1)),
    ],
    "sure_seven": [
        ("selected_one_step_early", team(pick=0)),
        ("state_one_step_early", team(see=0)),
        ("target_selects", team(picks="target")),
        ("network_evaluates", team(rates="q")),
        ("roles_swapped", team(picks="target", rates="q")),
        ("network_mixes", team(mixes="q")),
        ("nothing_is_mixed_in_the_target", team(mixes="sum")),
        ("ends_ignored", team(ends=False)),
        ("padding_counted", team(count="all")),
        ("divided_by_all", team(count="divided")),
        ("target_learns", team(cut=0)),
        ("value", lambda *a: loss_by_steps(*a) / 2),
    ],
}  # fmt: skip
