"""Answers to the exercises on TarMAC, as readers write them."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

INF = float("inf")


# --- masked attention ----------------------------------------------------------------------------


def weights_by_exp(scores, mask):
    peak = torch.where(mask, scores, -INF).amax(-1, keepdim=True).clamp_min(-1e30)
    e = torch.where(mask, (scores - peak).clamp_max(0), -INF).exp()
    total = e.sum(-1, keepdim=True)
    return e / torch.where(total == 0, torch.ones_like(total), total)


def weights_by_loops(scores, mask):
    rows = []
    for env_scores, env_mask in zip(scores, mask, strict=True):
        for row, may in zip(env_scores, env_mask, strict=True):
            weights = torch.zeros_like(row)
            if may.any():
                weights[may] = F.softmax(row[may], 0)
            rows.append(weights)
    return torch.stack(rows).reshape(scores.shape)


def weights_by_fill(scores, mask):
    return F.softmax(scores.masked_fill(mask.logical_not(), -1e9), dim=2) * mask


def weights_by_nan_to_num(scores, mask):
    return scores.masked_fill(~mask, -INF).softmax(-1).nan_to_num(0.0)


def wrong_first_axis(scores, mask):
    return torch.nan_to_num(torch.softmax(torch.where(mask, scores, -INF), dim=1), nan=0.0)


def wrong_additive_fill(scores, mask):
    return F.softmax(scores + torch.where(mask, 0.0, -1e9).to(scores.dtype), -1)


# --- targeting -----------------------------------------------------------------------------------


def soft(scores, mask):
    return F.softmax(scores.masked_fill(~mask, -1e9), -1) * mask


def hear_by_einsum(z, W_k, W_v, W_q, alive):
    k, v, q = (torch.einsum("bnd,de->bne", z, W) for W in (W_k, W_v, W_q))
    scores = torch.einsum("bje,bie->bji", q, k) / math.sqrt(W_k.size(1))
    mask = torch.einsum("bj,bi->bji", alive.float(), alive.float()).bool()
    return torch.einsum("bji,biv->bjv", soft(scores, mask), v)


def hear_by_library(z, W_k, W_v, W_q, alive):
    mask = (alive.unsqueeze(1) & alive.unsqueeze(2)) | torch.eye(alive.shape[1], dtype=torch.bool)
    heard = F.scaled_dot_product_attention(z @ W_q, z @ W_k, z @ W_v, attn_mask=mask)
    return heard.masked_fill(~alive.unsqueeze(-1), 0.0)


def hear_by_loops(z, W_k, W_v, W_q, alive):
    heard = []
    for b in range(len(z)):
        for j in range(z.shape[1]):
            senders = [i for i in range(z.shape[1]) if alive[b, i]]
            if not alive[b, j]:
                heard.append(z.new_zeros(W_v.shape[1]))
                continue
            scores = torch.stack([(z[b, j] @ W_q) @ (z[b, i] @ W_k) for i in senders])
            weights = (scores / W_k.shape[1] ** 0.5).softmax(0)
            heard.append(sum(w * (z[b, i] @ W_v) for w, i in zip(weights, senders, strict=True)))
    return torch.stack(heard).view(*z.shape[:2], -1)


def adjacency(scale=None, senders=True, receivers=True, me=True, swap=False, cut=()):
    """A function like the answers, with one thing about it wrong."""

    def answer(z, W_k, W_v, W_q, alive):
        said = z.detach() if "sender" in cut else z
        k, v, q = said @ W_k, said @ W_v, z @ W_q
        if "message" in cut:
            k, v = k.data, v.data
        if swap:
            k, q = q, k
        scores = torch.matmul(q, k.mT) / (scale(W_k) if scale else W_k.shape[1] ** 0.5)
        mask = torch.ones(scores.shape, dtype=torch.bool)
        if senders:
            mask = mask & alive[:, None]
        if receivers:
            mask = mask & alive[..., None]
        if not me:
            mask = mask & ~torch.eye(alive.shape[1]).bool()
        heard = soft(scores, mask) @ v
        return heard.detach() if "result" in cut else heard

    return answer


def wrong_two_mistakes(z, W_k, W_v, W_q, alive):
    """Unscaled, and too short for one agent: nothing fits exactly."""
    return adjacency(scale=lambda W: 1.0)(z, W_k, W_v, W_q, alive) * (1 + 0.1 * (z.shape[1] == 1))


# --- heads ---------------------------------------------------------------------------------------


def heads_by_einsum(value, attention):
    H = attention.shape[1]
    heard = torch.einsum("bhji,bihd->bjhd", attention, value.unflatten(-1, (H, -1)))
    return heard.flatten(2)


def heads_by_chunks(value, attention):
    parts = value.chunk(attention.shape[1], dim=-1)
    return torch.cat([attention[:, h] @ part for h, part in enumerate(parts)], dim=-1)


def heads_by_permute(value, attention):
    B, N, M = value.shape
    H = attention.size(1)
    split = value.reshape(B, N, H, M // H).permute(0, 2, 1, 3)
    heard = torch.bmm(attention.flatten(0, 1), split.flatten(0, 1)).view(B, H, N, -1)
    return heard.swapaxes(1, 2).contiguous().view(B, N, M)


def wrong_view(value, attention):
    B, N, M = value.shape
    H = attention.size(1)
    heard = torch.einsum("bhji,bhid->bhjd", attention, value.reshape(B, H, N, M // H))
    return torch.einsum("bhjd->bjhd", heard).reshape(B, N, M)


def wrong_merge(value, attention):
    parts = torch.stack(value.chunk(attention.shape[1], -1), 1)
    return torch.matmul(attention, parts).contiguous().view(value.shape)


def wrong_stack(value, attention):
    parts = value.chunk(attention.shape[1], -1)
    heard = [attention[:, h] @ part for h, part in enumerate(parts)]
    return torch.stack(heard, -1).reshape(value.shape)


# --- rounds --------------------------------------------------------------------------------------


def rounds_by_recursion(z, listen, W_c, W_z, rounds):
    if rounds == 0:
        return z
    return rounds_by_recursion(
        (listen(z).matmul(W_c) + z.matmul(W_z)).tanh(), listen, W_c, W_z, rounds - 1
    )


def rounds_by_linear(z, listen, W_c, W_z, rounds):
    while rounds:
        z, rounds = torch.tanh(F.linear(listen(z), W_c.T) + F.linear(z, W_z.T)), rounds - 1
    return z


def rounds_by_one_matrix(z, listen, W_c, W_z, rounds):
    W = torch.cat([W_c, W_z])
    for _ in range(rounds):
        z = torch.tanh(torch.einsum("bnd,de->bne", torch.cat([listen(z), z], -1), W))
    return z


def wrong_fresh_layers(z, listen, W_c, W_z, rounds):
    z = torch.tanh(listen(z) @ W_c + z @ W_z)
    for _ in range(rounds - 1):
        layer = nn.Linear(z.shape[-1], z.shape[-1], bias=False, dtype=z.dtype)
        z = torch.tanh(layer(listen(z)) + z @ W_z)
    return z


def wrong_heard_once(z, listen, W_c, W_z, rounds):
    said = listen(z) @ W_c
    for _ in range(rounds):
        z = torch.tanh(said + z @ W_z)
    return z


def wrong_start_kept(z, listen, W_c, W_z, rounds):
    h, own = z, z @ W_z
    for _ in range(rounds):
        h = torch.tanh(listen(h) @ W_c + own)
    return h


def wrong_always_one(z, listen, W_c, W_z, rounds):
    return (listen(z) @ W_c + z @ W_z).tanh()


def wrong_residual(z, listen, W_c, W_z, rounds):
    for _ in range(rounds):
        z = z + (listen(z) @ W_c + z @ W_z).tanh()
    return z


# --- the mean of the others ----------------------------------------------------------------------


def mean_by_loops(z, alive):
    heard = torch.zeros_like(z)
    for b, j in alive.nonzero().tolist():
        others = [z[b, i] for i in range(z.shape[1]) if alive[b, i] and i != j]
        if others:
            heard[b, j] = torch.stack(others).mean(0)
    return heard


def mean_by_matrix(z, alive):
    w = (alive[:, :, None] & alive[:, None, :]).to(z.dtype)
    w = w * (1 - torch.eye(z.shape[1], dtype=z.dtype))
    return (w / w.sum(-1, keepdim=True).clamp(min=1)) @ z


def mean_by_einsum(z, alive):
    a = alive.to(z.dtype)
    total = torch.einsum("bn,bnd->bd", a, z)[:, None] - a[..., None] * z
    count = a.sum(1)[:, None, None] - a[..., None]
    return torch.where(alive[..., None] & (count > 0), total / count.clamp_min(0.5), 0.0)


def means(me=False, count="others", dead_speak=False, dead_hear=False, guard=True):
    """A function like the answers, with one thing about it wrong."""

    def answer(z, alive):
        N = z.shape[1]
        w = alive[:, None].expand(-1, N, -1).to(z.dtype)
        if dead_speak:
            w = torch.ones_like(w)
        if not me:
            w = w * (1 - torch.eye(N, dtype=z.dtype))
        counts = {
            "others": w.sum(-1, keepdim=True),
            "living": alive.sum(1)[:, None, None].to(z.dtype),
            "slots": torch.tensor(N, dtype=z.dtype),
            "other slots": torch.tensor(N - 1, dtype=z.dtype),
            "one": torch.tensor(1, dtype=z.dtype),
        }
        divisor = counts[count].clamp_min(1) if guard else counts[count]
        heard = w @ z / divisor
        return heard if dead_hear else heard.masked_fill(~alive[..., None], 0)

    return answer


# --- memory --------------------------------------------------------------------------------------


def memory_by_loops(h, completed, alive):
    zero = torch.zeros_like(h[0, 0])
    envs, slots = alive.shape
    keep = [[bool(alive[b, n]) and not completed[b, n] for n in range(slots)] for b in range(envs)]
    rows = [[h[b, n] if keep[b][n] else zero for n in range(slots)] for b in range(envs)]
    return torch.stack([torch.stack(row) for row in rows])


# --- advantages ----------------------------------------------------------------------------------


def advantages_in_numpy(reward, value, left, gamma, gae_lambda):
    reward, value, left = (np.asarray(x) for x in (reward, value, left))
    result = np.zeros(reward.shape)
    later = 0.0
    for t in range(reward.shape[1] - 1, -1, -1):
        later = np.where(left[:, t], 0.0, gamma * (value[:, t + 1] + gae_lambda * later))
        later = reward[:, t] - value[:, t] + later
        result[:, t] = later
    return result


def advantages_car_by_car(reward, value, left, gamma, gae_lambda):
    B, T, N = reward.shape
    result = torch.empty_like(reward)
    for b in range(B):
        for n in range(N):
            carried = 0.0
            for t in reversed(range(T)):
                after = 0.0 if left[b, t, n] else value[b, t + 1, n]
                carried = 0.0 if left[b, t, n] else carried
                carried = (
                    reward[b, t, n] + gamma * after - value[b, t, n] + gamma * gae_lambda * carried
                )
                result[b, t, n] = carried
    return result


def advantages_by_matrix(reward, value, left, gamma, gae_lambda):
    c = 1 - left.to(reward.dtype)
    delta = reward + gamma * c * value[:, 1:] - value[:, :-1]
    rows = []
    for t in range(reward.shape[1]):
        factor = torch.cat([torch.ones_like(c[:, :1]), gamma * gae_lambda * c[:, t:-1]], 1).cumprod(
            1
        )
        rows.append((factor * delta[:, t:]).sum(1))
    return torch.stack(rows, dim=1)


def credits(bootstrap=True, chain=True, limit=True, lam_is=None, shift=False, plus=False):
    """A function like the answers, with one thing about it wrong."""

    def answer(reward, value, left, gamma, gae_lambda):
        gae_lambda = gae_lambda if lam_is is None else lam_is
        ends = left.roll(1, 1).float() if shift else left.float()
        if shift:
            ends[:, 0] = 0
        T = reward.shape[1]
        steps, later = [], torch.zeros_like(reward[:, -1])
        for t in range(T - 1, -1, -1):
            after = value[:, t + 1] * (limit or t < T - 1)
            delta = reward[:, t] - value[:, t] + gamma * after * (1 - ends[:, t] * bootstrap)
            later = delta + gamma * gae_lambda * later * (1 - ends[:, t] * chain)
            steps.insert(0, later + plus * value[:, t])
        return torch.stack(steps, 1)

    return answer


# --- the bug hunt --------------------------------------------------------------------------------


def mended_by_split(message, query, mask):
    d = query.size(-1)
    k, v = message.split([d, message.size(-1) - d], -1)
    return soft(query @ k.mT / d**0.5, mask) @ v


def mended_by_einsum(message, query, mask):
    inbox = message.clone()
    d = query.size(-1)
    scores = torch.einsum("bjd,bid->bji", query, inbox[..., :d]) / math.sqrt(d)
    return torch.einsum("bji,biv->bjv", soft(scores, mask), inbox[..., d:])


def mended_by_library(message, query, mask):
    d = query.size(-1)
    mine = mask | torch.eye(mask.shape[1], dtype=torch.bool)
    heard = F.scaled_dot_product_attention(query, message[..., :d], message[..., d:], mine)
    return heard * mask.any(-1, keepdim=True)


def mended(key=None, value=None, asked=None, attention=None):
    """A function like the answers, in which one thing is still cut off."""

    def answer(message, query, mask):
        d = query.size(-1)
        k, v = message[..., :d], message[..., d:]
        k, v, q = k.data if key else k, v.data if value else v, query.data if asked else query
        weights = soft(torch.matmul(q, k.mT) / d**0.5, mask)
        return (weights.data if attention else weights) @ v

    return answer


@torch.no_grad()
def wrong_no_grad(message, query, mask):
    return mended_by_split(message, query, mask)


def wrong_numpy_inside(message, query, mask):
    inbox = torch.from_numpy(message.detach().numpy())
    return mended_by_split(inbox, query, mask)


RIGHT = {
    "masked_attention": [weights_by_exp, weights_by_loops, weights_by_fill, weights_by_nan_to_num],
    "targeting": [hear_by_einsum, hear_by_library, hear_by_loops],
    "several_heads": [heads_by_einsum, heads_by_chunks, heads_by_permute],
    "several_rounds": [rounds_by_recursion, rounds_by_linear, rounds_by_one_matrix],
    "mean_of_the_others": [mean_by_loops, mean_by_matrix, mean_by_einsum],
    "new_driver": [
        lambda h, completed, alive: torch.where((alive & ~completed).unsqueeze(-1), h, 0.0),
        lambda h, completed, alive: h.masked_fill((completed | ~alive)[:, :, None], 0.0),
        memory_by_loops,
    ],
    "leaving_cars": [advantages_in_numpy, advantages_car_by_car, advantages_by_matrix],
    "silent_team": [mended_by_split, mended_by_einsum, mended_by_library],
}
WRONG = {
    "masked_attention": [
        ("softmax_over_receivers", wrong_first_axis),
        ("mask_after_softmax", lambda s, m: torch.where(m, s.softmax(-1), 0.0)),
        ("mask_multiplies_scores", lambda s, m: F.softmax(torch.where(m, s, 0.0), -1)),
        ("uniform_leak", wrong_additive_fill),
        ("nan_without_senders", lambda s, m: torch.where(m, s, -INF).softmax(-1)),
        ("mask_inverted", lambda s, m: s.masked_fill(m, -INF).softmax(-1).nan_to_num(0.0)),
        ("mask_transposed", lambda s, m: s.masked_fill(~m.mT, -INF).softmax(-1).nan_to_num(0.0)),
        ("exp_overflows", lambda s, m: (e := s.exp() * m) / (e.sum(-1, keepdim=True) + 1e-12)),
        ("mask_forgotten", lambda s, m: F.softmax(s, 2)),
        ("gradient", lambda s, m: weights_by_loops(s, m).detach()),
        ("numpy", lambda s, m: weights_by_loops(s, m).detach().numpy()),
    ],
    "targeting": [
        ("unscaled", adjacency(scale=lambda W: 1.0)),
        ("scaled_by_d_k", adjacency(scale=lambda W: W.shape[1])),
        ("scaled_by_features", adjacency(scale=lambda W: W.shape[0] ** 0.5)),
        ("dead_heard", adjacency(senders=False)),
        ("dead_hear", adjacency(receivers=False)),
        ("nobody_masked", adjacency(senders=False, receivers=False)),
        ("deaf_to_itself", adjacency(me=False)),
        ("roles_swapped", adjacency(swap=True)),
        ("messages_detached", adjacency(cut=["message"])),
        ("senders_detached", adjacency(cut=["sender"])),
        ("gradient", adjacency(cut=["result"])),
        ("value", wrong_two_mistakes),
    ],
    "several_heads": [
        ("split_by_view", wrong_view),
        ("merge_by_view", wrong_merge),
        ("split_and_merge_by_view", lambda v, a: (a @ v.view(*a.shape[:3], -1)).view(v.shape)),
        ("merged_interleaved", wrong_stack),
        ("attention_transposed", lambda v, a: heads_by_einsum(v, a.mT)),
        ("one_attention_for_all", lambda v, a: torch.einsum("bji,bim->bjm", a[:, 0], v)),
        ("heads_averaged", lambda v, a: torch.einsum("bhji,bim->bjm", a / a.shape[1], v)),
        ("heads_summed", lambda v, a: heads_by_einsum(v, a).unflatten(-1, (a.shape[1], -1)).sum(2)),
        ("value", lambda v, a: heads_by_einsum(v, a) + 1),
    ],
    "several_rounds": [
        ("single_round", wrong_always_one),
        ("old_messages", wrong_heard_once),
        ("old_self", wrong_start_kept),
        ("old_added", wrong_residual),
        ("not_deterministic", wrong_fresh_layers),
        ("weights_swapped", lambda z, li, c, w, r: rounds_by_linear(z, li, w, c, r)),
        ("value", lambda z, li, c, w, r: rounds_by_linear(z, li, c, w, 2 * r)),
    ],
    "mean_of_the_others": [
        ("self_included", means(me=True)),
        ("divided_by_living", means(count="living")),
        ("divided_by_slots", means(count="slots")),
        ("divided_by_other_slots", means(count="other slots")),
        ("summed", means(count="one")),
        ("dead_listen", means(dead_hear=True)),
        ("dead_speak", means(dead_speak=True)),
        ("nan_alone", means(guard=False)),
        ("shape", lambda z, alive: z.mean(1, keepdim=True)),
    ],
    "new_driver": [
        ("newcomer_inherits", lambda h, c, a: torch.where(a.unsqueeze(2), h, 0.0)),
        ("empty_slots_keep", lambda h, c, a: h.masked_fill(c[..., None], 0)),
        ("never_reset", lambda h, c, a: h),
        ("whole_world_reset", lambda h, c, a: h * a[..., None] * ~c.any(1)[:, None, None]),
        ("memory_detached", lambda h, c, a: h.data.masked_fill((c | ~a)[..., None], 0)),
        ("wrong_way_round", lambda h, c, a: torch.where((a & c)[..., None], h, 0.0)),
        ("shape", lambda h, c, a: (a & ~c)[..., None].to(h.dtype)),
        ("mutated", lambda h, c, a: h.mul_((a & ~c)[..., None])),
    ],
    "leaving_cars": [
        ("ends_ignored", credits(bootstrap=False, chain=False)),
        ("bootstrap_through_the_end", credits(bootstrap=False)),
        ("advantage_leaks", credits(chain=False)),
        ("time_limit_is_an_end", credits(limit=False)),
        ("one_step_only", credits(lam_is=0.0)),
        ("lambda_forgotten", credits(lam_is=1.0)),
        ("cut_too_late", credits(shift=True)),
        ("returns_instead", credits(plus=True)),
    ],
    "silent_team": [
        ("message_detached", mended(key=True, value=True)),
        ("message_detached", wrong_numpy_inside),
        ("value_detached", mended(value=True)),
        ("signature_detached", mended(key=True)),
        ("query_detached", mended(asked=True)),
        ("attention_detached", mended(attention=True)),
        ("nothing_learned", wrong_no_grad),
        (
            "uniform_hearing",
            lambda m, q, k: soft(torch.zeros(k.shape), k).to(m.dtype) @ m[..., q.shape[-1] :],
        ),
    ],
}
