"""Neighbours by cells: the same as comparing all with all, and never so much memory."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from torch.utils._python_dispatch import TorchDispatchMode

from marl_edu.envs.base.neighbours import nearest, within
from tests.unchecked import unchecked


def points(B, N, seed, crowd):
    """Random points; `crowd` puts many in few places, on a line, or all in one."""
    chance = torch.Generator().manual_seed(seed)
    position = torch.rand(B, N, 2, generator=chance, dtype=torch.float64) * 7 - 3
    if crowd == "grid":
        position = position.round()
    if crowd == "line":
        position[..., 1] = 2.5
    if crowd == "one place":
        position = position.mean(1, keepdim=True).expand(-1, N, -1).contiguous()
    if crowd == "far one":
        position[:, 0] += 500
    return position


CROWDS = st.sampled_from(["", "grid", "line", "one place", "far one"])


@settings(max_examples=60)
@given(st.integers(1, 3), st.integers(1, 40), st.integers(0, 10**6), CROWDS, st.floats(0.05, 9))
def test_within_is_what_comparing_all_with_all_finds(B, N, seed, crowd, radius):
    position = points(B, N, seed, crowd)
    index, mask = within(position, radius)
    for b in range(B):
        tree = cKDTree(position[b].numpy())
        for i, found in enumerate(tree.query_ball_point(position[b].numpy(), radius)):
            mine = index[b, i][mask[b, i]].tolist()
            edge = np.abs(np.linalg.norm(position[b] - position[b, i], axis=1) - radius) < 1e-9
            unclear = set(np.flatnonzero(edge))
            assert set(mine) - unclear == set(found) - {i} - unclear
            assert mine == sorted(mine) and i not in mine
    assert mask.any(0).any(0).all()  # no column is only filler
    assert not (index[~mask]).any()


@settings(max_examples=60)
@given(st.integers(1, 3), st.integers(1, 40), st.integers(0, 10**6), CROWDS, st.integers(1, 12))
def test_nearest_is_what_comparing_all_with_all_finds(B, N, seed, crowd, k):
    position = points(B, N, seed, crowd)
    index, mask = nearest(position, k)
    assert index.shape == (B, N, min(k, N - 1)) and mask.all()
    if N == 1:
        return
    everybody = torch.cdist(position, position)
    found = everybody.gather(2, index)
    everybody.diagonal(dim1=1, dim2=2).fill_(torch.inf)
    expected = everybody.sort(-1).values[..., : min(k, N - 1)]
    assert torch.allclose(found, expected, atol=1e-6)
    assert (index != torch.arange(N)[:, None]).all()
    assert all(len(set(row)) == len(row) for row in index.flatten(0, 1).tolist())


class Largest(TorchDispatchMode):
    """Notes the largest tensor that is made."""

    numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for x in out if isinstance(out, tuple | list) else [out]:
            if isinstance(x, torch.Tensor):
                self.numel = max(self.numel, x.numel())
        return out


@pytest.mark.parametrize("search", [lambda p: within(p, 1.4), lambda p: nearest(p, 6)])
def test_memory_grows_with_the_agents_and_not_with_their_square(search):
    sizes, chance = {}, torch.Generator().manual_seed(0)
    for N in (1024, 4096):
        position = torch.rand(1, N, 2, generator=chance) * N**0.5
        with Largest() as largest:
            search(position)
        sizes[N] = largest.numel
    assert sizes[4096] < 6 * sizes[1024]  # four times the agents; sixteen would be their square
    assert sizes[4096] < 4096**2 / 8


@pytest.mark.parametrize("search", [lambda p: within(p, 1.4), lambda p: nearest(p, 6)])
def test_the_answer_does_not_depend_on_the_other_environments(search):
    """Not even where several are equally near, and though cells are as wide as all need."""
    chance = torch.Generator().manual_seed(1)
    envs = (torch.rand(5, 30, 2, generator=chance) * 6).round()
    envs[4] *= 50
    index, mask = search(envs)
    for b in range(5):
        one, there = search(envs[b : b + 1])
        K = one.shape[-1]
        assert torch.equal(one[0], index[b, :, :K]) and torch.equal(there[0], mask[b, :, :K])
        assert not mask[b, :, K:].any()


def test_a_crowd_and_one_far_away_do_not_cost_all_times_all():
    position = torch.rand(1, 400, 2, generator=torch.Generator().manual_seed(0))
    position[0, 0] = 40.0
    with Largest() as largest:
        index, _ = nearest(position, 6)
    assert largest.numel < 2.1 * 400**2  # two coordinates a pair; not nine cells of all each
    everybody = torch.cdist(position, position, compute_mode="donot_use_mm_for_euclid_dist")
    expected = everybody.sort(-1).values[..., 1:7]
    assert torch.allclose(everybody.gather(2, index), expected, atol=1e-5)


def test_bad_input_is_named():
    position = torch.rand(1, 3, 2)
    with unchecked():
        for radius in (0, -1.0, "far", True, float("nan")):
            with pytest.raises(ValueError, match="radius must be a number above 0, got"):
                within(position, radius)
        with pytest.raises(ValueError, match="k must be a whole number of at least 1, got 0"):
            nearest(position, 0)
