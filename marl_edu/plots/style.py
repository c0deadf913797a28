"""The book's still figures: the same thing drawn the same way in every chapter.

Functions take stored results or arrays and return a matplotlib `Figure`; `show` turns one into a
picture with a text alternative and a caption, drawn in the page's own text colour.
"""

import hashlib
import html
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter
from numpy.typing import ArrayLike

from marl_edu.results import Curve, Estimate

STYLE = Path(__file__).with_name("marl_edu.mplstyle")
INK = "#1b1b1d"  # as in the style file; becomes the page's text colour
GREY = "#767676"

# The colours of Okabe and Ito, which the colour-blind tell apart. Their three lightest are
# darkened until they stand out 3:1 from a white and from a dark page.
COLOURS = {
    "none": GREY,
    "commnet": "#d55e00",
    "tarmac": "#0072b2",
    "gat": "#009e73",
    "dqn": "#8a6a4f",
    "drqn": "#c06a9c",
    "icm": "#b87d00",
    "rnd": "#3f93c9",
    "counts": "#8a70c8",
    "qmix": "#8f8600",
    "maddpg": INK,
}
LABELS = {"none": "no messages", "commnet": "CommNet", "tarmac": "TarMAC"}
LABELS |= {"counts": "counts", "none: no bonus": "no bonus"}
LABELS |= {name: name.upper() for name in COLOURS if name not in LABELS}

Anchor = tuple[str, float]  # name and score, in the unit of the axis


def colour(method: str) -> str:
    """The method's colour in every chapter; `tarmac-2round` or `tarmac easy` is `tarmac`'s."""
    key = re.split(r"[^a-z]", method.lower())[0]
    if key not in COLOURS:
        raise ValueError(f"method must begin with one of {', '.join(COLOURS)}, got {method!r}")
    return COLOURS[key]


def learning_curves(
    curves: Mapping[str, Curve],
    trivial: Anchor | None = None,
    best: Anchor | None = None,
    ylabel: str = "success (%)",
    ylim: tuple[float, float] = (0.0, 100.0),
    scale: float = 100.0,
    core_minutes: float | None = None,
) -> Figure:
    """Interquartile means with 95 % bands, each labelled at its end.

    Args:
        curves: method -> its curve (`results.learning_curve`).
        trivial: name and score (on the axis' scale) of the rule that learns nothing, dashed.
        best: of the best possible, dotted.
        ylabel, ylim: of the score; the limits come from its meaning, not from the data.
        scale: curves are multiplied by this; 100 turns shares into percent.
        core_minutes: if given, a second axis: what the longest curve cost, per seed.
    """
    if not curves:
        raise ValueError("curves must hold at least one method, got none")
    with matplotlib.style.context(STYLE):
        figure = Figure(layout="constrained")
        axes = figure.add_subplot()
        end = max(curve.steps[-1] for curve in curves.values())
        labels: list[tuple[float, float, str, str]] = []
        for method, curve in curves.items():
            c, y = colour(method), scale * curve.iqm
            axes.fill_between(
                curve.steps, scale * curve.low, scale * curve.high, color=c, alpha=0.22, lw=0
            )
            axes.plot(curve.steps, y, color=c)
            labels.append((curve.steps[-1], y[-1], f"{_label(method)} {y[-1]:.0f}", c))
        for anchor, dashes in ((trivial, (5, 3)), (best, (1, 2))):
            if anchor is not None:
                name, score = anchor
                axes.axhline(score, color=GREY, lw=1.4, dashes=dashes)
                labels.append((end, score, f"{name} {score:.3g}", GREY))
        axes.set(xlim=(0, end), ylim=ylim, xlabel="environment steps", ylabel=ylabel)
        axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
        axes.locator_params(axis="x", nbins=4)
        _end_labels(axes, labels)
        if core_minutes is not None:
            rate = core_minutes / end
            top = axes.secondary_xaxis(
                "top", functions=(lambda steps: steps * rate, lambda minutes: minutes / rate)
            )
            top.set_xlabel("core minutes per seed")
        return figure


def intervals(
    estimates: Mapping[str, Estimate],
    trivial: Anchor | None = None,
    best: Anchor | None = None,
    xlabel: str = "success (%)",
    xlim: tuple[float, float] = (0.0, 100.0),
    scale: float = 100.0,
) -> Figure:
    """A point and its interval per method, with the numbers; first method on top.

    Args:
        estimates: method -> estimate (`results.interval`); without interval a bare point.
        trivial, best: name and score, vertical lines, dashed and dotted.
        xlabel, xlim, scale: as in `learning_curves`.
    """
    if not estimates:
        raise ValueError("estimates must hold at least one method, got none")
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(4.2, 1.15 + 0.42 * len(estimates)), layout="constrained")
        axes = figure.add_subplot()
        for k, (method, estimate) in enumerate(estimates.items()):
            c = colour(method)
            value, low, high = (scale * x for x in estimate[:3])
            text = f"{value:.1f}"
            if not math.isnan(low):
                axes.plot([low, high], [k, k], color=c, lw=5, alpha=0.45, clip_on=False)
                text += f"  ({low:.1f} to {high:.1f})"
            axes.plot(value, k, "o", color=c, ms=7, clip_on=False)
            axes.annotate(text, (1.05, k), xycoords=("axes fraction", "data"), va="center", size=10)
        line = 0.17 / figure.get_figheight() * 1.6  # the two names lie on two lines
        for k, (anchor, dashes) in enumerate(((trivial, (5, 3)), (best, (1, 2)))):
            if anchor is not None:
                name, score = anchor
                height = 1.02 + k * line
                axes.axvline(score, color=GREY, lw=1.4, dashes=dashes, zorder=0)
                side = "left" if score < sum(xlim) / 2 else "right"
                at = axes.get_xaxis_transform()
                axes.text(score, height, f"{name} {score:.3g}", ha=side, size=10, transform=at)
        axes.set(xlim=xlim, ylim=(len(estimates) - 0.5, -0.5), xlabel=xlabel)
        axes.set_yticks(range(len(estimates)), [_label(m) for m in estimates])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.locator_params(axis="x", nbins=5)
        return figure


def attention_map(
    attention: ArrayLike,
    head: int = 0,
    round: int = 0,
    names: Sequence[str] | None = None,
) -> Figure:
    """Who listens to whom: senders in columns, receivers in rows, percent in the cells.

    Args:
        attention: weights (N, N) of one head, or (H, N, N) of which `head` is drawn; array or
            tensor. A dot marks a weight of exactly zero (masked).
        head, round: counted from 0; the title counts from 1.
        names: of the N agents; their numbers by default.

    Raises:
        ValueError: the shape is another, or a weight lies outside [0, 1].
    """
    weights = np.asarray(attention, dtype=np.float64)
    if weights.ndim == 3 and 0 <= head < len(weights):
        weights = weights[head]
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or weights.size == 0:
        raise ValueError(
            f"attention must have the shape (N, N), or (H, N, N) with head {head} in it, "
            f"got {np.shape(attention)}"
        )
    if not ((weights >= 0) & (weights <= 1 + 1e-5)).all():
        raise ValueError(
            f"attention must lie in [0, 1], got {weights.min():.3g} to {weights.max():.3g}"
        )
    n = len(weights)
    names = [str(k) for k in range(n)] if names is None else list(names)
    if len(names) != n:
        raise ValueError(f"names must hold {n} names, got {len(names)}")
    palette = colormaps["YlGnBu"]  # from light to dark evenly: grey print keeps its order
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(4.2, 4.2), layout="constrained")
        axes = figure.add_subplot()
        axes.pcolormesh(weights, cmap=palette, vmin=0, vmax=1, edgecolors="#ffffff", lw=0.8)
        for (i, j), weight in np.ndenumerate(weights):
            dark = np.dot(palette(min(weight, 1.0))[:3], (0.299, 0.587, 0.114)) < 0.5
            axes.text(
                j + 0.5,
                i + 0.5,
                "·" if weight == 0 else f"{100 * weight:.0f}",
                ha="center",
                va="center",
                color="#ffffff" if dark else "#000000",
                size=10 if n <= 12 else 7.5,
            )
        centres = np.arange(n) + 0.5
        slant = 60 if n * max(map(len, names)) > 30 else 0
        axes.set_xticks(centres, names, rotation=slant)
        axes.set_yticks(centres, names)
        axes.set(xlabel="sender", ylabel="receiver", aspect="equal", ylim=(n, 0))
        axes.set_title(f"attention in %, head {head + 1}, round {round + 1}", loc="left")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        return figure


class Picture:
    """A figure on a page: inline SVG with a text alternative, and a caption."""

    def __init__(self, svg: str, alt: str, caption: str):
        self.svg, self.alt, self.caption = svg, alt, caption

    def _repr_html_(self) -> str:
        # Its own card: the site and the lab both have light and dark pages.
        return (
            '<figure class="marl-figure" style="margin:0;max-width:32rem;'
            "background:var(--pst-color-background,var(--jp-layout-color0,#fff));"
            f'color:var(--pst-color-text-base,var(--jp-content-font-color1,{INK}))">'
            f"{self.svg}<figcaption>{html.escape(self.caption)}</figcaption></figure>"
        )

    def __repr__(self) -> str:
        return f"{self.alt}\n{self.caption}"


def show(figure: Figure, alt: str, caption: str) -> Picture:
    """What a cell of a chapter ends with.

    Args:
        figure: from one of the functions above.
        alt: what the figure shows, in a sentence or two that state the takeaway, for those who
            cannot see it.
        caption: first what to see, in one sentence; then how it was made (runs, seeds).
    """
    for name, text in (("alt", alt), ("caption", caption)):
        if not text.strip():
            raise ValueError(f"{name} must not be empty")
    out = io.StringIO()
    with matplotlib.style.context(STYLE):
        figure.savefig(out, format="svg", metadata={"Date": None})
    return Picture(_inline(out.getvalue(), alt), alt, caption)


def _inline(svg: str, alt: str) -> str:
    """matplotlib's SVG file as part of a page: small, in the page's ink, with ids of its own."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<!--.*?-->|<(metadata|style).*?</\1>", "", svg, flags=re.DOTALL)
    # Two figures on one page must not share ids, or one borrows the other's clip paths.
    own = "m" + hashlib.sha256((svg + alt).encode()).hexdigest()[:8]
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', svg))
    svg = re.sub(r' id="([^"]+)"', lambda m: f' id="{own}-{m[1]}"' if m[1] in used else "", svg)
    svg = re.sub(r'((?:href="|url\()#)', rf"\g<1>{own}-", svg)
    svg = re.sub(r"<[^>]+>", lambda tag: _slim(tag[0]), svg)
    svg = svg.replace(INK, "currentColor")
    box = re.search(r'viewBox="[^"]+"', svg)
    assert box is not None
    head = (
        f'<svg {box[0]} role="img" aria-label="{html.escape(alt)}" '
        'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        # the inherited form of the style sheet cut out above, which would have reached the page
        'stroke-linejoin="round" stroke-linecap="butt" '
        'style="display:block;width:100%;height:auto">'
    )
    body = svg[svg.index(">") + 1 :]
    return head + re.sub(r"\s*\n\s*", "\n", body).strip()


def _slim(tag: str) -> str:
    """An SVG tag without what it inherits from the page (the font) and what nobody can see."""
    tag = re.sub(r" font-family: [^;]*;", "", tag)
    tag = re.sub(r' transform="rotate\(-?0 [^"]*"', "", tag)
    return re.sub(r"(\d\.\d\d)\d+", r"\1", tag)


def _label(method: str) -> str:
    """`tarmac-2 rounds` -> "TarMAC 2 rounds"."""
    first, *rest = re.split(r"[-_]", method)
    return " ".join([LABELS.get(first.lower(), first), *rest])


def _end_labels(axes: Axes, labels: Iterable[tuple[float, float, str, str]]) -> None:
    """Texts at the right of the axes, moved apart where they would lie upon each other."""
    low, high = axes.get_ylim()
    ordered = sorted(labels, key=lambda label: label[1])
    gap = 0.085 * (high - low)
    heights = _spread([min(max(y, low), high) for _, y, *_ in ordered], gap, high)
    right = axes.get_yaxis_transform()
    for (_, y, text, c), height in zip(ordered, heights, strict=True):
        axes.plot([1.0, 1.045], [y, height], color=c, lw=1.2, transform=right, clip_on=False)
        axes.text(1.06, height, text, va="center", size=10, transform=right)


def _spread(wanted: Sequence[float], gap: float, top: float) -> list[float]:
    """Ascending heights at least `gap` apart, none above `top`, close to the wanted ones."""
    heights = list(wanted)
    for k in range(1, len(heights)):
        heights[k] = max(heights[k], heights[k - 1] + gap)
    for k in range(len(heights) - 1, -1, -1):
        heights[k] = min(heights[k], top - gap * (len(heights) - 1 - k))
    return heights
