"""Counting seeds: from stored rows to shares, waits and curves."""

import math

import pytest

from marl_edu import discovery, storage


@pytest.fixture
def folder(tmp_path):
    """Three seeds: one finds the goal at once and learns, one late and does not, one never."""
    for seed, (first, final) in enumerate([(1, 1.0), (3, 0.5), (99, 0.0)]):
        rows = [
            {"env_steps": 100 * k, "found": 0.0 if k < first else 0.5 if k == first else 1.0}
            for k in range(1, 5)
        ]
        storage.write_rows(tmp_path / "rnd-x" / f"seed-{seed}.csv", rows)
        record = {"evaluation": {"success_sampling": final, "episodes": 10}}
        storage.write_json(tmp_path / "rnd-x" / f"seed-{seed}.json", record)
    return tmp_path


def test_seeds_are_counted(folder):
    assert discovery.first_rewards("rnd-x", folder) == [100.0, 300.0, math.inf]
    assert discovery.waits("rnd-x", folder) == (300.0, 100.0, math.inf, 3)
    solved = discovery.solved("rnd-x", folder)
    assert solved.value == pytest.approx(1 / 3) and solved.n == 3
    assert 0 < solved.low < 1 / 3 < solved.high < 1


def test_the_curve_of_finders_only_rises(folder):
    curve = discovery.found_curve("rnd-x", folder)
    assert curve.steps.tolist() == [100, 200, 300, 400]
    assert curve.iqm.tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert (curve.low < curve.iqm).all() and (curve.iqm < curve.high).all() and curve.n == 3


def test_wilson_s_interval_of_none_and_all():
    none, every = discovery.share(0, 10), discovery.share(10, 10)
    assert (none.value, none.low) == (0, 0) and none.high == pytest.approx(0.2775, abs=1e-3)
    assert (every.value, every.high) == (1, 1) and every.low == pytest.approx(0.7225, abs=1e-3)
