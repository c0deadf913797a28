"""Answers to the exercises on curiosity as readers write them: right ones, and wrong ones."""

from collections import Counter

import numpy as np
import torch
from torch.nn import functional as F

# --- counting -------------------------------------------------------------------------------------


def count_by_counter(cells):
    seen, bonus = Counter(), []
    for cell in cells.tolist():
        seen[cell] += 1
        bonus.append(1 / seen[cell] ** 0.5)
    return torch.tensor(bonus)


def count_by_numpy(cells):
    c = cells.numpy()
    before = np.array([(c[:t] == c[t]).sum() for t in range(len(c))])
    return (1 / np.sqrt(before + 1)).astype(np.float32)


def count_by_matrix(cells):
    same = cells.unsqueeze(0) == cells.unsqueeze(1)
    return same.float().tril().sum(dim=1) ** -0.5


def counts(before=0, power=-0.5, whole=False, shared=False):
    def answer(cells):
        walk, bonus = cells.tolist(), []
        for t, cell in enumerate(walk):
            n = (walk if whole else walk[:t]).count(cell) - whole
            bonus.append(float((t if shared else n) + 1 + before) ** power)
        return torch.tensor(bonus)

    return answer


# --- the inverse model ----------------------------------------------------------------------------


def inverse_by_loops(feature, after, action, W):
    rows = []
    for k in range(len(action)):
        scores = torch.cat((feature[k], after[k])) @ W
        rows.append(torch.logsumexp(scores, 0) - scores[action[k]])
    return torch.stack(rows)


def inverse_by_parts(feature, after, action, W):
    D = feature.shape[1]
    scores = feature @ W[:D] + after @ W[D:]
    return F.cross_entropy(scores, action, reduction="none")


def inverse_by_one_hot(feature, after, action, W):
    log_g = torch.log_softmax(torch.hstack([feature, after]) @ W, 1)
    return -(log_g * F.one_hot(action, W.shape[1])).sum(1)


# --- the bonus ------------------------------------------------------------------------------------


def surprise_no_grad(predicted, after, eta):
    with torch.no_grad():
        return eta * 0.5 * ((predicted - after) ** 2).sum(1)


def surprise_by_norm(predicted, after, eta):
    return 0.5 * eta * torch.linalg.vector_norm(predicted.detach() - after.detach(), dim=1) ** 2


def surprise_by_mse(predicted, after, eta):
    return eta / 2 * F.mse_loss(predicted, after, reduction="none").sum(-1).detach()


# --- the loss -------------------------------------------------------------------------------------


def loss_of_means(inverse, predicted, after, beta):
    forward = ((predicted - after.detach()) ** 2).sum(-1).mean() / 2
    return (1 - beta) * inverse.mean() + beta * forward


def loss_no_grad_target(inverse, predicted, after, beta):
    with torch.no_grad():
        target = after.clone()
    return torch.mean(
        (1 - beta) * inverse + beta * F.mse_loss(predicted, target, reduction="none").sum(1) / 2
    )


def loss_by_loops(inverse, predicted, after, beta):
    total = 0.0
    for k in range(len(inverse)):
        error = (predicted[k] - after[k].data).pow(2).sum() / 2
        total = total + (1 - beta) * inverse[k] + beta * error
    return total / len(inverse)


def losses(beta=None, stop="after", axis=torch.sum, reduce=torch.mean):
    def answer(inverse, predicted, after, b):
        if stop in ("after", "both"):
            after = after.detach()
        if stop in ("predicted", "both"):
            predicted = predicted.detach()
        b = b if beta is None else beta(b)
        return reduce((1 - b) * inverse + b * axis((predicted - after) ** 2, -1) / 2)

    return answer


# --- the end of an episode ------------------------------------------------------------------------


def led_by_loop(obs, final, done):
    return torch.stack([final[t] if done[t] else obs[t + 1] for t in range(len(done))])


def led_by_index(obs, final, done):
    after = obs[1:].clone()
    after[done] = final[done]
    return after


def led_by_numpy(obs, final, done):
    return np.where(done.numpy()[:, None], final.numpy(), obs.numpy()[1:])


# --- the hunt -------------------------------------------------------------------------------------


def did(action, like, W):
    return F.one_hot(action, W.shape[0] - like.shape[1]).to(like)


def error_by_loops(feature, action, after, W):
    D, rows = feature.shape[1], []
    for k, a in enumerate(action.tolist()):
        rows.append(0.5 * ((feature[k] @ W[:D] + W[D + a] - after[k]) ** 2).sum())
    return torch.stack(rows)


def error_by_index(feature, action, after, W):
    D = feature.shape[1]
    return ((feature @ W[:D] + W[D:][action] - after) ** 2).sum(-1) / 2


def error_by_mse(feature, action, after, W):
    predicted = torch.cat([feature, did(action, feature, W)], 1) @ W
    return 0.5 * F.mse_loss(predicted, after, reduction="none").sum(1)


def wrong_other_axis(feature, action, after, W):
    predicted = torch.cat([feature, did(action, feature, W)], 1) @ W
    return 0.5 * (predicted.unsqueeze(1) - after.unsqueeze(0)).pow(2).sum(2).mean(1)


def wrong_same_axis(feature, action, after, W):
    predicted = torch.cat([feature, did(action, feature, W)], 1) @ W
    return torch.cdist(after, predicted).pow(2).mean(1) / 2


# --- RND ------------------------------------------------------------------------------------------


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


def chain(reward, value, goes_on, gamma, lam=0.95):
    """The advantages of one row, from the last step to the first."""
    out, later = torch.zeros_like(reward), 0.0
    for t in range(len(reward) - 1, -1, -1):
        keep = gamma * float(goes_on[t])
        later = reward[t] + keep * value[t + 1] - value[t] + lam * keep * later
        out[t] = later
    return out


def lives(ext=True, int_=False, gamma=(0.999, 0.99), weight=2.0, swap=False):
    def answer(reward, bonus, value_ext, value_int, done):
        if swap:
            value_ext, value_int = value_int, value_ext
        on = torch.ones(len(done))
        one = chain(reward, value_ext, ~done if ext else on, gamma[0])
        return weight * one + chain(bonus, value_int, ~done if int_ else on, gamma[1])

    return answer


def lives_by_sums(reward, bonus, value_ext, value_int, done):
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


def lives_by_numpy(reward, bonus, value_ext, value_int, done):
    return lives()(reward, bonus, value_ext, value_int, done).numpy()


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


RIGHT = {
    "count_bonus": [count_by_counter, count_by_numpy, count_by_matrix, counts()],
    "inverse_model": [inverse_by_loops, inverse_by_parts, inverse_by_one_hot],
    "surprise": [surprise_no_grad, surprise_by_norm, surprise_by_mse],
    "stopped_target": [loss_of_means, loss_no_grad_target, loss_by_loops, losses()],
    "across_the_reset": [led_by_loop, led_by_index, led_by_numpy],
    "bored_explorer": [error_by_loops, error_by_index, error_by_mse],
    "clear_view": [look_by_steps, look_by_maximum, look_by_hardtanh],
    "bonus_scale": [scale_by_numpy, scale_by_powers, scale_by_loops, scales()],
    "two_lives": [lives(), lives_by_sums, lives_by_numpy],
    "exploding_bonus": [gather_by_loops, gather_by_copies, gather_by_numpy, gathers()],
}

WRONG = {
    "count_bonus": [
        ("counted_first", counts(before=1)),
        ("future_counted", counts(whole=True)),
        ("root_forgotten", counts(power=-1.0)),
        ("last_step_counts", counts(shared=True)),
        ("infinite_at_first", lambda c: count_by_counter(c).pow(-2).sub(1).rsqrt()),
        ("only_the_first", lambda c: (count_by_counter(c) == 1).float()),
        ("shape", lambda c: count_by_counter(c)[:1].sum()),
        ("type", lambda c: count_by_counter(c).tolist()),
    ],
    "inverse_model": [
        ("order_swapped", lambda f, n, a, W: inverse_by_parts(n, f, a, W)),
        ("mean_of_all", lambda f, n, a, W: F.cross_entropy(torch.cat([f, n], 1) @ W, a)),
        ("chance_not_log", lambda f, n, a, W: -torch.exp(-inverse_by_parts(f, n, a, W))),
        ("sign_lost", lambda f, n, a, W: -inverse_by_loops(f, n, a, W)),
        ("before_ignored", lambda f, n, a, W: inverse_by_loops(n, n, a, W)),
        (
            "scores_not_normalised",
            lambda f, n, a, W: -(torch.cat([f, n], 1) @ W)[torch.arange(len(a)), a],
        ),
        ("encoder_cut_off", lambda f, n, a, W: inverse_by_parts(f.data, n.data, a, W)),
        ("gradient", lambda f, n, a, W: inverse_by_parts(f, n, a, W).detach()),
    ],
    "surprise": [
        ("gradient_kept", lambda p, n, eta: eta / 2 * ((p - n) ** 2).sum(-1)),
        ("mean_over_features", lambda p, n, eta: (eta / 2 * ((p - n) ** 2).mean(-1)).detach()),
        ("half_lost", lambda p, n, eta: (eta * ((p - n) ** 2).sum(-1)).detach()),
        ("norm_not_squared", lambda p, n, eta: (eta / 2 * (p - n).norm(2, -1)).detach()),
        ("one_number_for_all", lambda p, n, eta: surprise_no_grad(p, n, eta).mean()),
        ("sign_lost_in_sum", lambda p, n, eta: (eta / 2 * (p - n).sum(-1) ** 2).detach()),
        ("eta_forgotten", lambda p, n, eta: surprise_no_grad(p, n, 1)),
        ("value", lambda p, n, eta: (eta / 2 * (p - n).abs().sum(-1)).detach()),
    ],
    "stopped_target": [
        ("target_learns", losses(stop="")),
        ("prediction_stopped", losses(stop="predicted")),
        ("both_stopped", losses(stop="both")),
        ("beta_swapped", losses(beta=lambda b: 1 - b)),
        ("feature_mean", losses(axis=torch.mean)),
        ("sum_over_batch", losses(reduce=torch.sum)),
        ("unweighted", lambda i, p, n, b: 2 * losses(beta=lambda b: 0.5)(i, p, n, b)),
        ("shape", losses(reduce=lambda x: x)),
        ("gradient", lambda i, p, n, b: losses()(i, p, n, b).detach()),
    ],
    "across_the_reset": [
        ("jump_paid", lambda o, f, d: torch.roll(o, -1, 0)[:-1]),
        ("end_is_standing_still", lambda o, f, d: torch.where(d.unsqueeze(1), o[:-1], o[1:])),
        ("end_is_nothing", lambda o, f, d: o[1:] * (1 - d.float()).unsqueeze(1)),
        ("one_step_late", lambda o, f, d: torch.where(d[:, None], f, o[:-1])),
        ("upside_down", lambda o, f, d: torch.where(~d[:, None], f, o[1:])),
        ("always_final", lambda o, f, d: f + 0),
        ("shape", lambda o, f, d: torch.cat([led_by_loop(o, f, d), o[:1]])),
        ("mutated", lambda o, f, d: o[1:].copy_(torch.where(d[:, None], f, o[1:]))),
    ],
    "bored_explorer": [
        ("every_prediction_for_each_target", wrong_same_axis),
        ("every_target_for_each_prediction", wrong_other_axis),
        ("one_mean_for_all", lambda *x: error_by_index(*x).mean().repeat(len(x[0]))),
        ("mean_of_features", lambda *x: error_by_mse(*x).div(x[0].shape[1])),
        ("action_forgotten", lambda f, a, n, W: ((f @ W[: f.shape[1]] - n) ** 2).sum(1) / 2),
        ("half_gone", lambda *x: error_by_loops(*x) * 2),
        ("cut_from_the_model", lambda *x: error_by_mse(*x).detach()),
        ("shape", lambda *x: error_by_mse(*x).mean()),
    ],
    "clear_view": [
        ("divided_by_variance", lambda o, m, v: look_by_steps(o, m, v**2)),
        ("never_cut", lambda o, m, v: (o - m) / v**0.5),
        ("cut_first", lambda o, m, v: (o.clip(-5, 5) - m) / v**0.5),
        ("mean_kept", lambda o, m, v: look_by_steps(o, 0, v)),
        ("below_zero_lost", lambda o, m, v: look_by_steps(o, m, v).relu()),
        ("multiplied", lambda o, m, v: look_by_steps(o, m, 1 / v)),
        ("numpy", lambda o, m, v: look_by_steps(o, m, v).detach().numpy()),
        ("gradient", lambda o, m, v: look_by_steps(o, m, v).detach()),
    ],
    "bonus_scale": [
        ("backward_returns", scales(backward=True)),
        ("over_worlds", scales(axis=1)),
        ("spread_of_the_bonus", scales(gamma_is=0.0)),
        ("mean_taken_off", scales(centred=True)),
        ("discount_forgotten", scales(gamma_is=1.0)),
        ("variance_not_spread", scales(power=1)),
        ("each_world_for_itself", scales(keep=True)),
        ("value", lambda b, gamma: scales()(b, gamma) * 2),
    ],
    "two_lives": [
        ("bonus_cut_too", lives(int_=True)),
        ("nothing_cut", lives(ext=False)),
        ("the_wrong_one_cut", lives(ext=False, int_=True)),
        ("equal_weights", lives(weight=1.0)),
        ("one_discount", lives(gamma=(0.99, 0.99))),
        ("critics_swapped", lives(swap=True)),
        (
            "one_critic",
            lambda r, b, e, i, d: chain(2 * r + b, 2 * e + i, ~d, 0.99),
        ),
        ("value", lives(weight=3.0)),
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
}
