"""Figures: the numbers that are drawn, and a page that can hold several of them."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from marl_edu import plots
from marl_edu.plots import style
from marl_edu.plots.untrusted import drawn_once
from marl_edu.results import Curve, Estimate


def curve(end=0.9, n=8):
    steps = np.linspace(0, 2e6, 20)
    y = np.linspace(0.1, end, 20)
    spread = 0.05 if n > 1 else np.nan
    return Curve(steps, y, y - spread, y + spread, n)


def texts(figure: Figure) -> list[str]:
    (axes,) = figure.axes
    return [t.get_text() for t in axes.texts]


def test_a_curve_is_drawn_as_stored_and_labelled_at_its_end():
    curves = {"commnet": curve(0.9), "tarmac": curve(0.92)}
    figure = plots.learning_curves(curves, ("always GAS", 29.0), ("look-ahead", 99.7))
    (axes,) = figure.axes
    np.testing.assert_allclose(axes.lines[0].get_ydata(), 100 * curves["commnet"].iqm)
    assert axes.get_ylim() == (0, 100), "the score's range, not the data's"
    heights = sorted((t.get_position()[1], t.get_text()) for t in axes.texts)
    named = [text for _, text in heights]
    assert named == ["always GAS 29", "CommNet 90", "TarMAC 92", "look-ahead 99.7"]
    assert min(np.diff([y for y, _ in heights])) > 8, "labels do not lie upon each other"
    colours = [line.get_color() for line in axes.lines[:2]]
    assert colours == [plots.colour("commnet"), plots.colour("tarmac")]


def test_one_seed_has_no_band_and_cost_has_an_axis():
    figure = plots.learning_curves({"none": curve(n=1)}, core_minutes=3.0)
    (axes,) = figure.axes
    assert not any(len(band.get_paths()) for band in axes.collections)
    (top,) = axes.child_axes
    figure.draw_without_rendering()
    assert top.get_xlim() == pytest.approx((0, 3))


def test_intervals_say_their_numbers():
    estimates = {"none": Estimate(0.25, 0.2, 0.3, 8), "tarmac": Estimate(0.99, np.nan, np.nan, 1)}
    figure = plots.intervals(estimates, ("always GAS", 29.0), ("look-ahead", 99.7))
    named = texts(figure)
    assert named[:2] == ["25.0  (20.0 to 30.0)", "99.0"]
    assert named[2:] == ["always GAS 29", "look-ahead 99.7"]
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["no messages", "TarMAC"]


def test_an_attention_map_has_receivers_in_rows():
    attention = torch.tensor([[[0.2, 0.8], [0.0, 1.0]], [[0.5, 0.5], [1.0, 0.0]]])
    figure = plots.attention_map(attention, head=0, round=1, names=["left", "right"])
    (axes,) = figure.axes
    cells = {t.get_position(): t.get_text() for t in axes.texts}
    assert cells == {(0.5, 0.5): "20", (1.5, 0.5): "80", (0.5, 1.5): "·", (1.5, 1.5): "100"}
    assert axes.get_ylim() == (2, 0), "the first receiver is on top"
    assert axes.get_title(loc="left") == "attention in %, head 1, round 2"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("sender", "receiver")


def test_an_attention_map_without_a_head_is_the_mean_over_heads():
    heads = np.array([[[1.0, 0.0], [0.5, 0.5]], [[0.5, 0.5], [0.5, 0.5]]])
    axes = plots.attention_map(heads, head=None).axes[0]
    assert axes.get_title(loc="left") == "attention in %, mean of 2 heads, round 1"
    assert [text.get_text() for text in axes.texts] == ["75", "25", "50", "50"]


def test_curves_of_earlier_runs_are_grey_and_named():
    figure = plots.learning_curves({"tarmac": curve(0.9, 1)}, earlier={"heads 1": curve(0.5, 1)})
    assert texts(figure) == ["heads 1 50", "TarMAC 90"]
    now, before = figure.axes[0].lines[:2]
    assert before.get_color() == style.GREY != now.get_color()


def test_an_attention_map_may_have_other_senders_than_receivers():
    attention = [[0.125, 0.25, 0.625], [0.0, 1.0, 0.0]]
    figure = plots.attention_map(attention, names=["a", "b"], senders=["x", "y", "all else"])
    assert [t.get_text() for t in figure.axes[0].texts] == [
        "12.5",
        "25.0",
        "62.5",
        "·",
        "100.0",
        "·",
    ]
    with pytest.raises(ValueError, match="senders must hold 3 names, got 2"):
        plots.attention_map(attention, senders=["x", "y"])


@pytest.mark.parametrize("n", [1, 3, 20])
def test_attention_maps_of_all_sizes(n):
    picture = plots.show(plots.attention_map(np.full((n, n), 1 / n)), "alt", "caption")
    assert len(picture.svg) < 150_000


@pytest.mark.parametrize(
    "attention, message",
    [
        (np.zeros((2, 3)), r"shape \(N, N\).*got \(2, 3\)"),
        (np.zeros((1, 2, 2, 2)), "got"),
        (np.full((2, 2), 2.0), r"lie in \[0, 1\], got 2 to 2"),
        (np.full((2, 2), np.nan), r"lie in \[0, 1\], got nan"),
    ],
)
def test_what_is_no_attention_is_refused(attention, message):
    with pytest.raises(ValueError, match=message):
        plots.attention_map(attention)


def test_other_bad_arguments():
    square = np.zeros((2, 2))
    with pytest.raises(ValueError, match="with head 5 in it"):
        plots.attention_map(np.zeros((2, 3, 3)), head=5)
    with pytest.raises(ValueError, match="names must hold 2 names, got 1"):
        plots.attention_map(square, names=["a"])
    with pytest.raises(ValueError, match="method must begin with one of none, commnet"):
        plots.learning_curves({"ppo": curve()})
    with pytest.raises(ValueError, match="at least one"):
        plots.learning_curves({})
    with pytest.raises(ValueError, match="at least one"):
        plots.intervals({})
    with pytest.raises(ValueError, match="alt must not be empty"):
        plots.show(plots.attention_map(square), " ", "caption")


def luminance(colour) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot(parts, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("page", ["#ffffff", "#14181e"])
def test_method_colours_stand_out_on_light_and_dark_pages(page):
    for method, colour in plots.COLOURS.items():
        if colour != plots.INK:  # that one becomes the page's text colour
            dark, light = sorted([luminance(colour), luminance(page)])
            assert (light + 0.05) / (dark + 0.05) >= 3, method
    assert len(set(plots.COLOURS.values())) == len(plots.COLOURS)
    assert plots.colour("tarmac-2 rounds") == plots.colour("TarMAC") == plots.COLOURS["tarmac"]


def test_the_palette_keeps_its_order_in_grey():
    palette = style.PALETTE
    grey = [luminance(palette(x)[:3]) for x in np.linspace(0, 1, 50)]
    assert (np.diff(grey) < 0).all()


def two_pictures():
    figures = [
        plots.learning_curves({"tarmac": curve()}, ("always GAS", 29.0), core_minutes=2.0),
        plots.learning_curves({"commnet": curve()}, ("always GAS", 29.0), core_minutes=2.0),
    ]
    return [plots.show(f, f'"{k}" < 3 & rising', "See it rise.") for k, f in enumerate(figures)]


def test_two_figures_on_a_page_share_nothing():
    ids = [re.findall(r' id="([^"]+)"', picture.svg) for picture in two_pictures()]
    assert all(ids) and not set(ids[0]) & set(ids[1])
    for picture, own in zip(two_pictures(), ids, strict=True):
        assert len(set(own)) == len(own)
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', picture.svg)) == set(own)
        assert "<style" not in picture.svg, "its rules would reach the whole page"


def test_a_picture_speaks_and_fits_the_page():
    picture, _ = two_pictures()
    root = ET.fromstring(drawn_once(picture._repr_html_()))
    svg = root.find("{http://www.w3.org/2000/svg}svg")
    assert root.tag == "figure" and svg is not None
    assert svg.attrib["role"] == "img" and svg.attrib["aria-label"] == '"0" < 3 & rising'
    assert root.findtext("figcaption") == "See it rise."
    assert "width:100%" in svg.attrib["style"] and "width" not in svg.attrib
    assert "currentColor" in picture.svg and plots.INK not in picture.svg
    assert "TarMAC 90" in "".join(svg.itertext()), "text stays text"
    assert len(picture.svg) < 20_000
    assert repr(picture).startswith('"0" < 3')


def test_a_picture_is_the_same_every_time():
    assert [p.svg for p in two_pictures()] == [p.svg for p in two_pictures()]


def test_text_can_be_read_on_a_telephone():
    """A page of 375 px leaves 343 for a figure."""
    picture, _ = two_pictures()
    width = float(re.search(r'viewBox="0 0 ([\d.]+)', picture.svg)[1])
    sizes = [float(x) for x in re.findall(r"font-size: ([\d.]+)px", picture.svg)]
    sizes += [float(x) for x in re.findall(r"font: (?:\w+ )*([\d.]+)px", picture.svg)]
    assert sizes and min(sizes) * 343 / width > 11
