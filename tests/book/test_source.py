"""What the notebooks stand on: listings, charts, stored interventions, kept policies, panels."""

import numpy as np
import pytest

from marl_edu import plots
from marl_edu.algos import qmix, tarmac
from marl_edu.core import ops
from marl_edu.experiments import catalogue, interventions
from marl_edu.plots.source import lines
from marl_edu.results import Estimate
from marl_edu.widgets import MemoryPanel, MixerPanel, TrainingPanel
from tests import ROOT

ESTIMATE = Estimate(0.5, 0.4, 0.6, 8)


def test_a_listing_shows_lines_of_the_file_and_their_place():
    shown = lines(tarmac.TargetedAttention.listen, "# eq. (4)", "# eq. (5)").data
    place, _, code = shown.partition("\n\n```python\n")
    assert place.startswith("`marl_edu/algos/tarmac.py`")
    number = int(place.rstrip(":").rsplit(" ", 1)[1])
    source = (ROOT / "marl_edu/algos/tarmac.py").read_text("utf-8").splitlines()
    first, last = code.removesuffix("\n```").splitlines()
    assert source[number - 1].strip() == first and source[number].strip() == last


def test_a_listing_says_which_of_the_page_s_equations_it_is():
    shown = lines(tarmac.TargetedAttention.listen, "# eq. (4)", None, "eq-heard").data
    assert shown.startswith("`eq-heard` is eq. (4) of `marl_edu/algos/tarmac.py`, line ")
    shown = lines(tarmac.TargetedAttention.listen, "# eq. (4)", "# eq. (5)", "a", "b").data
    assert shown.startswith("`a` and `b` are eqs. (4) and (5) of `marl_edu/algos/tarmac.py`")
    shown = lines(qmix.Mixer.forward, "W_1 =", "# eq. (4)", "a", "b", "c").data
    assert shown.startswith("`a`, `b` and `c` are eqs. (1), (2), (3) and (4) of `marl_edu/")
    with pytest.raises(ValueError, match=r"no equation is marked \(# eq\.\)"):
        lines(tarmac.TargetedAttention.listen, "score =", None, "eq-heard")


def test_a_listing_fails_when_the_code_has_changed():
    with pytest.raises(ValueError, match=r"no line of masked_softmax contains 'gone'"):
        lines(ops.masked_softmax, "gone")


def test_against_puts_every_point_at_its_quantity():
    axes = plots.against({"tarmac": {1.0: ESTIMATE, 4.0: ESTIMATE}}, "k").axes[0]
    x, y = axes.lines[0].get_data()
    assert list(x) == [1.0, 4.0] and list(y) == [50.0, 50.0]


@pytest.mark.parametrize("methods", [{}, {"tarmac": {}}, {"tarmac": {0.0: ESTIMATE}}])
def test_against_refuses_what_it_cannot_draw(methods):
    with pytest.raises(ValueError, match="must"):
        plots.against(methods, "k")


def test_attention_grid_leaves_out_who_is_not_there():
    weights = np.zeros((1, 1, 3, 3))
    weights[0, 0, 0] = [0.25, 0.0, 0.75]
    weights[0, 0, 2] = [1.0, 0.0, 0.0]
    axes = plots.attention_grid(weights, ["a", "b", "c"]).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "c"]
    assert [text.get_text() for text in axes.texts] == ["25", "75", "100"]


def test_attention_grid_has_a_map_per_round_and_head():
    figure = plots.attention_grid(np.full((2, 4, 3, 3), 1 / 3), ["a", "b", "c"])
    assert [len(axes.texts) for axes in figure.axes] == [9] * 8
    with pytest.raises(ValueError, match=r"\(R, H, N, N\), got \(3, 3\)"):
        plots.attention_grid(np.eye(3), ["a", "b", "c"])
    with pytest.raises(ValueError, match="3 names, got 1"):
        plots.attention_grid(np.ones((1, 1, 3, 3)), ["a"])


def test_the_stored_interventions_cover_every_channel_of_every_team(tmp_path):
    stored = interventions.stored("tarmac-easy")
    env = catalogue.make_env("tarmac-easy")
    assert len(stored.estimates) + len(stored.bits) == len(interventions.all_channels(env))
    assert stored.n == 8
    with pytest.raises(FileNotFoundError, match=r"python -m marl_edu\.experiments interventions"):
        interventions.stored("tarmac-easy", tmp_path)


def test_a_policy_that_is_not_kept_names_the_command_that_makes_it(tmp_path):
    with pytest.raises(ValueError, match="name must be one of none-easy"):
        catalogue.load_policy("tarmac-esay")
    with pytest.raises(FileNotFoundError, match="experiments run tarmac-easy"):
        catalogue.load_policy("tarmac-easy", 0, tmp_path)


@pytest.mark.long
def test_the_panel_trains_what_was_chosen_and_shows_a_stored_run_without_a_kernel():
    panel = TrainingPanel()
    panel.updates.min, panel.updates.value, panel.heads.value = 2, 2, 4
    run = panel.train()
    assert run.net.communicate.heads == 4 and panel.bar.value == 2
    assert "fresh episodes" in panel.status.value and "<svg" in panel.map.value
    assert "make lab" in panel._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize("memory", ["none", "gru"])
def test_the_memory_panel_trains_what_was_chosen(memory):
    panel = MemoryPanel()
    panel.updates.min, panel.updates.value = 40, 40
    panel.memory.value, panel.length.value, panel.missing.value = memory, 2, 0.3
    run = panel.train()
    assert hasattr(run.net, "memory") == (memory == "gru") and panel.bar.value == 40
    assert "fresh mazes" in panel.status.value and "<svg" in panel.curve.value
    assert not panel.button.disabled
    assert "corridor of ten cells" in panel._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize("method", ["IQL", "OW-QMIX"])
def test_the_mixer_panel_trains_what_was_chosen(method):
    panel = MixerPanel()
    panel.updates.min, panel.updates.value = 20, 20
    panel.method.value, panel.penalty.value = method, 0.2
    run = panel.train()
    assert hasattr(run.net, "star") == (method == "OW-QMIX") and panel.bar.value == 20
    assert "of the prey caught" in panel.status.value and "<svg" in panel.curve.value
    assert panel.attempts[-1].cfg.env_args["penalty"] == -0.2
    assert panel.stored({"method": method, "penalty": 0.2}) == ""
    assert panel.stored({"method": "VDN", "penalty": 0.5}) == "vdn-together50"
    assert panel.stored({"method": "OW-QMIX", "penalty": 0.5}) == "qmix-together50-weighted"
    assert panel.stored({"method": "OW-QMIX", "penalty": 0.0}) == ""
    assert "of OW-QMIX" in panel._repr_mimebundle_()["text/html"]


def test_a_hunt_shows_both_runs_in_every_panel():
    wrong = [{"update": 10, "loss": 1.0, "got": 0.2}, {"update": 20, "loss": 0.1, "got": 0.4}]
    right = [{"update": 10, "loss": 1.0, "got": 0.5}, {"update": 20, "loss": 0.01, "got": 1.0}]
    runs = {"with the suspect": wrong, "as it should be": right}
    panels = {"loss": "loss", "got": "got (%)"}
    loss, got = plots.hunt(runs, panels, scale=100.0, ylim=(0.0, 104.0), log=("loss",)).axes
    assert [axes.get_title(loc="left") for axes in (loss, got)] == ["loss", "got (%)"]
    assert loss.get_yscale() == "log" and not loss.texts and got.get_ylim() == (0, 104)
    suspect, mended = got.lines[:2]
    assert suspect.get_ydata() == pytest.approx([20, 40]) and suspect.get_linestyle() == "--"
    assert mended.get_ydata() == pytest.approx([50, 100]) and mended.get_linestyle() == "-"
    assert {text.get_text() for text in got.texts} == set(runs)
    assert got.get_xlim() == (10, 20) and got.get_xlabel() == "updates"
