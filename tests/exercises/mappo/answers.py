"""Answers to the exercises of the chapter about central critics, as readers write them."""

import numpy as np
import torch
from torch.nn import functional as F

# --- what the critic sees -------------------------------------------------------------------------


def view_by_loop(obs, alive):
    B, N, _ = obs.shape
    rows = []
    for b in range(B):
        team = torch.cat([obs[b, j] * float(alive[b, j]) for j in range(N)])
        rows.append(torch.stack([torch.cat([obs[b, i], team]) for i in range(N)]))
    return torch.stack(rows)


def view_by_repeat(obs, alive):
    seen = torch.where(alive.unsqueeze(-1), obs, torch.zeros_like(obs))
    return torch.cat((obs, seen.reshape(len(obs), 1, -1).repeat(1, obs.size(1), 1)), dim=2)


def view_by_numpy(obs, alive):
    x, a = obs.numpy(), alive.numpy()
    team = (x * a[..., None]).reshape(len(x), -1)
    return np.concatenate([x, np.repeat(team[:, None], x.shape[1], 1)], -1)


def view(own=lambda o, a: o, team=lambda o, a: o * a[..., None], order=lambda x: x.flatten(1)):
    """A function like the answers, with one thing about it wrong."""

    def answer(obs, alive):
        shown = order(team(obs, alive))[:, None].repeat(1, obs.shape[1], 1)
        return torch.cat([own(obs, alive), shown], 2)

    return answer


def view_swapped(obs, alive):
    right, O = view_by_repeat(obs, alive), obs.shape[-1]  # noqa: E741
    return torch.cat([right[..., O:], right[..., :O]], -1)


def view_of_others(obs, alive):
    found, O = view_by_loop(obs, alive), obs.shape[-1]  # noqa: E741
    for i in range(obs.shape[1]):
        found[:, i, O * (i + 1) : O * (i + 2)] = 0
    return found


def mean_view(obs, alive):
    rows = []
    for b in range(len(obs)):
        there = obs[b][alive[b]]
        mean = there.mean(0) if len(there) else torch.zeros_like(obs[b, 0])
        rows.append(mean.repeat(obs.shape[1], obs.shape[1]))
    return torch.cat([obs, torch.stack(rows)], -1)


# --- units ----------------------------------------------------------------------------------------


def units_by_sums(returns, alive, mean, var, count):
    x = returns[alive].double()
    n = count + len(x)
    total, squares = count * mean + x.sum(), count * (var + mean**2) + (x**2).sum()
    centre = total / n
    spread = max((squares / n - centre**2).item(), 0.0) ** 0.5
    return ((returns.double() - centre) / max(spread, 0.01)).to(returns.dtype)


def units_by_numpy(returns, alive, mean, var, count):
    x = returns.numpy()[alive.numpy()].astype(np.float64)
    n = count + len(x)
    centre = (count * mean + x.sum()) / n
    spread = np.sqrt((count * (var + (mean - centre) ** 2) + ((x - centre) ** 2).sum()) / n)
    return ((returns.numpy() - centre) / np.maximum(spread, 0.01)).astype(returns.numpy().dtype)


def units_one_by_one(returns, alive, mean, var, count):
    """Welford's way: a return at a time."""
    n, centre, squares = count, float(mean), float(count * var)
    for x in returns[alive].tolist():
        n += 1
        gap = x - centre
        centre += gap / n
        squares += gap * (x - centre)
    return (returns - centre) / max((squares / n) ** 0.5, 0.01)


def units(old=None, take=lambda r, a: r[a], between=True, move=True, root=True, back=False):
    """A function like the answers, with one thing about it wrong. `old`: the weight of the past."""

    def answer(returns, alive, mean, var, count):
        x = take(returns, alive)
        n, m = (count if old is None else old(count, len(x))), len(x)
        apart = x.mean() - mean
        spread = (n * var + m * ((x - x.mean()) ** 2).mean()) / (n + m)
        if between:
            spread = spread + n * m / (n + m) ** 2 * apart**2
        spread = (spread.sqrt() if root else spread).clamp(min=0.01)
        centre = (n * mean + m * x.mean()) / (n + m) if move else mean
        return centre + spread * returns if back else (returns - centre) / spread

    return answer


# --- the clip of a value --------------------------------------------------------------------------


def clip_by_loop(value, old, target, alive, clip_coef):
    errors = []
    for b, n in alive.nonzero().tolist():
        v, o, y = value[b, n], old[b, n], target[b, n]
        near = torch.minimum(torch.maximum(v, o - clip_coef), o + clip_coef)
        errors.append(max((v - y) ** 2, (near - y) ** 2))
    return torch.stack(errors).mean()


def clip_by_where(value, old, target, alive, clip_coef):
    near = torch.where(
        (value - old).abs() > clip_coef, old + clip_coef * (value - old).sign(), value
    )
    a, b = F.mse_loss(value, target, reduction="none"), F.mse_loss(near, target, reduction="none")
    return (torch.where(a > b, a, b) * alive).sum() / alive.sum()


def clip_by_stack(value, old, target, alive, clip_coef):
    near = old + torch.clip(value - old, -clip_coef, clip_coef)
    both = torch.stack([value, near]) - target
    return both.square().amax(0)[alive].mean()


def clip(choose=torch.max, mean=lambda e, a: e[a].mean()):
    """A function like the answers, with one thing about it wrong."""

    def answer(value, old, target, alive, clip_coef):
        near = torch.minimum(torch.maximum(value, old - clip_coef), old + clip_coef)
        return mean(choose((value - target).square(), (near - target).square()), alive)

    return answer


def clip_of_a_ratio(value, old, target, alive, clip_coef):
    ends = torch.stack([old * (1 - clip_coef), old * (1 + clip_coef)])
    near = torch.minimum(torch.maximum(value, ends.amin(0)), ends.amax(0))
    return torch.max((value - target).square(), (near - target).square())[alive].mean()


def clip_of_the_error(value, old, target, alive, clip_coef):
    error = (value - target).square()
    return torch.minimum(error, torch.full_like(error, clip_coef))[alive].mean()


# --- the hunt -------------------------------------------------------------------------------------


def starts_by_loop(h, window):
    return torch.stack([h[b, t] for b in range(len(h)) for t in range(0, h.shape[1], window)])


def starts_by_unflatten(h, window):
    return h.unflatten(1, (-1, window))[:, :, 0].reshape(-1, *h.shape[2:])


def starts_by_index(h, window):
    return h[:, torch.arange(0, h.size(1), window)].reshape(-1, h.size(2), h.size(3))


def starts_at(pick):
    """Windows whose start is taken from `pick(h, window)`, (B, W, N, D)."""
    return lambda h, window: pick(h, window).reshape(-1, *h.shape[2:])


def starts_shifted(h, window):
    later = torch.cat([h[:, 1:], h[:, :1]], 1)
    return starts_by_loop(later, window)


# --- advantages of the living --------------------------------------------------------------------


def living_by_sums(advantage, alive):
    clean, n = torch.where(alive, advantage, 0.0), alive.sum()
    mean = clean.sum() / n
    apart = torch.where(alive, advantage - mean, 0.0)
    return apart / ((apart**2).sum() / n).sqrt().add(1e-8)


def living_in_numpy(advantage, alive):
    a, here = advantage.numpy(), alive.numpy()
    with np.errstate(invalid="ignore"):
        return np.where(here, (a - a[here].mean()) / (a[here].std() + 1e-8), 0)


def living_by_index(advantage, alive):
    out = torch.zeros_like(advantage)
    some = advantage[alive]
    out[alive] = (some - some.mean()) / (some.var(unbiased=False) ** 0.5 + 1e-8)
    return out


def living_by_lists(advantage, alive):
    some = [
        x for x, here in zip(advantage.flatten().tolist(), alive.flatten(), strict=True) if here
    ]
    mean = sum(some) / len(some)
    unit = (sum((x - mean) ** 2 for x in some) / len(some)) ** 0.5 + 1e-8
    return advantage.sub(mean).div(unit).masked_fill(~alive, 0.0)


def living(some=lambda x, here: x[here], centre=True, unit=lambda x: x.std(correction=0)):
    """Advantages in other units, or less another mean."""

    def answer(advantage, alive):
        told = some(advantage, alive)
        result = (advantage - told.mean() * centre) / (unit(told) + 1e-8)
        return result.masked_fill(~alive, 0)

    return answer


def living_each(advantage, alive):
    out = torch.zeros_like(advantage)
    for n in range(advantage.shape[2]):
        if alive[..., n].any():
            out[..., n] = living_by_index(advantage[..., n], alive[..., n])
    return out


RIGHT = {
    "critic_view": [view_by_loop, view_by_repeat, view_by_numpy],
    "return_units": [units_by_sums, units_by_numpy, units_one_by_one],
    "value_clip": [clip_by_loop, clip_by_where, clip_by_stack],
    "borrowed_memories": [starts_by_loop, starts_by_unflatten, starts_by_index],
    "living_advantages": [living_by_sums, living_in_numpy, living_by_index, living_by_lists],
}

WRONG = {
    "critic_view": [
        ("gone_agents_shown", view(team=lambda o, a: o)),
        ("mask_inverted", view(team=lambda o, a: o * ~a[..., None])),
        ("own_masked", view(own=lambda o, a: o * a[..., None])),
        ("team_first", view_swapped),
        ("numbers_before_agents", view(order=lambda x: x.mT.flatten(1))),
        ("itself_left_out", view_of_others),
        ("dead_see_nothing", lambda o, a: torch.where(a[..., None], view_by_loop(o, a), 0.0)),
        ("average_of_the_team", mean_view),
        ("shape", lambda o, a: o * a[..., None]),
    ],
    "return_units": [
        ("before_they_are_seen", lambda r, a, mean, var, count: (r - mean) / var**0.5),
        ("this_round_alone", units(old=lambda n, m: 0)),
        ("gone_agents_count", units(take=lambda r, a: r.flatten())),
        ("distance_forgotten", units(between=False)),
        ("mean_not_moved", units(move=False)),
        ("half_and_half", units(old=lambda n, m: m)),
        ("variance_for_spread", units(root=False)),
        ("out_of_units", units(back=True)),
        ("shape", lambda r, a, *scale: units_one_by_one(r, a, *scale)[a]),
    ],
    "value_clip": [
        ("smaller_of_both", clip(choose=torch.min)),
        ("clipped_only", clip(choose=lambda free, near: near)),
        ("never_clipped", lambda v, o, y, a, c: F.mse_loss(v[a], y[a])),
        ("ratio_clipped", clip_of_a_ratio),
        ("gone_agents_count", clip(mean=lambda e, a: e.mean())),
        ("divided_by_all", clip(mean=lambda e, a: (e * a).mean())),
        ("error_clipped", clip_of_the_error),
        ("shape", clip(mean=lambda e, a: e)),
    ],
    "borrowed_memories": [
        ("other_environments", lambda h, w: torch.cat([*h[:, ::w].unbind(1)])),
        ("memory_at_the_end", starts_at(lambda h, w: h[:, w - 1 :: w])),
        ("one_step_late", starts_shifted),
        ("start_of_the_episode", lambda h, w: h[:, 0].repeat_interleave(h.shape[1] // w, 0)),
        ("zeros", lambda h, w: 0 * starts_by_loop(h, w)),
        ("other_agents", lambda h, w: starts_by_loop(h, w).roll(1, 1)),
        ("shape", lambda h, w: h[:, ::w]),
    ],
    "living_advantages": [
        ("all_slots", living(some=lambda x, here: x)),
        ("empty_count_as_0", living(some=lambda x, here: x.masked_fill(~here, 0))),
        ("only_centred", living(unit=lambda x: 1.0)),
        ("only_scaled", living(centre=False)),
        ("over_the_variance", living(unit=lambda x: x.var(correction=0))),
        ("one_less", living(unit=lambda x: x.std() if len(x) > 1 else 0 * x[0])),
        ("nothing_times_nan", lambda x, here: here * (living_by_lists(x, here) + 0 * x)),
        (
            "empty_slots_too",
            lambda x, here: (x - x[here].mean()) / (x[here].std(correction=0) + 1e-8),
        ),
        ("each_agent_for_itself", living_each),
        ("value", living(unit=lambda x: (x - x.mean()).abs().mean())),
    ],
}
