"""The look of the book's still figures, and how they get into a page.

`show` turns a matplotlib `Figure` into a picture with a text alternative and a caption, drawn in
the page's own text colour.
"""

import hashlib
import html
import io
import re
from pathlib import Path

import matplotlib.style
from matplotlib import colormaps
from matplotlib.figure import Figure

from marl_edu.plots.untrusted import kept

STYLE = Path(__file__).with_name("marl_edu.mplstyle")
INK = "#1b1b1d"  # as in the style file; becomes the page's text colour
GREY = "#767676"
PALETTE = colormaps[
    "YlGnBu"
]  # of weights and scores, from light to dark evenly: grey print keeps its order

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
    "iql": "#6f7f9e",
    "vdn": "#b5533c",
    "qmix": "#8f8600",
    "owqmix": "#2f8f83",
    "maddpg": INK,
    "ddpg": "#b86a70",
    "ippo": "#5a7bb5",
    "mappo": "#b04a5a",
}
LABELS = {"none": "no messages", "commnet": "CommNet", "tarmac": "TarMAC"}
LABELS |= {"owqmix": "OW-QMIX", "counts": "counts", "none: no bonus": "no bonus"}
LABELS |= {name: name.upper() for name in COLOURS if name not in LABELS}

Reference = tuple[str, float]  # name and score, in the unit of the axis


def colour(method: str) -> str:
    """The method's colour in every chapter; `tarmac-2round` or `tarmac easy` is `tarmac`'s."""
    key = re.split(r"[^a-z]", method.lower())[0]
    if key not in COLOURS:
        raise ValueError(f"method must begin with one of {', '.join(COLOURS)}, got {method!r}")
    return COLOURS[key]


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
            f"{kept(self.svg)}<figcaption>{html.escape(self.caption)}</figcaption></figure>"
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


def label(method: str) -> str:
    """`tarmac-2 rounds` -> "TarMAC 2 rounds"."""
    first, *rest = re.split(r"[-_]", method)
    return " ".join([LABELS.get(first.lower(), first), *rest])
