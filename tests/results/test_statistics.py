"""Statistics by a second route, and tables that say what they should."""

import math
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from marl_edu import results
from marl_edu.core import storage
from marl_edu.results import Estimate, interval, iqm, probability_of_improvement, tables
from marl_edu.results.statistics import luck
from marl_edu.results.tables import Published, ReferenceScore, Row

numbers = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30)


def naive_iqm(x):
    """Sort, throw a quarter away at each end (rounded down), average."""
    kept, cut = sorted(x), len(x) // 4
    kept = kept[cut : len(kept) - cut]
    return sum(kept) / len(kept)


def naive_bootstrap(tasks, statistic, resamples=3000, seed=5):
    """Percentile interval: draw each task's runs again, in loops."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(resamples):
        drawn = [[x[k] for k in rng.integers(0, len(x), len(x))] for x in tasks]
        found.append(statistic(drawn))
    found.sort()
    # Few runs: percentiles further out, so that of normal runs' mean they are Student's.
    n = min(map(len, tasks))
    t = stats.t.ppf((1 + results.LEVEL) / 2, sum(map(len, tasks)) - len(tasks))
    tail = stats.norm.cdf(-t * math.sqrt(n / (n - 1)))
    return found[int(tail * resamples)], found[int((1 - tail) * resamples)]


# Interquartile mean ---------------------------------------------------------------------------


def test_iqm_by_hand():
    assert iqm([1, 2, 3, 4, 5, 6, 7, 8]) == 4.5  # 3 4 5 6
    assert iqm([100, 2, 3, 1, -50]) == 2.0  # 1 2 3
    assert iqm([1, 2, 6, 100]) == 4.0  # 2 6
    assert iqm([1, 2, 6]) == 3.0  # too few to cut
    assert iqm([7]) == 7.0
    assert iqm([[1, 2, 3, 4], [5, 6, 7, 8]]) == 4.5, "all runs of all tasks together"
    np.testing.assert_allclose(iqm([[1, 2, 6, 100], [0, 0, 4, 9]], axis=1), [4.0, 2.0])


@given(x=numbers)
def test_iqm_is_the_naive_one(x):
    assert iqm(x) == pytest.approx(naive_iqm(x), abs=1e-9)


# Intervals ------------------------------------------------------------------------------------


def test_interval_agrees_with_loops():
    x = np.random.default_rng(0).normal(50, 10, 12)
    ours = interval(x)
    low, high = naive_bootstrap([list(x)], lambda drawn: naive_iqm(drawn[0]))
    assert ours.value == pytest.approx(naive_iqm(x)) and ours.n == 12
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=0.7)
    assert ours == interval(x), "the same seed gives the same interval"
    assert interval(x, confidence=0.5).high < ours.high
    mean = interval(x, statistic=np.mean)
    assert mean.value == pytest.approx(x.mean()) and mean.low < x.mean() < mean.high


def test_runs_are_drawn_within_their_task():
    rng = np.random.default_rng(1)
    tasks = {"easy": rng.normal(90, 1, 8), "hard": rng.normal(10, 1, 8)}
    ours = interval(tasks, statistic=np.mean)
    lists = [list(x) for x in tasks.values()]
    low, high = naive_bootstrap(lists, lambda d: sum(map(sum, d)) / sum(map(len, d)))
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=0.1) and ours.n == 16
    pooled = interval(np.concatenate(list(tasks.values())), statistic=np.mean)
    assert pooled.high - pooled.low > 10 * (ours.high - ours.low)


def test_intervals_of_few_or_equal_runs():
    one = interval([3.0])
    assert one.value == 3.0 and math.isnan(one.low) and math.isnan(one.high)
    assert math.isnan(interval({"a": [1.0, 2.0], "b": [1.0]}).low)
    assert interval([5.0] * 4) == Estimate(5.0, 5.0, 5.0, 4)


@pytest.mark.parametrize("bad", [[], [1.0, math.nan], [[1.0], [2.0]], {}, {"a": []}])
def test_bad_scores_are_refused(bad):
    with pytest.raises(ValueError, match="x_by_task"):
        interval(bad)


def test_bad_confidence_is_refused():
    with pytest.raises(ValueError, match=r"confidence must lie in \(0, 1\), got 95"):
        interval([1.0, 2.0], confidence=95.0)


def test_the_mean_of_normal_runs_has_students_interval():
    """What the percentiles are moved outwards for; of 30 runs, hardly."""
    for n, near in ((30, 0.03), (8, 0.1)):
        x = stats.norm.ppf((np.arange(n) + 0.5) / n)
        found = interval(x, statistic=np.mean, resamples=20_000)
        half = stats.t.ppf((1 + results.LEVEL) / 2, n - 1) * stats.sem(x)
        assert (found.high - found.low) / 2 == pytest.approx(half, rel=near)


def test_luck_is_wilsons_for_right_and_wrong():
    for count in (0, 3, 290, 999, 1000):
        p = count / 1000
        wilson = stats.binomtest(count, 1000).proportion_ci(0.9, "wilson")
        down, up = luck(p, p * (1 - p), 1000, confidence=0.9)
        assert (p - down, p + up) == pytest.approx((wilson.low, wilson.high))


def test_luck_of_other_means():
    """A quarter of the variance is as four times the episodes; without any there is no luck."""
    np.testing.assert_allclose(luck(0.3, 0.21 / 4, 1000), luck(0.3, 0.21, 4000))
    assert luck(0.3, 0.0, 1000) == (0, 0)
    np.testing.assert_allclose(luck(0.3, 5.0, 1000), luck(0.3, 0.21, 1000))  # a share's most
    down, up = luck(480.0, 900.0, 100)
    assert down == up == pytest.approx(stats.norm.ppf(0.95) * 3)


def test_score_intervals_of_unequal_and_of_equal_runs():
    runs = [0.2, 0.3, 0.6, 0.7, 0.4]
    alone, both = interval(runs), results.score_interval(runs, 10)
    down, up = luck(alone.value, np.mean([x * (1 - x) for x in runs]), 10)
    assert both.low == pytest.approx(alone.value - math.hypot(alone.value - alone.low, down))
    assert both.high == pytest.approx(alone.value + math.hypot(alone.high - alone.value, up))
    tight = results.score_interval(runs, 10, [0.001] * 5)
    assert alone.low > tight.low > both.low and alone.high < tight.high < both.high
    steps = results.score_interval([12.0, 13.0, 15.0], 100, [4.0, 4.0, 4.0])
    assert steps.value == pytest.approx(40 / 3) and steps.low < 12.0
    with pytest.raises(ValueError, match=r"shares in \[0, 1\]"):
        results.score_interval([12.0, 13.0], 100)
    assert math.isnan(results.score_interval([0.5], 100).low)
    best = results.score_interval([0.9, 0.95, 0.98, 1.0, 1.0], 50)
    assert best.high == 1.0 > best.value > best.low  # no share is larger


def test_stored_spreads_are_used_and_graphs_of_ones_own_need_none(tmp_path):
    values = [0.2, 0.3, 0.6, 0.7, 0.4]
    store(tmp_path, "a", curves=[(0.0, y) for y in values])
    coin = results.summary("a", folder=tmp_path)
    paths = sorted((tmp_path / "a").glob("*.json"))
    for k, path in enumerate(paths):
        record = storage.read_json(path)
        record["evaluation"]["success_sd"] = 0.01 * k
        storage.write_json(path, record)
        if k < 4:
            with pytest.raises(ValueError, match=r"only . seeds of a hold success_sd"):
                results.summary("a", folder=tmp_path)
    mean = results.summary("a", folder=tmp_path)
    assert mean == results.score_interval(values, 1000, [(0.01 * k) ** 2 for k in range(5)])
    assert mean.high - mean.low < coin.high - coin.low
    for path in paths:
        storage.write_json(path, storage.read_json(path) | {"evaluator": "nodes"})
    assert results.summary("a", folder=tmp_path) == interval(values)


# Probability of improvement -------------------------------------------------------------------


@settings(max_examples=30)
@given(
    x=st.lists(st.integers(0, 5), min_size=1, max_size=8),
    y=st.lists(st.integers(0, 5), min_size=1, max_size=8),
)
def test_improvement_is_mann_whitney(x, y):
    ours = probability_of_improvement(x, y, resamples=10)
    naive = sum((a > b) + 0.5 * (a == b) for a in x for b in y) / (len(x) * len(y))
    assert ours.value == pytest.approx(naive)
    u = stats.mannwhitneyu(x, y, method="asymptotic").statistic if len({*x, *y}) > 1 else None
    assert u is None or ours.value == pytest.approx(u / (len(x) * len(y)))
    back = probability_of_improvement(y, x, resamples=10)
    assert ours.value + back.value == pytest.approx(1)


def test_improvement_interval():
    rng = np.random.default_rng(3)
    x, y = list(rng.normal(0.5, 1, 10)), list(rng.normal(0, 1, 10))
    ours = probability_of_improvement(x, y)

    def naive(drawn):
        return sum((a > b) + 0.5 * (a == b) for a in drawn[0] for b in drawn[1]) / 100

    low, high = naive_bootstrap([x, y], naive, resamples=1500)
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=0.04) and ours.n == 20
    assert probability_of_improvement([2, 3], [0, 1]) == Estimate(1.0, 1.0, 1.0, 4)
    assert math.isnan(probability_of_improvement([1], [0, 2]).low)


# Stored runs ----------------------------------------------------------------------------------


def store(folder, name="tarmac-easy", curves=((0.0, 1.0), (0.2, 0.8)), steps=(0, 10)):
    for k, curve in enumerate(curves):
        rows = [{"env_steps": s, "success": y} for s, y in zip(steps, curve, strict=True)]
        storage.write_rows(folder / name / f"seed-{k}.csv", rows)
        record = {"seed": k, "evaluation": {"success": curve[-1], "episodes": 1000}}
        storage.write_json(folder / name / f"seed-{k}.json", record)


def test_load_in_order_of_seed(tmp_path):
    store(tmp_path, curves=[(0.0, k / 100) for k in range(12)])
    records = results.load("tarmac-easy", tmp_path)
    assert [r["seed"] for r in records] == list(range(12))
    assert records[3]["rows"][-1] == {"env_steps": 10, "success": 0.03}
    np.testing.assert_allclose(results.scores("tarmac-easy", folder=tmp_path), np.arange(12) / 100)
    with pytest.raises(ValueError, match="key must be one of success, episodes, got 'x'"):
        results.scores("tarmac-easy", "x", tmp_path)


def test_copies_of_files_and_folders_are_not_counted(tmp_path):
    """Four seeds, the best one twice: IQM of 0, 0.2, 0.4, 0.8 is 0.3, of all five 0.4667."""
    store(tmp_path, "a", curves=[(0.0, y) for y in (0.0, 0.2, 0.4, 0.8)])
    for ending in (".json", ".csv"):
        shutil.copy(tmp_path / "a" / f"seed-3{ending}", tmp_path / "a" / f"seed-3 (1){ending}")
    with pytest.warns(UserWarning, match=r"seed-3 \(1\)\.json is not counted"):
        found = results.summary("a", folder=tmp_path)
    assert found.value == pytest.approx(0.3) and found.n == 4
    for path in (tmp_path / "a").glob("*(1)*"):
        path.rename(str(path).replace("3 (1)", "4"))  # by hand: a fifth seed, as it seems
    with pytest.raises(ValueError, match=r"seed-4\.json is of seed 3"):
        results.summary("a", folder=tmp_path)


def test_a_folder_with_nothing_but_copies_holds_nothing(tmp_path):
    storage.write_json(tmp_path / "b" / "seed-0 2.json", {})
    with (
        pytest.warns(UserWarning, match="not counted"),
        pytest.raises(FileNotFoundError, match="run b"),
    ):
        results.load("b", tmp_path)


def test_a_copied_folder_is_no_experiment(tmp_path):
    for name in ("a", "a (1)"):
        store(tmp_path, name)
        record = storage.read_json(tmp_path / name / "seed-0.json") | {"experiment": "a"}
        storage.write_json(tmp_path / name / "seed-0.json", record)
    with pytest.warns(UserWarning, match=r"a \(1\) is not counted: it holds a copy of a"):
        names = [row[0] for row in tables.overview(tmp_path).rows]
    assert "a" in names and "a (1)" not in names


def test_missing_results_name_the_command(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"marl_edu\.experiments run tarmac-easy"):
        results.load("tarmac-easy", tmp_path)


def test_summary_knows_the_luck_of_the_episodes(tmp_path):
    store(tmp_path, "equal", curves=[(0.0, 0.29)] * 4)
    wilson = stats.binomtest(290, 1000).proportion_ci(results.LEVEL, "wilson")
    assert results.summary("equal", folder=tmp_path) == pytest.approx(
        Estimate(0.29, wilson.low, wilson.high, 4)
    )
    store(tmp_path, "perfect", curves=[(0.0, 1.0)] * 4)
    perfect = results.summary("perfect", folder=tmp_path)
    assert 0.99 < perfect.low < perfect.high == pytest.approx(1.0)
    store(tmp_path, "spread", curves=[(0.0, y) for y in (0.2, 0.3, 0.6, 0.7, 0.4)])
    spread = results.summary("spread", folder=tmp_path)
    seeds = interval(results.scores("spread", folder=tmp_path))
    assert spread.value == seeds.value
    assert 0 < seeds.low - spread.low < 0.01 and 0 < spread.high - seeds.high < 0.01
    store(tmp_path, "one", curves=[(0.0, 0.5)])
    one = results.summary("one", folder=tmp_path)
    assert math.isnan(one.low) and math.isnan(one.high)
    with pytest.raises(ValueError, match=r"values must be shares in \[0, 1\], got .*1000"):
        results.summary("one", "episodes", tmp_path)


def test_learning_curve_by_hand(tmp_path):
    store(tmp_path, curves=[(0.0, 0.5, 1.0), (0.2, 0.4, 0.6)], steps=(10, 20, 30))
    curve = results.learning_curve("tarmac-easy", folder=tmp_path)
    np.testing.assert_allclose(curve.steps, [10, 20, 30])
    np.testing.assert_allclose(curve.iqm, [0.1, 0.45, 0.8])
    np.testing.assert_allclose(curve.low, [0.0, 0.4, 0.6])  # of two runs: the lower drawn twice
    np.testing.assert_allclose(curve.high, [0.2, 0.5, 1.0])
    assert curve.n == 2
    with pytest.raises(ValueError, match="column must be one of env_steps, success, got 'x'"):
        results.learning_curve("tarmac-easy", "x", tmp_path)


def test_learning_curves_meet_on_a_common_grid(tmp_path):
    for k, (steps, values) in enumerate([((0, 10, 20), (0, 1, 2)), ((5, 15), (10, 20))]):
        rows = [{"env_steps": s, "y": v} for s, v in zip(steps, values, strict=True)]
        storage.write_rows(tmp_path / "a" / f"seed-{k}.csv", rows)
        storage.write_json(tmp_path / "a" / f"seed-{k}.json", {"evaluation": {}})
    curve = results.learning_curve("a", "y", tmp_path)
    np.testing.assert_allclose(curve.steps, [5, 15])
    np.testing.assert_allclose(curve.iqm, [(0.5 + 10) / 2, (1.5 + 20) / 2])
    store(tmp_path, "one", curves=[(0.0, 1.0)])
    single = results.learning_curve("one", folder=tmp_path)
    assert np.isnan(single.low).all() and single.n == 1


# Tables ---------------------------------------------------------------------------------------

PAPER = Published("CommNet", 90.0, 4.0, "s.d.", "somewhere")
UNSAID = PAPER._replace(kind="?")


def ours(low, high):
    return Estimate((low + high) / 2, low, high, 8)


def test_published_intervals_by_hand():
    sd, se = 2.132 * 4 / math.sqrt(5), 2.132 * 4  # t at 95 %, 4 degrees of freedom
    assert PAPER.half_widths == {"s.d.": pytest.approx(sd, abs=1e-2)}
    assert PAPER._replace(kind="s.e.").half_widths == {"s.e.": pytest.approx(se, abs=1e-2)}
    either = {"s.d.": pytest.approx(sd, abs=1e-2), "s.e.": pytest.approx(se, abs=1e-2)}
    assert PAPER._replace(kind="?").half_widths == either


@pytest.mark.parametrize(
    "paper, estimate, word",
    [
        (PAPER, None, "not attempted"),
        (None, ours(1, 2), "no number to compare"),
        (PAPER._replace(comparable=False), ours(1, 2), "other setting"),
        (PAPER, interval([90.0]), "one run"),
        (PAPER, ours(93.9, 99), "better"),  # the paper's reaches to 93.81
        (PAPER, ours(93.7, 99), "matches"),
        (PAPER, ours(80, 86.2), "matches"),  # and down to 86.19
        (PAPER, ours(80, 86.1), "weaker"),
        (UNSAID, ours(93.9, 99), "better (± as s.d.), matches (± as s.e.)"),
        (UNSAID, ours(98.6, 99), "better (± as s.d. or s.e.)"),  # 98.53
        (UNSAID, ours(70, 81.4), "weaker (± as s.d. or s.e.)"),  # 81.47
        (UNSAID, ours(89, 91), "matches (± as s.d. or s.e.)"),
        (UNSAID._replace(comparable=False), ours(1, 2), "other setting"),
    ],
)
def test_verdict(paper, estimate, word):
    assert tables.verdict(paper, estimate) == word


class Cells(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.texts = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.texts.append(data)


def test_a_table_shows_itself_three_ways():
    row = Row(
        "tarmac-<easy>",
        PAPER,
        ours(97, 99),
        ReferenceScore("look-ahead", 99.7),
        ReferenceScore("GAS", 29.0),
    )
    table = tables.table([row, Row("none", None, None)], 'Success & "more".')
    page = Cells()
    page.feed(table._repr_html_())
    tags = [tag for tag, _ in page.tags]
    assert tags.count("caption") == 1 and tags.count("tr") == 3
    scopes = [attributes["scope"] for tag, attributes in page.tags if tag == "th"]
    assert scopes == ["col"] * 8 + ["row"] * 2
    assert page.tags[0][1]["aria-label"] == 'Success & "more".'
    for text in ("tarmac-<easy>", "98.0", "97.0 to 99.0", "99.7 (look-ahead)", "29.0 (GAS)"):
        assert text in page.texts and text in table.text and text in table.markdown
    assert "better" in repr(table) and "not attempted" in repr(table)
    assert len({line.count("|") for line in table.markdown.splitlines()[:4]}) == 1
    assert re.search(r"^tarmac-<easy>  CommNet: 90.0 ± 4.0", table.text, re.MULTILINE)


def test_overview_of_stored_runs(tmp_path):
    store(tmp_path, "tarmac-easy", curves=[(0.0, 0.985), (0.0, 0.995)])
    store(tmp_path, "tarmac-probe", curves=[(0.0, 0.5)])
    gas = {"name": "always GAS", "role": "open-loop", "mean": 0.29, "exact": None}
    tasks = {"easy": {"trivial": "always GAS", "policies": [gas]}}
    storage.write_json(tmp_path / tables.REFERENCE.name, {"tasks": tasks})
    table = tables.overview(tmp_path)
    lines = {row[0]: row for row in table.rows}
    assert lines["tarmac-probe"][1:] == ["—", "50.0", "—", "1", "—", "—", "no number to compare"]
    assert lines["commnet-hard"][-1] == "not attempted"
    easy = [row for row in table.rows if row[0].startswith("tarmac-easy")]
    assert [row[0] for row in easy] == ["tarmac-easy, against IC3Net", "tarmac-easy"]
    assert [row[-1] for row in easy] == [
        "better (± as s.d.), matches (± as s.e.)",
        "other setting",
    ]
    assert easy[0][2] == "99.0" and easy[0][6] == "29.0 (always GAS)"
    assert len(tables.overview(tmp_path, ["none-easy"]).rows) == 1
    alone = tables.overview(tmp_path, ["tarmac-probe"]).without("paper", "verdict")
    assert alone.columns == ["", "ours", "90 %", "n", "best possible", "trivial baseline"]
    assert alone.rows == [["tarmac-probe", "50.0", "—", "1", "—", "—"]]
    assert "paper" not in alone.caption and "±" in table.caption


def test_reference_scores_are_those_measured_the_exact_ones_first(tmp_path):
    assert tables.reference_scores("easy", tmp_path) == {}

    def policy(name, role, mean, exact=None):
        return {"name": name, "role": role, "mean": mean, "exact": exact}

    policies = [
        policy("random", "random", 0.1),
        policy("walk and guess", "open-loop", 0.49, 0.5),
        policy("look", "best", 0.997),
    ]
    tasks = {
        "maze": {"trivial": "walk and guess", "policies": policies},
        "chess": {"trivial": None, "policies": policies},
    }
    storage.write_json(tmp_path / tables.REFERENCE.name, {"tasks": tasks})
    found = tables.reference_scores("maze", tmp_path)
    assert found["trivial"] == ReferenceScore("walk and guess", 50.0)
    assert found["best"] == ReferenceScore("look", 99.7) and len(found) == 2
    assert tables.reference_scores("chess", tmp_path) == {}
    assert tables.reference_scores("go", tmp_path) == {}


def test_published_numbers_are_those_of_the_papers():
    flat = {
        (ours, p.method): (p.mean, p.spread) for ours, ps in tables.PUBLISHED.items() for p in ps
    }
    assert flat["tarmac-easy", "IC3Net"] == flat["ic3net-easy", "IC3Net"] == (93.0, 3.7)
    for name, papers in tables.PUBLISHED.items():
        method = {"none": "IC", "commnet": "CommNet", "ic3net": "IC3Net", "tarmac": "TarMAC"}
        for paper in papers:
            same = paper.method.partition(" ")[0].rstrip(",") == method[name.partition("-")[0]]
            assert paper.other != same, "a row against another method says so"
            assert (paper.kind == "?") == ("1812.09755" in paper.source), "which names no kind"
    assert flat["tarmac-medium", "IC3Net"] == (89.3, 2.5)
    assert flat["commnet-medium", "CommNet"] == (54.3, 14.2)
    assert flat["none-medium", "IC"] == (3.4, 0.5)
    comparable = [p.method for p in tables.PUBLISHED["tarmac-hard"] if p.comparable]
    assert comparable == ["IC3Net"], "TarMAC's own setting is another one"


def test_a_single_run_is_a_curve_without_an_interval():
    rows = [
        {"env_steps": 10, "success": 0.25, "seen": 1},
        {"env_steps": 20, "success": 0.5, "seen": 3},
    ]
    curve = results.run_curve(rows)
    assert curve.steps.tolist() == [10, 20] and curve.iqm.tolist() == [0.25, 0.5]
    assert np.isnan(curve.low).all() and np.isnan(curve.high).all() and curve.n == 1
    assert results.run_curve(rows, "seen").iqm.tolist() == [1, 3]
