"""Answers to the exercises of the memory chapter, as readers write them."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

INF = float("inf")

# --- time is up -----------------------------------------------------------------------------------


def target_by_where(reward, next_value, terminated, truncated, gamma):
    return torch.where(terminated, reward, reward + gamma * next_value)


def target_by_numpy(reward, next_value, terminated, truncated, gamma):
    discount = gamma * (1.0 - terminated.numpy().astype(reward.numpy().dtype))
    return reward.numpy() + discount * next_value.numpy()


def target_by_loop(reward, next_value, terminated, truncated, gamma):
    y = reward.clone()
    for e in range(len(reward)):
        if not terminated[e]:
            y[e] = reward[e] + gamma * next_value[e]
    return y


def target_of_done(reward, next_value, terminated, truncated, gamma):
    done = torch.logical_or(terminated, truncated).float()
    return reward + gamma * (1 - done) * next_value


# --- who picks, who rates -------------------------------------------------------------------------


def worth_by_loop(q, q_target, available):
    found = []
    for e in range(len(q)):
        there = [a for a in range(q.shape[1]) if available[e, a]]
        found.append(q_target[e, max(there, key=lambda a: q[e, a].item())].item())
    return torch.tensor(found, dtype=q.dtype)


def worth_by_index(q, q_target, available):
    with torch.no_grad():
        best = torch.where(available, q, torch.full_like(q, -INF)).max(1).indices
        return q_target[torch.arange(len(q)), best]


def worth_by_one_hot(q, q_target, available):
    best = F.one_hot(q.masked_fill(~available, -1e9).argmax(1), q.shape[1])
    return (q_target * best).sum(1).detach()


def worth(pick="q", rate="q_target", mask=-INF, detach=True):
    """A function like the answers, with one thing about it wrong."""

    def answer(q, q_target, available):
        named = {"q": q, "q_target": q_target}
        scores = named[pick] if mask is None else named[pick].masked_fill(~available, mask)
        found = named[rate].gather(1, scores.argmax(1)[:, None]).squeeze(1)
        return found.detach() if detach else found

    return answer


# --- along a window -------------------------------------------------------------------------------


@torch.no_grad()
def window_by_loop(q, q_target, reward, terminated, gamma):
    y = torch.zeros_like(reward)
    for e in range(len(reward)):
        for t in range(reward.shape[1]):
            later = 0.0 if terminated[e, t] else q_target[e, t + 1, q[e, t + 1].argmax()]
            y[e, t] = reward[e, t] + gamma * later
    return y


def window_by_roll(q, q_target, reward, terminated, gamma):
    best = q.detach().argmax(-1)
    rated = q_target.detach().gather(2, best.unsqueeze(2)).squeeze(2)
    later = rated.roll(-1, 1)[:, : reward.shape[1]]
    return torch.where(terminated, reward, reward + gamma * later).detach()


def window_by_one_hot(q, q_target, reward, terminated, gamma):
    best = F.one_hot(q[:, 1:].argmax(2), q.shape[2]).to(q.dtype)
    later = torch.einsum("ela,ela->el", q_target[:, 1:], best)
    return (reward + gamma * (1 - terminated.to(q.dtype)) * later).detach()


def window(pick=1, rate=1, picks="q", rates="q_target", goes="as given", detach=True):
    """A function like the answers; pick, rate: how many steps later."""

    def answer(q, q_target, reward, terminated, gamma):
        L, named = reward.shape[1], {"q": q, "q_target": q_target}
        best = named[picks][:, pick : pick + L].max(-1)[1]
        later = torch.take_along_dim(named[rates][:, rate : rate + L], best[..., None], -1)[..., 0]
        c = ~terminated
        if goes == "always":
            c = torch.ones_like(c)
        elif goes == "not the last":
            c[:, -1] = False
        elif goes == "late":
            c = torch.cat([torch.ones_like(c)[:, :1], c], 1)[:, :-1]
        y = reward + gamma * later * c
        return y.detach() if detach else y

    return answer


# --- what counts ----------------------------------------------------------------------------------


def loss_by_index(taken, target, learn):
    return F.smooth_l1_loss(taken[learn], target[learn])


def loss_by_hand(taken, target, learn):
    gap = (taken - target).abs()
    huber = torch.where(gap < 1, gap**2 / 2, gap - 0.5)
    return torch.where(learn, huber, 0.0).sum() / learn.count_nonzero()


def loss_by_huber(taken, target, learn):
    return nn.HuberLoss(reduction="sum")(taken * learn, target * learn) / learn.sum()


# --- whose life -----------------------------------------------------------------------------------


def ages_by_cummax(alive, terminated):
    same = torch.zeros_like(alive)
    same[1:] = alive[:-1] & ~terminated[:-1]
    t = torch.arange(len(alive))[:, None].expand_as(alive)
    begin = torch.where(alive & ~same, t, 0).cummax(0).values
    return torch.where(alive, t - begin, -1)


def ages_by_numpy(alive, terminated):
    a, d = alive.numpy(), terminated.numpy()
    age = np.full(a.shape, -1, dtype=np.int64)
    for n in range(a.shape[1]):
        for t in range(len(a)):
            if a[t, n]:
                same = t > 0 and a[t - 1, n] and not d[t - 1, n]
                age[t, n] = age[t - 1, n] + 1 if same else 0
    return age


def ages_by_list(alive, terminated):
    rows, now = [], [-1] * alive.shape[1]
    for t in range(len(alive)):
        for n in range(alive.shape[1]):
            same = t > 0 and bool(alive[t - 1, n]) and not bool(terminated[t - 1, n])
            now[n] = (now[n] + 1 if same else 0) if alive[t, n] else -1
        rows.append(list(now))
    return torch.tensor(rows)


def count_with(same):
    """Ages, given which steps continue the trajectory of the step before."""

    def answer(alive, terminated):
        a, goes = alive.tolist(), same(alive, ~terminated).tolist()
        age = [[-1] * len(a[0]) for _ in a]
        for t in range(len(a)):
            for n in range(len(a[0])):
                if a[t][n]:
                    age[t][n] = age[t - 1][n] + 1 if t and goes[t][n] else 0
        return torch.tensor(age)

    return answer


def before(x):
    return F.pad(x[:-1].T.float(), (1, 0)).T.bool()


# --- an LSTM --------------------------------------------------------------------------------------


def step_by_torch(x, h, cell, W, U, b):
    both = torch._VF.lstm_cell(x, (h, cell), W, U, b, torch.zeros_like(b))
    return torch.cat(both, 1)


def step_by_slices(x, h, cell, W, U, b):
    D = h.shape[1]
    sums = F.linear(torch.cat([x, h], 1), torch.cat([W, U], 1), b)
    take, keep, show = (torch.sigmoid(sums[:, k * D : (k + 1) * D]) for k in (0, 1, 3))
    cell = keep * cell + take * torch.tanh(sums[:, 2 * D : 3 * D])
    return torch.hstack([show * torch.tanh(cell), cell])


def step_by_agents(x, h, cell, W, U, b):
    rows = []
    for e in range(len(x)):
        i, f, g, o = (W @ x[e] + U @ h[e] + b).view(4, -1)
        c = torch.sigmoid(f) * cell[e] + torch.sigmoid(i) * torch.tanh(g)
        rows.append(torch.cat([torch.sigmoid(o) * torch.tanh(c), c]))
    return torch.stack(rows)


def step(names="ifgo", squash=torch.tanh, fresh=torch.tanh, first="h", keep="f", see_h=True):
    """A function like the answers, with one thing about it wrong."""

    def answer(x, h, cell, W, U, b):
        sums = F.linear(x, W, b) + (F.linear(h, U) if see_h else 0 * F.linear(h, U))
        part = dict(zip(names, sums.chunk(4, 1), strict=True))
        f = torch.sigmoid(part["f"]) if keep == "f" else 1 - torch.sigmoid(part["i"])
        new = f * cell + torch.sigmoid(part["i"]) * fresh(part["g"])
        shown = torch.sigmoid(part["o"]) * squash(new)
        return torch.cat([shown, new] if first == "h" else [new, shown], 1)

    return answer


# --- the hunt -------------------------------------------------------------------------------------


def unroll_by_cell(z, h, W, U, b, c):
    out = torch.empty(z.shape[0], 0, h.shape[1], dtype=z.dtype)
    for o in z.unbind(1):
        h = torch._VF.gru_cell(o, h, W, U, b, c)
        out = torch.cat([out, h.unsqueeze(1)], 1)
    return out


def unroll_by_torch(z, h, W, U, b, c):
    args = (z, h[None].contiguous(), (W, U, b, c), True, 1, 0.0, False, False, True)
    return torch._VF.gru(*args)[0]


def unroll_at_once(z, h, W, U, b, c):
    D, seen, found = h.shape[1], F.linear(z, W, b), []
    for t in range(z.shape[1]):
        old = F.linear(h, U, c)
        rk = torch.sigmoid(seen[:, t, : 2 * D] + old[:, : 2 * D])
        new = torch.tanh(seen[:, t, 2 * D :] + rk[:, :D] * old[:, 2 * D :])
        h = torch.lerp(new, h, rk[:, D:])
        found.append(h)
    return torch.stack(found, dim=1)


def unroll(old=lambda h: h, inside=lambda h: h, start=lambda h: h, end=lambda h: h):
    """A function like the answers, cut off somewhere."""

    def answer(z, h, W, U, b, c):
        h, found = start(h), []
        for t in range(z.size(1)):
            h = old(h)
            a, r = F.linear(z[:, t], W, b).chunk(3, 1), F.linear(inside(h), U, c).chunk(3, 1)
            k = torch.sigmoid(a[1] + r[1])
            h = (1 - k) * torch.tanh(a[2] + torch.sigmoid(a[0] + r[0]) * r[2]) + k * h
            found.append(h)
        return end(torch.stack(found, 1))

    return answer


def unroll_from_start(z, h, W, U, b, c):
    return torch.stack([torch._VF.gru_cell(z[:, t], h, W, U, b, c) for t in range(z.size(1))], 1)


def unroll_other_way(z, h, W, U, b, c):
    found = []
    for t in range(z.size(1)):
        a, r = F.linear(z[:, t], W, b).chunk(3, 1), F.linear(h, U, c).chunk(3, 1)
        k = torch.sigmoid(a[1] + r[1])
        h = k * torch.tanh(a[2] + torch.sigmoid(a[0] + r[0]) * r[2]) + (1 - k) * h
        found.append(h)
    return torch.stack(found, 1)


def cut(x):
    return x.detach()


def unroll_and_forget(z, h, W, U, b, c):
    found = []
    for o in z.unbind(1):
        found.append(torch._VF.gru_cell(o, h, W, U, b, c))
        h = found[-1].data
    return torch.stack(found, 1)


RIGHT = {
    "time_limit": [target_by_where, target_by_numpy, target_by_loop],
    "two_networks": [worth_by_loop, worth_by_index, worth_by_one_hot],
    "shifted_targets": [window_by_loop, window_by_roll, window_by_one_hot],
    "only_what_counts": [loss_by_index, loss_by_hand, loss_by_huber],
    "trajectories": [ages_by_cummax, ages_by_numpy, ages_by_list],
    "lstm_step": [step_by_torch, step_by_slices, step_by_agents],
    "forgetful_agent": [unroll_by_cell, unroll_by_torch, unroll_at_once],
}

WRONG = {
    "time_limit": [
        ("limit_is_an_end", target_of_done),
        ("never_ends", lambda r, v, e, u, g: r.add(v, alpha=g)),
        ("flags_swapped", lambda r, v, e, u, g: torch.where(u, r, r + g * v)),
        ("undiscounted", lambda r, v, e, u, g: torch.where(e, r, r + v)),
        ("reward_lost", lambda r, v, e, u, g: torch.where(e, 0.0, r + g * v)),
        ("only_the_end", lambda r, v, e, u, g: torch.where(e, r + g * v, r)),
        ("limit_undoes_the_end", lambda r, v, e, u, g: torch.where(e & ~u, r, r + g * v)),
    ],
    "two_networks": [
        ("target_does_both", worth(pick="q_target")),
        ("network_does_both", worth(rate="q")),
        ("roles_swapped", worth(pick="q_target", rate="q")),
        ("anything_goes", worth(mask=None)),
        ("masked_with_zero", worth(mask=0.0)),
        ("target_learns", worth(detach=False)),
        ("shape", lambda q, q_target, available: q_target.max(1, keepdim=True).values),
    ],
    "shifted_targets": [
        ("not_shifted", window(pick=0, rate=0)),
        ("picked_too_early", window(pick=0)),
        ("target_picks", window(picks="q_target")),
        ("network_rates", window(rates="q")),
        ("ends_ignored", window(goes="always")),
        ("cut_one_late", window(goes="late")),
        ("window_is_an_end", window(goes="not the last")),
        ("gradient_through_target", window(detach=False)),
    ],
    "only_what_counts": [
        ("filling_counted", lambda a, b, m: F.huber_loss(a, b)),
        ("divided_by_all", lambda a, b, m: F.smooth_l1_loss(a * m, b * m)),
        ("summed", lambda a, b, m: F.smooth_l1_loss(a[m], b[m], reduction="sum")),
        ("squared", lambda a, b, m: F.mse_loss(a[m], b[m])),
        ("mask_inverted", lambda a, b, m: loss_by_hand(a, b, ~m)),
        ("absolute", lambda a, b, m: F.l1_loss(a[m], b[m])),
        ("shape", lambda a, b, m: F.smooth_l1_loss(a, b, reduction="none") * m),
    ],
    "trajectories": [
        ("slots_not_agents", count_with(lambda a, g: before(a))),
        ("cut_too_early", count_with(lambda a, g: before(a) & g)),
        ("empty_slots_age", lambda a, g: ages_by_cummax(a, g).clamp(min=0)),
        ("from_one", lambda a, g: torch.where(a, ages_by_cummax(a, g) + 1, -1)),
        ("never_continues", lambda a, g: a.long() - 1),
        ("clock", lambda a, g: torch.where(a, torch.arange(len(a)).unsqueeze(1), -1)),
        ("dtype", lambda a, g: ages_by_cummax(a, g).float()),
    ],
    "lstm_step": [
        ("keep_and_take_swapped", step(names="figo")),
        ("new_and_show_swapped", step(names="ifog")),
        ("cell_shown_raw", step(squash=lambda x: x)),
        ("new_is_a_gate", step(fresh=torch.sigmoid)),
        ("cell_first", step(first="cell")),
        ("complementary_gates", step(keep="1 - i")),
        ("recurrence_lost", step(see_h=False)),
        ("shape", lambda *a: step_by_slices(*a)[:, : a[1].shape[1]]),
    ],
    "forgetful_agent": [
        ("past_detached", unroll_and_forget),
        ("every_memory_detached", unroll(old=cut)),
        ("gates_detached", unroll(inside=cut)),
        ("start_detached", unroll(start=cut)),
        ("nothing_learned", unroll(end=cut)),
        ("start_again", unroll_from_start),
        ("keep_inverted", unroll_other_way),
        ("shape", lambda *a: unroll_by_torch(*a)[:, -1]),
    ],
}
