"""Answers to the exercises of the graph attention chapter, as readers write them."""

import math

import numpy as np
import torch
from torch.nn import functional as F

INF = float("inf")

# --- the score of every pair ----------------------------------------------------------------------


def scores_by_pairs(Wh, a):
    N = len(Wh)
    pairs = torch.cat([Wh[:, None].expand(N, N, -1), Wh[None].expand(N, N, -1)], -1)
    return F.leaky_relu(pairs @ a, negative_slope=0.2)


def scores_by_where(Wh, a):
    left, right = a.chunk(2)
    e = (Wh @ left).unsqueeze(1) + (Wh @ right).unsqueeze(0)
    return torch.where(e > 0, e, 0.2 * e)


def scores_by_loops(Wh, a):
    rows = []
    for x in Wh:
        rows.append(torch.stack([F.leaky_relu(torch.dot(a, torch.cat([x, y])), 0.2) for y in Wh]))
    return torch.stack(rows)


def scores_default_slope(Wh, a):
    left, right = a.chunk(2)
    return torch.nn.LeakyReLU()((Wh @ left)[:, None] + (Wh @ right)[None])


def scores_sender_first(Wh, a):
    right, left = a.chunk(2)
    return F.leaky_relu((Wh @ left)[:, None] + (Wh @ right)[None], 0.2)


def scores_linear(Wh, a):
    N = len(Wh)
    return torch.cat([Wh[:, None].expand(N, N, -1), Wh[None].expand(N, N, -1)], -1) @ a


def scores_by_elu(Wh, a):
    left, right = a.chunk(2)
    return F.elu((Wh @ left)[:, None] + (Wh @ right)[None])


def scores_relu(Wh, a):
    left, right = a.chunk(2)
    return ((Wh @ left)[:, None] + (Wh @ right)[None]).clamp_min(0)


def scores_of_numpy(Wh, a):
    left, right = np.split(a.detach().numpy(), 2)
    e = Wh.detach().numpy() @ left
    e = e[:, None] + Wh.detach().numpy() @ right
    return np.where(e > 0, e, 0.2 * e)


# --- one head, end to end -------------------------------------------------------------------------


def hood(adjacency):
    return torch.logical_or(adjacency, torch.eye(adjacency.shape[0]).bool())


def layer_by_fill(h, W, score, adjacency):
    return score.masked_fill(~hood(adjacency), -INF).softmax(1) @ h @ W


def layer_by_loops(h, W, score, adjacency):
    said = torch.einsum("nd,df->nf", h, W)
    heard = []
    for i in range(len(h)):
        near = [j for j in range(len(h)) if i == j or adjacency[i, j]]
        weight = torch.softmax(score[i, near], 0)
        heard.append(sum(w * said[j] for w, j in zip(weight, near, strict=True)))
    return torch.stack(heard)


def layer_by_exp(h, W, score, adjacency):
    heard = score + torch.where(hood(adjacency), 0.0, -INF)
    e = torch.exp(heard - heard.max(1, keepdim=True).values.detach())
    return (e / e.sum(1, keepdim=True)).matmul(h.matmul(W))


def layer_without_loops(h, W, score, adjacency):
    no = torch.eye(len(h)).bool()
    others = adjacency & ~no
    return score.masked_fill(~others, -1e9).softmax(1) * others @ (h @ W)


def layer_of_hears(h, W, score, adjacency):
    return score.masked_fill(~adjacency, -1e9).softmax(1) * adjacency @ (h @ W)


def layer_transposed(h, W, score, adjacency):
    return score.masked_fill(~hood(adjacency).t(), -INF).softmax(1) @ h @ W


def layer_down_columns(h, W, score, adjacency):
    return score.masked_fill(~hood(adjacency), -INF).softmax(0) @ h @ W


def layer_unmasked(h, W, score, adjacency):
    return F.softmax(score, dim=1) @ (h @ W)


def layer_masked_after(h, W, score, adjacency):
    return F.softmax(score, dim=1).masked_fill(~hood(adjacency), 0) @ (h @ W)


def layer_sums_h(h, W, score, adjacency):
    return score.masked_fill(~hood(adjacency), -INF).softmax(1) @ h


# --- heads ----------------------------------------------------------------------------------------


def merge_by_reshape(heard, last):
    return heard.mean(dim=-2) if last else F.elu(heard.reshape(heard.shape[0], -1))


def merge_by_cat(heard, last):
    heads = heard.unbind(1)
    if last:
        return sum(heads) / len(heads)
    return torch.cat([F.elu(one) for one in heads], dim=1)


def merge_by_formula(heard, last):
    if last:
        return torch.einsum("nhf->nf", heard) / heard.shape[1]
    x = heard.flatten(1)
    return torch.where(x > 0, x, torch.expm1(x.clamp_max(0)))


def merge_feature_major(heard, last):
    if last:
        return heard.mean(1)
    return F.elu(heard.permute(0, 2, 1).reshape(len(heard), -1))


def merge_sum(heard, last):
    return torch.einsum("nhf->nf", heard) if last else F.elu(heard.flatten(1))


def merge_always_elu(heard, last):
    return F.elu(heard.mean(1)) if last else F.elu(heard.flatten(1))


def merge_elu_first(heard, last):
    heard = F.elu(heard)
    return heard.mean(1) if last else heard.flatten(1)


def merge_plain(heard, last):
    return heard.mean(1) if last else heard.flatten(1)


def merge_relu(heard, last):
    return heard.mean(1) if last else heard.flatten(1).clamp_min(0)


def merge_last_only(heard, last):
    return heard.mean(1) if last else None


# --- a softmax over edges -------------------------------------------------------------------------


def edges_by_loops(score, receiver, n):
    weight = torch.zeros_like(score)
    for i in range(n):
        weight[receiver == i] = torch.softmax(score[receiver == i], 0)
    return weight


def edges_by_matrix(score, receiver, n):
    belongs = receiver == torch.arange(n)[:, None]
    rows = torch.where(belongs, score, -INF).softmax(1)
    return torch.where(belongs, rows, 0.0).sum(0)


def edges_by_scatter(score, receiver, n):
    peak = torch.full((n,), -INF, dtype=score.dtype).scatter_reduce(0, receiver, score, "amax")
    e = torch.exp(score - peak.detach()[receiver])
    total = torch.zeros(n, dtype=score.dtype).scatter_add(0, receiver, e)
    return e / total.gather(0, receiver)


def edges_all(score, receiver, n):
    e = (score - score.max()).exp()
    return e / e.sum()


def edges_global_peak(score, receiver, n):
    e = (score - score.max()).exp()
    return e / torch.zeros(n, dtype=score.dtype).scatter_add(0, receiver, e)[receiver]


def edges_no_peak(score, receiver, n):
    e = score.exp()
    return e / torch.zeros(n, dtype=score.dtype).scatter_add(0, receiver, e)[receiver]


def edges_unnormalised(score, receiver, n):
    peak = torch.full((n,), -INF, dtype=score.dtype).scatter_reduce(0, receiver, score, "amax")
    return torch.exp(score - peak.detach()[receiver])


def edges_counted(score, receiver, n):
    return (1 / receiver.bincount(minlength=n))[receiver].to(score.dtype)


def edges_float32(score, receiver, n):
    peak = torch.full((n,), -INF).scatter_reduce(0, receiver, score.float(), "amax")
    e = (score.float() - peak.detach()[receiver]).exp()
    return e / torch.zeros(n).index_add(0, receiver, e)[receiver]


# --- how far information travels -----------------------------------------------------------------


def field_by_power(adjacency, layers):
    step = (adjacency | torch.eye(len(adjacency)).bool()).double()
    return torch.linalg.matrix_power(step, layers) > 0


def field_by_sets(adjacency, layers):
    N = len(adjacency)
    field = torch.zeros(N, N, dtype=torch.bool)
    for i in range(N):
        known = {i}
        for _ in range(layers):
            known |= {j for k in known for j in range(N) if adjacency[k, j]}
        field[i, list(known)] = True
    return field


def field_of_numpy(adjacency, layers):
    step = adjacency.numpy() | np.eye(len(adjacency), dtype=bool)
    field = np.eye(len(adjacency), dtype=bool)
    for _ in range(layers):
        field = step @ field
    return field


def field_no_loops(adjacency, layers):
    return torch.linalg.matrix_power(adjacency.double(), layers) > 0


def field_transposed(adjacency, layers):
    return field_by_power(adjacency.T, layers)


def field_undirected(adjacency, layers):
    return field_by_power(adjacency | adjacency.T, layers)


def field_of_neighbours(adjacency, layers):
    return field_by_power(adjacency, 1 if layers else 0)


def field_too_far(adjacency, layers):
    return field_by_sets(adjacency, layers + 1)


def field_too_short(adjacency, layers):
    return field_by_sets(adjacency, layers - 1)


def field_counts(adjacency, layers):
    return torch.linalg.matrix_power(
        (adjacency | torch.eye(len(adjacency)).bool()).double(), layers
    )


# --- the weights of a GCN -------------------------------------------------------------------------


def gcn_by_diagonals(adjacency):
    A = hood(adjacency).float()
    root = torch.diag(A.sum(1) ** -0.5)
    return root @ A @ root


def gcn_by_outer(adjacency):
    A = hood(adjacency).float()
    d = A.sum(0)
    return A / torch.outer(d, d).sqrt()


def gcn_by_loops(adjacency):
    N = len(adjacency)
    near = [{j for j in range(N) if i == j or adjacency[i, j]} for i in range(N)]
    return torch.tensor(
        [
            [1 / math.sqrt(len(near[i]) * len(near[j])) if j in near[i] else 0.0 for j in range(N)]
            for i in range(N)
        ]
    )


def gcn_mean(adjacency):
    A = hood(adjacency).float()
    return torch.diag(1 / A.sum(1)) @ A


def gcn_no_root(adjacency):
    A = hood(adjacency).float()
    return torch.diag(1 / A.sum(1)) @ A @ torch.diag(1 / A.sum(1))


def gcn_double(adjacency):
    A = adjacency.float() + torch.eye(len(adjacency))
    root = torch.diag(A.sum(1) ** -0.5)
    return root @ A @ root


def gcn_no_self(adjacency):
    A = adjacency.float() * (1 - torch.eye(len(adjacency)))
    root = torch.diag(A.sum(1).clamp(min=1) ** -0.5)
    return root @ A @ root


def gcn_everybody(adjacency):
    d = hood(adjacency).float().sum(1)
    return torch.outer(d**-0.5, d**-0.5)


# --- bug hunt -------------------------------------------------------------------------------------


def along_by_loops(Wh, score, edges):
    heard = []
    for i in range(len(Wh)):
        mine = edges[1] == i
        heard.append(torch.softmax(score[mine], 0) @ Wh[edges[0, mine]])
    return torch.stack(heard)


def along_by_matrix(Wh, score, edges):
    belongs = edges[1] == torch.arange(len(Wh))[:, None]
    weight = torch.where(belongs, score, -INF).softmax(1)
    return weight @ Wh[edges[0]]


def along_by_scatter(Wh, score, edges):
    source, goal = edges.unbind(0)
    weight = edges_by_scatter(score, goal, len(Wh))
    where = goal[:, None].expand(-1, Wh.shape[1])
    return torch.zeros_like(Wh).scatter_add(0, where, weight[:, None] * Wh[source])


def along_backwards(Wh, score, edges):
    return along_by_loops(Wh, score, edges.flip(0))


def along_wrong_softmax(Wh, score, edges):
    weight = edges_by_scatter(score, edges[0], len(Wh))
    return torch.zeros_like(Wh).index_add(0, edges[1], weight[:, None] * Wh[edges[0]])


def along_wrong_sum(Wh, score, edges):
    weight = edges_by_scatter(score, edges[1], len(Wh))
    return torch.zeros_like(Wh).index_add(0, edges[0], weight[:, None] * Wh[edges[1]])


def along_itself(Wh, score, edges):
    weight = edges_by_scatter(score, edges[1], len(Wh))
    return torch.zeros_like(Wh).index_add(0, edges[1], weight[:, None] * Wh[edges[1]])


def along_mean(Wh, score, edges):
    return along_by_loops(Wh, torch.zeros_like(score) * score, edges)


def along_detached(Wh, score, edges):
    return along_by_loops(Wh.detach(), score, edges)


RIGHT = {
    "graph_scores": [scores_by_pairs, scores_by_where, scores_by_loops],
    "graph_layer": [layer_by_fill, layer_by_loops, layer_by_exp],
    "merge_heads": [merge_by_reshape, merge_by_cat, merge_by_formula],
    "edge_softmax": [edges_by_loops, edges_by_matrix, edges_by_scatter],
    "receptive_field": [field_by_power, field_by_sets, field_of_numpy],
    "gcn_weights": [gcn_by_diagonals, gcn_by_outer, gcn_by_loops],
    "wrong_way": [along_by_loops, along_by_matrix, along_by_scatter],
}
WRONG = {
    "graph_scores": [
        ("slope_of_torch", scores_default_slope),
        ("roles_of_a_swapped", scores_sender_first),
        ("no_leaky_relu", scores_linear),
        ("plain_relu", scores_relu),
        ("value", scores_by_elu),
        ("numpy", scores_of_numpy),
    ],
    "graph_layer": [
        ("itself_forgotten", layer_without_loops),
        ("itself_only_if_said", layer_of_hears),
        ("against_the_links", layer_transposed),
        ("softmax_over_receivers", layer_down_columns),
        ("everybody_heard", layer_unmasked),
        ("masked_too_late", layer_masked_after),
        ("shape", layer_sums_h),
    ],
    "merge_heads": [
        ("heads_interleaved", merge_feature_major),
        ("sum_of_heads", merge_sum),
        ("elu_at_the_end", merge_always_elu),
        ("elu_before_the_mean", merge_elu_first),
        ("no_elu", merge_plain),
        ("relu_instead", merge_relu),
        ("nothing_returned", merge_last_only),
    ],
    "edge_softmax": [
        ("over_all_edges", edges_all),
        ("one_peak_for_all", edges_global_peak),
        ("nothing_subtracted", edges_no_peak),
        ("unnormalised", edges_unnormalised),
        ("mean_over_edges", edges_counted),
        ("dtype", edges_float32),
    ],
    "receptive_field": [
        ("exactly_so_many", field_no_loops),
        ("who_knows_me", field_transposed),
        ("both_ways", field_undirected),
        ("neighbours_only", field_of_neighbours),
        ("one_layer_too_many", field_too_far),
        ("one_layer_too_few", field_too_short),
        ("dtype", field_counts),
    ],
    "gcn_weights": [
        ("mean_weights", gcn_mean),
        ("no_root", gcn_no_root),
        ("loops_twice", gcn_double),
        ("no_loops", gcn_no_self),
        ("nobody_masked", gcn_everybody),
    ],
    "wrong_way": [
        ("against_the_edges", along_backwards),
        ("normalised_over_receivers", along_wrong_softmax),
        ("said_to_the_sender", along_wrong_sum),
        ("hears_only_itself", along_itself),
        ("mean_along_edges", along_mean),
        ("gradient", along_detached),
    ],
}
