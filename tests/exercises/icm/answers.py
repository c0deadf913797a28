"""Answers to the exercises on ICM, as readers write them."""

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


RIGHT = {
    "count_bonus": [count_by_counter, count_by_numpy, count_by_matrix, counts()],
    "inverse_model": [inverse_by_loops, inverse_by_parts, inverse_by_one_hot],
    "surprise": [surprise_no_grad, surprise_by_norm, surprise_by_mse],
    "stopped_target": [loss_of_means, loss_no_grad_target, loss_by_loops, losses()],
    "across_the_reset": [led_by_loop, led_by_index, led_by_numpy],
    "bored_explorer": [error_by_loops, error_by_index, error_by_mse],
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
}
