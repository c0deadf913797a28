"""Intervals are called by what they hold: the stored simulation, and the simulation itself."""

import numpy as np
import pytest
from scipy import stats

from marl_edu import results
from marl_edu.experiments import coverage
from marl_edu.results import tables


def test_intervals_hold_what_their_name_says():
    """Within the chance of 2,000 repetitions, for each distribution and number of seeds."""
    stored = coverage.stored()
    chance = 3 * np.sqrt(0.1 * 0.9 / 2000)
    assert stored["level"] == results.LEVEL == 0.9 and tables.INTERVAL == "90 %"
    cases = {(row["distribution"], row["seeds"]) for row in stored["rows"]}
    assert cases == {(name, n) for name in coverage.TRUE for n in coverage.SEEDS}
    for row in stored["rows"]:
        for kind in ("runs", "scores"):
            assert 0.9 - chance < row[kind] < 0.95 + chance, (row, kind)


def test_without_the_luck_of_the_episodes_they_would_not():
    alike = [row for row in coverage.stored()["rows"] if row["distribution"] == "all alike"]
    assert all(row["wrong"] < 0.7 < 0.9 < row["scores"] for row in alike)


def test_wilsons_is_a_95_percent_interval_of_few_seeds():
    for row in coverage.stored()["shares"]:
        assert row["wilson"] == pytest.approx(0.95, abs=0.01)
        assert row["wilson"] == pytest.approx(coverage.of_shares(row["seeds"]))


def test_the_simulation_knows_a_case_with_a_closed_form():
    """Two seeds, evenly spread: their range, which is all that is drawn again, holds 1/2 in half
    of all cases."""
    found = coverage.of_scores(lambda rng, size: rng.uniform(0, 1, size), 2, 500, 200)
    assert found["runs"] == pytest.approx(0.5, abs=3 * np.sqrt(0.25 / 500))
    assert stats.trim_mean([0.1, 0.3], 0.25) == results.iqm([0.1, 0.3])
