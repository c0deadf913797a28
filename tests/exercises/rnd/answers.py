"""Answers to the exercises on RND, as readers write them."""

import numpy as np
import torch
from torch.nn import functional as F


def look_by_steps(obs, mean, var):
    x = obs - mean
    x = x / torch.sqrt(var)
    return torch.clip(x, min=-5.0, max=5.0)


def look_by_maximum(obs, mean, var):
    x = (obs - mean) * var**-0.5
    return torch.minimum(torch.maximum(x, -5 * torch.ones_like(x)), 5 * torch.ones_like(x))


def look_by_hardtanh(obs, mean, var):
    return F.hardtanh((obs - mean).div(var.pow(0.5)), -5.0, 5.0)


def scale_by_numpy(bonus, gamma):
    r = bonus.numpy().astype(np.float64)
    R, seen = np.zeros(r.shape[1]), []
    for t in range(len(r)):
        R = R * gamma + r[t]
        seen.append(R.copy())
    return (r / (np.std(seen) + 1e-8)).astype(bonus.numpy().dtype)


def scale_by_powers(bonus, gamma):
    T = len(bonus)
    lag = torch.arange(T)[:, None] - torch.arange(T)
    weights = torch.where(lag >= 0, gamma ** lag.clamp_min(0).to(bonus), 0.0).to(bonus)
    return bonus / ((weights @ bonus).var(correction=0).sqrt() + 1e-8)


def scale_by_loops(bonus, gamma):
    seen = []
    for b in range(bonus.shape[1]):
        R = 0.0
        for t in range(len(bonus)):
            R = gamma * R + bonus[t, b].item()
            seen.append(R)
    mean = sum(seen) / len(seen)
    sigma = (sum((R - mean) ** 2 for R in seen) / len(seen)) ** 0.5
    return bonus / (sigma + 1e-8)


def scales(axis=0, gamma_is=None, backward=False, centred=False, power=0.5, keep=False):
    """The scaled bonus with one thing about it wrong."""

    def answer(bonus, gamma):
        gamma = gamma if gamma_is is None else gamma_is
        steps = bonus.unbind(axis)
        R, seen = torch.zeros_like(steps[0]), []
        for r in reversed(steps) if backward else steps:
            R = gamma * R + r
            seen.append(R)
        whole = torch.stack(seen)
        var = whole.var(0 if keep else None, correction=0)
        return (bonus - bonus.mean() * centred) / (var**power + 1e-8)

    return answer


def chain(reward, value, terminated, gamma, gae_lambda=0.95):
    """The advantages of one row, from the last step to the first."""
    out, later = torch.zeros_like(reward), 0.0
    for t in range(len(reward) - 1, -1, -1):
        keep = gamma * (1 - float(terminated[t]))
        later = reward[t] + keep * value[t + 1] - value[t] + gae_lambda * keep * later
        out[t] = later
    return out


def streams(ext=True, int_=False, gamma=(0.999, 0.99), weight=2.0, swap=False):
    def answer(reward, bonus, value_ext, value_int, done):
        if swap:
            value_ext, value_int = value_int, value_ext
        never = torch.zeros(len(done))
        one = chain(reward, value_ext, done if ext else never, gamma[0])
        return weight * one + chain(bonus, value_int, done if int_ else never, gamma[1])

    return answer


def streams_by_sums(reward, bonus, value_ext, value_int, done):
    """Straight from the definition: a discounted sum of the errors that are left."""
    T, total = len(done), torch.zeros_like(reward)
    for x, v, gamma, weight, cut in (
        (reward, value_ext, 0.999, 2, done),
        (bonus, value_int, 0.99, 1, torch.zeros_like(done)),
    ):
        delta = x + gamma * torch.where(cut, 0, v[1:]) - v[:-1]
        for t in range(T):
            for k in range(t, T):
                if not cut[t:k].any():
                    total[t] += weight * (gamma * 0.95) ** (k - t) * delta[k]
    return total


def streams_by_numpy(reward, bonus, value_ext, value_int, done):
    return streams()(reward, bonus, value_ext, value_int, done).numpy()


def gather_by_loops(bonus, alive, running, gamma):
    R, out = running.tolist(), torch.empty_like(bonus)
    for t in range(len(bonus)):
        for b in range(len(R)):
            if alive[t, b]:
                R[b] = gamma * R[b] + bonus[t, b].item()
            out[t, b] = R[b]
    return out


def gather_by_copies(bonus, alive, running, gamma):
    R, seen = running.clone(), []
    for t in range(bonus.shape[0]):
        R[alive[t]] = gamma * R[alive[t]] + bonus[t][alive[t]]
        seen.append(R.clone())
    return torch.stack(seen)


def gather_by_numpy(bonus, alive, running, gamma):
    R, seen = running.numpy(), []
    for r, here in zip(bonus.numpy(), alive.numpy(), strict=True):
        R = np.where(here, gamma * R + r, R)
        seen.append(R)
    return np.stack(seen).astype(bonus.numpy().dtype)


def gathers(alias=False, wait=1, start=True, gamma_is=None, late=False, backward=False):
    """R with one thing about it wrong; `wait`: 0 sets to 0, 2 goes on."""

    def answer(bonus, alive, running, gamma):
        gamma = gamma if gamma_is is None else gamma_is
        R, rows = running * start, []
        for t in reversed(range(len(bonus))) if backward else range(len(bonus)):
            before, here = R, alive[t]
            on = gamma * R + bonus[t]
            R = on if wait == 2 else torch.where(here, on, R * wait)
            rows.append(before if late else R)
        return torch.stack([R] * len(rows) if alias else rows)

    return answer


# -- one lesson for the predictor -----------------------------------------------------------------


def lesson_by_autograd(W, W_target, seen, asked, lr):
    W = W.clone().requires_grad_()
    F.mse_loss(seen @ W, seen @ W_target).backward()
    with torch.no_grad():
        return F.mse_loss(asked @ (W - lr * W.grad), asked @ W_target, reduction="none").mean(1)


def lesson_in_numpy(W, W_target, seen, asked, lr):
    W, V, seen, asked = (x.numpy() for x in (W, W_target, seen, asked))
    apart = W - V
    apart = apart - lr * 2 / (len(seen) * W.shape[1]) * (seen.T @ (seen @ apart))
    return np.mean(np.square(asked @ apart), axis=1)


def lesson_by_sgd(W, W_target, seen, asked, lr):
    predictor = torch.nn.Linear(*W.shape, bias=False, dtype=W.dtype)
    with torch.no_grad():
        predictor.weight.copy_(W.T)
    (predictor(seen) - seen @ W_target).square().mean().backward()
    torch.optim.SGD(predictor.parameters(), lr=lr).step()
    return (predictor(asked) - asked @ W_target).square().mean(-1).detach()


def lesson_by_loops(W, W_target, seen, asked, lr):
    learned = W.clone()
    for o in seen:
        for f in range(W.shape[1]):
            error = o @ W[:, f] - o @ W_target[:, f]
            learned[:, f] -= lr * 2 * error * o / (len(seen) * W.shape[1])
    return torch.stack([((o @ learned - o @ W_target) ** 2).mean() for o in asked])


def lesson(step=lambda lr, B, F: lr, target=0.0, of="seen", bonus=lambda gap: (gap**2).mean(1)):
    """The bonus after a lesson with one thing about it wrong."""

    def answer(W, W_target, seen, asked, lr):
        X = seen if of == "seen" else asked
        far = step(lr, len(X), W.shape[1]) * 2 / (len(X) * W.shape[1])
        slope = X.T @ (X @ W - X @ W_target)
        return bonus(asked @ (W - far * slope) - asked @ (W_target + target * far * slope))

    return answer


RIGHT = {
    "clear_view": [look_by_steps, look_by_maximum, look_by_hardtanh],
    "bonus_scale": [scale_by_numpy, scale_by_powers, scale_by_loops, scales()],
    "two_streams": [streams(), streams_by_sums, streams_by_numpy],
    "exploding_bonus": [gather_by_loops, gather_by_copies, gather_by_numpy, gathers()],
    "one_lesson": [lesson_by_autograd, lesson_in_numpy, lesson_by_sgd, lesson_by_loops],
}
WRONG = {
    "clear_view": [
        ("divided_by_variance", lambda o, m, v: look_by_steps(o, m, v**2)),
        ("never_cut", lambda o, m, v: (o - m) / v**0.5),
        ("cut_first", lambda o, m, v: (o.clip(-5, 5) - m) / v**0.5),
        ("mean_kept", lambda o, m, v: look_by_steps(o, 0, v)),
        ("below_zero_lost", lambda o, m, v: look_by_steps(o, m, v).relu()),
        ("multiplied", lambda o, m, v: look_by_steps(o, m, 1 / v)),
    ],
    "bonus_scale": [
        ("backward_returns", scales(backward=True)),
        ("over_environments", scales(axis=1)),
        ("spread_of_the_bonus", scales(gamma_is=0.0)),
        ("mean_taken_off", scales(centred=True)),
        ("discount_forgotten", scales(gamma_is=1.0)),
        ("variance_not_spread", scales(power=1)),
        ("each_world_for_itself", scales(keep=True)),
        ("value", lambda b, gamma: scales()(b, gamma) * 2),
    ],
    "two_streams": [
        ("bonus_cut_too", streams(int_=True)),
        ("nothing_cut", streams(ext=False)),
        ("the_wrong_one_cut", streams(ext=False, int_=True)),
        ("equal_weights", streams(weight=1.0)),
        ("one_discount", streams(gamma=(0.99, 0.99))),
        ("critics_swapped", streams(swap=True)),
        (
            "one_critic",
            lambda r, b, e, i, d: chain(2 * r + b, 2 * e + i, d, 0.99),
        ),
        ("value", streams(weight=3.0)),
    ],
    "exploding_bonus": [
        ("one_tensor_many_times", gathers(alias=True)),
        ("nobody_waits", gathers(wait=2)),
        ("forgets_who_waits", gathers(wait=0)),
        ("starts_from_nothing", gathers(start=False)),
        ("without_discount", gathers(gamma_is=1.0)),
        ("one_row_late", gathers(late=True)),
        ("backwards", gathers(backward=True)),
        ("shape", lambda *x: gathers()(*x)[-1]),
        ("mutated", lambda b, a, R, g: gather_by_copies(b, a, R.mul_(1), g)),
    ],
    "one_lesson": [
        ("before_the_lesson", lesson(step=lambda lr, B, F: 0.0)),
        ("uphill", lesson(step=lambda lr, B, F: -lr)),
        ("target_moves_too", lesson(target=1.0)),
        ("two_is_missing", lesson(step=lambda lr, B, F: lr / 2)),
        ("not_averaged", lesson(step=lambda lr, B, F: lr * B * F)),
        ("features_not_averaged", lesson(step=lambda lr, B, F: lr * F)),
        ("observations_not_averaged", lesson(step=lambda lr, B, F: lr * B)),
        ("bonus_summed", lesson(bonus=lambda gap: gap.square().sum(1))),
        ("bonus_not_squared", lesson(bonus=lambda gap: gap.abs().mean(1))),
        ("learned_what_is_asked", lesson(of="asked")),
        ("value", lesson(bonus=lambda gap: (gap**2).mean(1).sqrt())),
    ],
}
