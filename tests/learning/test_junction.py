"""On the easy junction, messages soon beat what cars that never brake can score."""

from dataclasses import replace

import pytest

from marl_edu.algos import tarmac
from marl_edu.experiments.catalogue import EXPERIMENTS

pytestmark = pytest.mark.learning

ALWAYS_GAS = 0.29  # published, and measured anew in test_traffic_junction.py
LAST = 360  # updates, of the 2,000 of the book's own run


class Enough(Exception):
    """Stops a run whose beginning says enough."""


@pytest.mark.parametrize("seed", [0, 1])
def test_the_book_s_run_is_past_always_gas_after_a_fifth_of_its_updates(seed):
    cfg = replace(EXPERIMENTS["tarmac-easy"].cfg, seed=seed)
    rows = []

    def log(row):
        rows.append(row)
        if row["update"] >= LAST:
            raise Enough

    with pytest.raises(Enough):
        tarmac.train(cfg, on_log=log)
    assert rows[0]["success"] < ALWAYS_GAS  # it begins at random driving, 1.5 %
    assert rows[-1]["success"] > 0.40 > ALWAYS_GAS + 0.1  # sampling, 1,280 episodes
