"""What seeds cost, on records whose numbers can be added up by hand."""

import re

import pytest

from marl_edu.core import storage
from marl_edu.results import costs
from tests import ROOT
from tests.unchecked import unchecked


@pytest.fixture
def stored(tmp_path):
    """Two seeds of 60 and 120 core-seconds; each record and curve padded to 1,000 bytes."""
    for seed, seconds in enumerate((60.0, 120.0)):
        record = {"seed": seed, "cpu_seconds": seconds, "cpu_model": "an abacus"}
        path = tmp_path / "none-easy" / f"seed-{seed}.json"
        storage.write_json(path, record)
        storage.write_atomic(path, path.read_text() + " " * (1000 - path.stat().st_size))
        storage.write_atomic(path.with_suffix(".csv"), "update\n" + "1\n" * 495 + "100")
    return tmp_path


def test_a_seed_costs_the_mean_of_what_was_measured(stored):
    one = costs.cost("none-easy", stored, stored / "nets")
    assert one == costs.Cost("none-easy", 2, 90.0, 120.0, pytest.approx(0.002), "an abacus")
    storage.write_atomic(stored / "nets" / "none-easy-seed1.safetensors", b"x" * 2000)
    assert costs.cost("none-easy", stored, stored / "nets").megabytes == pytest.approx(0.003)
    rows = costs.table(["none-easy"], stored, stored / "nets").rows
    assert rows == [["none-easy", "2", "90", "120", "0.003"]]


def test_a_bill_by_hand():
    """1,000 seeds of 90 s are 25 core-hours; on 64 cores 16 rounds of 90 s, which are 0.4 h."""
    one = costs.Cost("x", 2, 90.0, 120.0, 0.5, "an abacus")
    assert costs.bill(one, 1000, 64, 0.05) == pytest.approx((25.0, 0.4, 500.0, 1.25))
    assert costs.bill(one, 64, 64, 0.0).hours == costs.bill(one, 1, 64, 0.0).hours == 90 / 3600


def test_a_table_of_bills(stored):
    table = costs.table_of_bills(["none-easy"], 1000, 64, 2.0, stored, stored)
    assert table.rows == [["none-easy", "25.0", "0.40", "2", "50.00"]]
    assert "1,000 seeds of each on 64 cores, at 2 for one core" in table.caption


@pytest.mark.parametrize(
    "seeds, cores, price, said",
    [
        (0, 1, 1.0, "seeds must be a whole number of at least 1, got 0"),
        (1, 1.5, 1.0, "cores must be a whole number of at least 1, got 1.5"),
        (1, 1, -0.1, "price must be a number of at least 0, got -0.1"),
        (1, 1, float("nan"), "price must be a number of at least 0, got nan"),
    ],
)
def test_a_bill_that_makes_no_sense(seeds, cores, price, said):
    one = costs.Cost("x", 2, 90.0, 120.0, 0.5, "an abacus")
    with unchecked(), pytest.raises(ValueError, match=re.escape(said)):
        costs.bill(one, seeds, cores, price)


def test_the_cells_of_the_page_show_what_is_stored():
    page = (ROOT / "book" / "cluster.md").read_text("utf-8")
    names: dict = {}
    shown = []
    for cell in re.findall(r"```\{code-cell\} ipython3\n(?::tags.*?\n)?(.*?)```", page, re.S):
        *before, last = cell.strip().splitlines()
        exec("\n".join(before), names)
        shown.append(eval(last, names))
    measured, paid = shown
    assert [row[0] for row in measured.rows] == [row[0] for row in paid.rows] == names["names"]
    for known, row in zip(measured.rows, paid.rows, strict=True):
        seconds = float(known[2].replace(",", ""))
        hours = float(row[1].replace(",", ""))
        assert hours == pytest.approx(1000 * seconds / 3600, rel=0.01, abs=0.2)


def test_the_commands_of_the_page_are_understood(monkeypatch):
    from marl_edu.experiments import command

    understood = []
    monkeypatch.setattr(command, "_run", lambda todo, args, words: understood.append(args) or 0)
    page = (ROOT / "book" / "cluster.md").read_text("utf-8")
    for line in re.findall(r"^python -m marl_edu\.experiments (.*)$", page, re.M):
        assert command.main(line.split()) == 0
    assert [(one.engine, one.address, one.seeds) for one in understood] == [
        ("local", None, 1000),
        ("ray", "auto", 1000),
    ]
