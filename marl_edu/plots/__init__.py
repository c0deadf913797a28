"""Still figures: the same thing drawn the same way in every chapter; and lines of the source."""

from marl_edu.plots.attention import attention_grid, attention_map
from marl_edu.plots.bars import intervals
from marl_edu.plots.curves import against, hunt, learning_curves, over_time
from marl_edu.plots.style import (
    COLOURS,
    GREY,
    INK,
    LABELS,
    STYLE,
    Picture,
    Reference,
    colour,
    label,
    show,
)
from marl_edu.plots.untrusted import kept

__all__ = [
    "COLOURS",
    "GREY",
    "INK",
    "LABELS",
    "STYLE",
    "Picture",
    "Reference",
    "against",
    "attention_grid",
    "attention_map",
    "colour",
    "hunt",
    "intervals",
    "kept",
    "label",
    "learning_curves",
    "over_time",
    "show",
]
