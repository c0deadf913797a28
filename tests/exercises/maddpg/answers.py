"""Answers to the exercises of the MADDPG chapter, as readers write them."""

import numpy as np
import torch
from torch.nn import functional as F

# --- whose action is new --------------------------------------------------------------------------


def questions_by_loop(new, stored):
    rows = []
    for i in range(new.shape[1]):
        joint = stored.clone()
        joint[:, i] = new[:, i]
        rows.append(joint)
    return torch.stack(rows)


def questions_by_mask(new, stored):
    own = torch.eye(new.shape[1], dtype=new.dtype).view(new.shape[1], 1, -1, 1)
    return own * new + (1 - own) * stored


def questions_by_cat(new, stored):
    N = new.shape[1]
    return torch.stack(
        [torch.cat([stored[:, :i], new[:, i : i + 1], stored[:, i + 1 :]], 1) for i in range(N)]
    )


# --- clip each ------------------------------------------------------------------------------------


def clipped_by_rows(gradient, most):
    rows = []
    for row in gradient:
        norm = row.pow(2).sum().sqrt().item()
        rows.append(row * (most / norm) if norm > most else row)
    return torch.stack(rows)


def clipped_by_numpy(gradient, most):
    g = gradient.numpy()
    norm = np.sqrt((g**2).sum(1, keepdims=True))
    factor = np.minimum(1.0, most / np.maximum(norm, 1e-30))
    return (g * factor).astype(g.dtype)


def clipped_by_where(gradient, most):
    norm = torch.linalg.vector_norm(gradient, dim=-1)[:, None]
    return torch.where(norm > most, gradient / norm * most, gradient)


# --- the smaller twin -----------------------------------------------------------------------------


def twin_by_min(reward, next_action, noise, terminated, first, second, gamma, cut):
    with torch.no_grad():
        action = torch.clip(next_action + torch.clip(noise, -cut, cut), 0, 1)
        both = torch.stack([first(action), second(action)])
        return reward + gamma * (1 - terminated.to(reward.dtype)) * both.min(0).values


@torch.no_grad()
def twin_by_loop(reward, next_action, noise, terminated, first, second, gamma, cut):
    y = reward.clone()
    for b in range(len(reward)):
        if not terminated[b]:
            a = (next_action[b] + noise[b].clamp(min=-cut, max=cut)).clamp(min=0, max=1)[None]
            y[b] = reward[b] + gamma * min(first(a).item(), second(a).item())
    return y


def twin_by_where(reward, next_action, noise, terminated, first, second, gamma, cut):
    action = (next_action + noise.clamp(-cut, cut)).clamp(0.0, 1.0)
    q, p = first(action).detach(), second(action).detach()
    return torch.where(terminated, reward, reward + gamma * torch.where(q < p, q, p))


def twin(join=torch.minimum, trim=True, inside=True, cut_by_end=True, learns=False):
    """A function like the answers, with one thing about it wrong."""

    def answer(reward, next_action, noise, terminated, first, second, gamma, cut):
        action = next_action + (noise.clamp(-cut, cut) if trim else noise)
        action = action.clamp(0, 1) if inside else action
        q = join(first(action), second(action))
        y = (
            torch.where(terminated, reward, reward + gamma * q)
            if cut_by_end
            else reward + gamma * q
        )
        return y if learns else y.detach()

    return answer


# --- the policy gradient --------------------------------------------------------------------------


def gradient_by_loop(obs, W, slope):
    total = torch.zeros_like(W)
    for o, s in zip(obs, slope, strict=True):
        a = 1 / (1 + torch.exp(-(o @ W)))
        total -= torch.outer(o, s * a * (1 - a))
    return total / len(obs)


def gradient_by_einsum(obs, W, slope):
    a = torch.sigmoid(obs @ W)
    return -torch.einsum("eo,ea->oa", obs, slope * a * (1 - a)) / obs.shape[0]


def gradient_by_numpy(obs, W, slope):
    o, w, s = obs.numpy(), W.numpy(), slope.numpy()
    a = 1 / (1 + np.exp(-(o @ w)))
    return np.mean(o[:, :, None] * (-s * a * (1 - a))[:, None, :], axis=0)


# --- straight through -----------------------------------------------------------------------------


def hard_by_max(logits, noise, tau):
    soft = torch.softmax((logits + noise) / tau, 1)
    hard = torch.zeros_like(soft).scatter(1, soft.argmax(1, keepdim=True), 1.0)
    return (hard - soft).detach() + soft


class _Through(torch.autograd.Function):
    @staticmethod
    def forward(ctx, soft):
        return F.one_hot(soft.argmax(-1), soft.shape[-1]).to(soft.dtype)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


def hard_by_function(logits, noise, tau):
    return _Through.apply(((logits + noise) / tau).softmax(-1))


def hard_by_eye(logits, noise, tau):
    powers = ((logits + noise) / tau).exp()
    soft = powers / powers.sum(1, keepdim=True)
    hard = torch.eye(soft.shape[1], dtype=soft.dtype)[soft.argmax(1)]
    return soft - soft.detach() + hard


def soft_of(logits, noise, tau):
    return ((logits + noise) / tau).softmax(-1)


def hard_of(logits, noise, tau):
    soft = soft_of(logits, noise, tau)
    return F.one_hot(soft.argmax(-1), soft.shape[-1]).to(soft.dtype)


# --- the slope through a softmax -----------------------------------------------------------------


def slope_by_autograd(logits, noise, slope, tau):
    logits = logits.clone().requires_grad_()
    (((logits + noise) / tau).softmax(1) * slope).sum().backward()
    return logits.grad


def slope_by_jacobian(logits, noise, slope, tau):
    a = F.softmax((logits + noise) / tau, dim=-1)
    jacobian = (torch.diag_embed(a) - a[:, :, None] * a[:, None, :]) / tau
    return torch.einsum("ekl,ek->el", jacobian, slope)


def slope_in_numpy(logits, noise, slope, tau):
    x, s = (logits.numpy() + noise.numpy()) / tau, slope.numpy()
    a = np.exp(x - x.max(1, keepdims=True))
    a /= a.sum(1, keepdims=True)
    return a / tau * (s - np.sum(a * s, 1, keepdims=True))


def slope_by_loops(logits, noise, slope, tau):
    a = ((logits + noise) / tau).softmax(1)
    out = torch.zeros_like(a)
    for row, probabilities, s in zip(out, a, slope, strict=True):
        for wanted, p in enumerate(probabilities):
            for k, q in enumerate(probabilities):
                row[wanted] += s[k] * q * (float(k == wanted) - p) / tau
    return out


def half_slope(less, scale=lambda tau: 1 / tau, temperature=lambda tau: tau):
    """The slope, less something else, at another temperature, or on another scale."""

    def answer(logits, noise, slope, tau):
        a = ((logits + noise) / temperature(tau)).softmax(-1)
        return scale(tau) * a * (slope - less(a, slope))

    return answer


def slope_by_powers(logits, noise, slope, tau):
    powers = torch.exp(logits / tau + noise / tau)
    a = powers / powers.sum(1)[:, None]
    return (a * slope - a * (a * slope).sum(1)[:, None]) / tau


def policy_mean(a, slope):
    return torch.einsum("ea,ea->e", a, slope)[:, None]


RIGHT = {
    "own_action": [questions_by_loop, questions_by_mask, questions_by_cat],
    "each_by_itself": [clipped_by_rows, clipped_by_numpy, clipped_by_where],
    "smaller_twin": [twin_by_min, twin_by_loop, twin_by_where],
    "up_the_slope": [gradient_by_loop, gradient_by_einsum, gradient_by_numpy],
    "upside_down": [hard_by_max, hard_by_function, hard_by_eye],
    "softmax_slope": [slope_by_autograd, slope_by_jacobian, slope_in_numpy, slope_by_loops],
}

WRONG = {
    "own_action": [
        ("everybody_new", lambda n, s: torch.stack([n] * n.shape[1])),
        ("nobody_new", lambda n, s: torch.stack([s] * n.shape[1])),
        ("others_new", lambda n, s: questions_by_loop(s, n)),
        ("nothing_to_learn", lambda n, s: questions_by_mask(n.detach(), s)),
        (
            "first_agent_new",
            lambda n, s: questions_by_loop(n, s)[:1].expand(n.shape[1], -1, -1, -1),
        ),
        ("shape", lambda n, s: questions_by_loop(n, s).transpose(0, 1)[:, :0]),
    ],
    "each_by_itself": [
        ("all_together", lambda g, m: g * min(1.0, m / max(g.norm().item(), 1e-30))),
        ("number_by_number", lambda g, m: torch.clip(g, -m, m)),
        ("always_scaled", lambda g, m: F.normalize(g, dim=1) * m),
        ("by_column", lambda g, m: clipped_by_where(g.T, m).T),
        (
            "zero_over_zero",
            lambda g, m: g / g.norm(dim=1, keepdim=True) * g.norm(dim=1, keepdim=True).clamp(max=m),
        ),
        ("squared_norm", lambda g, m: g * (m / (g * g).sum(1, keepdim=True)).clamp(max=1.0)),
    ],
    "smaller_twin": [
        ("larger_twin", twin(join=torch.maximum)),
        ("mean_of_twins", twin(join=lambda a, b: 0.5 * a + 0.5 * b)),
        ("one_critic", twin(join=lambda a, b: a)),
        ("noise_uncut", twin(trim=False)),
        ("outside", twin(inside=False)),
        ("end_ignored", twin(cut_by_end=False)),
        ("target_learns", twin(learns=True)),
    ],
    "up_the_slope": [
        ("downhill", lambda o, W, s: -gradient_by_einsum(o, W, s)),
        ("summed", lambda o, W, s: gradient_by_einsum(o, W, s) * o.shape[0]),
        ("sigmoid_forgotten", lambda o, W, s: -(o.T @ s) / len(o)),
        ("half_a_slope", lambda o, W, s: -(o.T @ (s * torch.sigmoid(o @ W))) / len(o)),
        ("mean_over_actions_too", lambda o, W, s: gradient_by_loop(o, W, s) / s.shape[1]),
    ],
    "upside_down": [
        (
            "turned_round",
            lambda x, n, t: hard_of(x, n, t) + soft_of(x, n, t).detach() - soft_of(x, n, t),
        ),
        ("no_way_back", hard_of),
        ("left_soft", soft_of),
        ("temperature_lost", lambda x, n, t: hard_by_max(x, n, 1)),
        ("noise_lost", lambda x, n, t: hard_by_max(x, torch.zeros_like(n), t)),
        (
            "gradient_twice",
            lambda x, n, t: hard_of(x, n, t) + 2 * soft_of(x, n, t) - 2 * soft_of(x, n, t).detach(),
        ),
    ],
    "softmax_slope": [
        ("like_a_sigmoid", half_slope(lambda a, slope: a * slope)),
        ("no_mean", half_slope(lambda a, slope: 0.0)),
        ("plain_mean", half_slope(lambda a, slope: slope.mean(1)[:, None])),
        ("without_temperature", half_slope(policy_mean, scale=lambda tau: 1)),
        ("times_temperature", half_slope(policy_mean, scale=lambda tau: tau)),
        (
            "temperature_forgotten",
            half_slope(policy_mean, lambda tau: 1, temperature=lambda tau: 1),
        ),
        ("noise_forgotten", lambda x, g, s, t: slope_by_jacobian(x, torch.zeros_like(g), s, t)),
        ("straight_past", lambda x, g, s, t: s + torch.zeros_like(x)),
        ("over_the_batch", half_slope(lambda a, slope: (a * slope).sum(0))),
        ("too_large_for_exp", slope_by_powers),
        ("downhill", lambda x, g, s, t: slope_by_jacobian(x, g, -s, t)),
        ("value", half_slope(policy_mean, temperature=lambda tau: 1)),
    ],
}
