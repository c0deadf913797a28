"""The figure in which a team learns: the speaker probe, trained from scratch in the browser.

The network and its training are `training/a2c.py` with `algos/tarmac.py` or `algos/commnet.py`,
written out in JavaScript with their gradients. Without JavaScript, or in print, a still picture of
stored runs and their numbers.
"""

import html
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import traitlets

from marl_edu import results
from marl_edu.algos import tarmac
from marl_edu.envs import SpeakerProbe
from marl_edu.envs.drawing import junction
from marl_edu.experiments.catalogue.communication import probe
from marl_edu.widgets.shared.bundle import figure_module
from marl_edu.widgets.shared.figure import LiveFigure, style

CONFIG = tarmac.Config(**probe(3))
SYMBOLS = SpeakerProbe(num_envs=1).n_actions
SETUP = (  # what every run takes from the config
    "updates", "num_envs", "hidden_dim", "lr_end", "ent_coef", "ent_coef_end", "anneal", "vf_coef",
    "max_grad_norm", "log_every",
)  # fmt: skip
ACCEPTS: dict[str, tuple[Any, ...]] = {  # what a reader may choose
    "talk": ("attention", "mean", "nobody"),
    "beside": ("mean", "attention", "nobody", "nothing"),
    "distractors": (1, 2, 3, 5, 7),
    "heads": (1, 2, 4),
    "message": (3, 6, 12, 24, CONFIG.signature_dim + CONFIG.value_dim),  # a third is signature
    "lr": (0.0005, 0.001, CONFIG.lr, 0.005, 0.02, 0.1),
    "seed": (1, 2, 3, 4, 5),
    "band": ("one", "five"),
}


class Look(NamedTuple):
    """What is written beside a curve, and its colour."""

    label: str
    tone: str


STORED = {  # of the still picture: experiment -> name and colour
    "tarmac-probe3": Look("attention", "var(--a0)"),
    "commnet-probe3": Look("the mean", "var(--a3)"),
    "none-probe3": Look("silence", "var(--soft)"),
}
WIDE, HIGH, LEFT, RIGHT, TOP, FOOT = 480, 210, 40, 330, 12, 30  # of it, as in drawing.js


class LearningFigure(LiveFigure):
    """A team that is trained where it is read.

    Args:
        settings: any of the traits below.

    Traits, in step with the picture; `ACCEPTS` has what each may be:
        talk: what the team hears. beside: what a second one hears, with the same seed; or nothing.
        distractors: of the probe. heads: of attention. message: numbers that an agent sends with
        each head, a third of them signature. lr: the step size at the start.
        seed: of weights, questions and answers. band: "five" trains seeds 1 to 5 at once.
        playing: True while it trains. hint: the one thing to try.
    """

    NAME = "learning"
    STATE = ("setup", "accepts", "look", "hint", "first", *ACCEPTS, "playing")
    _esm = figure_module("learning")
    _css = style("learning")

    setup = traitlets.Dict({key: getattr(CONFIG, key) for key in SETUP} | {"symbols": SYMBOLS})
    setup.tag(sync=True)
    accepts = traitlets.Dict({name: list(one) for name, one in ACCEPTS.items()}).tag(sync=True)
    look = traitlets.Unicode(junction.STYLE).tag(sync=True)
    hint = traitlets.Unicode(
        "train attention beside the mean. Then choose 7 distractors and train again: which of the "
        "two suffers?"
    ).tag(sync=True)
    first = traitlets.Dict().tag(sync=True)  # the settings it was made with, for Reset
    talk = traitlets.Unicode("attention").tag(sync=True)
    beside = traitlets.Unicode("mean").tag(sync=True)
    distractors = traitlets.Int(3).tag(sync=True)
    heads = traitlets.Int(CONFIG.heads).tag(sync=True)
    message = traitlets.Int(CONFIG.signature_dim + CONFIG.value_dim).tag(sync=True)
    lr = traitlets.Float(CONFIG.lr).tag(sync=True)
    seed = traitlets.Int(1).tag(sync=True)
    band = traitlets.Unicode("one").tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)

    def __init__(self, **settings: Any):
        unknown = settings.keys() - {"hint", *ACCEPTS}
        if unknown:
            raise TypeError(f"LearningFigure takes no {', '.join(sorted(unknown))}")
        super().__init__(**settings)
        self.first = {key: getattr(self, key) for key in ACCEPTS}

    @traitlets.validate(*ACCEPTS)
    def _check(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if value not in ACCEPTS[name]:
            raise ValueError(f"{name} must be one of {list(ACCEPTS[name])}, got {value!r}")
        return value

    def _still(self) -> str:
        curves = {name: results.learning_curve(name) for name in STORED}
        text = (
            "Attention hears the one that knows. Three distractors, "
            f"{curves['tarmac-probe3'].n} stored seeds, 90 % interval."
        )
        scores, looks = [], {}
        for name, look in STORED.items():
            found = results.summary(name)
            scores.append(f"{look.label} {_percent(found)}")
            looks[name] = Look(f"{look.label} {100 * found.value:.0f}", look.tone)
        label = (
            "Share of right answers while training: attention rises to nearly all, the mean less "
            "far, silence stays at guessing. At the end, on fresh questions: " + "; ".join(scores)
        )
        guessing = (f"guessing {100 / SYMBOLS:.0f}", 1 / SYMBOLS)
        drawn = draw(curves, looks, (("best possible 100", 1.0), guessing), label)
        return (
            f'<figure class="ml ml-still" style="{junction.STYLE}">{drawn}'
            f"<figcaption>{html.escape(text)}</figcaption></figure>"
        )


def draw(
    curves: Mapping[str, results.Curve],
    looks: Mapping[str, Look],
    lines: Sequence[tuple[str, float]],
    label: str,
) -> str:
    """Stored learning curves as SVG, as the live figures draw their own.

    Args:
        curves: by name. looks: of each. lines: what is best and what is trivial, in words, and
            where. label: what is shown, in words.
    """
    end = max(float(one.steps[-1]) for one in curves.values())

    def points(steps: Any, shares: Any) -> list[str]:
        return [
            f"{LEFT + step / end * (RIGHT - LEFT):.1f} {_height(share):.1f}"
            for step, share in zip(steps, shares, strict=True)
        ]

    parts = [f'<path d="M{LEFT} {TOP}V{HIGH - FOOT}H{RIGHT}" fill="none" stroke="var(--line)"/>']
    labels = []
    for (words, share), dashes in zip(lines, ("2 4", "7 5"), strict=True):
        parts.append(
            f'<path d="M{LEFT} {_height(share):.1f}H{RIGHT}" stroke="var(--soft)" '
            f'stroke-dasharray="{dashes}"/>'
        )
        labels.append((_height(share), f'fill="var(--soft)">{words}'))
    for name, one in curves.items():
        words, tone = looks[name]
        band = [*points(one.steps, one.low), *reversed(points(one.steps, one.high))]
        line = points(one.steps, one.iqm)
        parts += [
            f'<path d="M{"L".join(band)}z" fill="{tone}" opacity=".2"/>',
            f'<path d="M{"L".join(line)}" fill="none" stroke="{tone}" stroke-width="2.5"/>',
        ]
        dot = f'<tspan fill="{tone}">●</tspan>'
        labels.append((_height(one.iqm[-1]), f'fill="var(--ink)" font-weight="600">{dot} {words}'))
    parts += [
        f'<text x="{RIGHT + 6}" y="{y + 4:.1f}" {words}</text>' for y, words in _apart(labels)
    ]
    parts.append(
        f'<g fill="var(--soft)"><text x="{LEFT}" y="{HIGH - 10}" text-anchor="middle">0</text>'
        f'<text x="{RIGHT}" y="{HIGH - 10}" text-anchor="middle">{end / 1000:.0f}k</text>'
        f'<text x="{RIGHT + 24}" y="{HIGH - 10}">steps</text></g>'
    )
    return (
        f'<svg class="ml-curves" viewBox="0 0 {WIDE} {HIGH}" role="img" '
        f'aria-label="{html.escape(label)}" '
        f'font-family="system-ui,sans-serif" font-size="13">{"".join(parts)}</svg>'
    )


def _apart(labels: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """Labels that would cover each other move apart: down, and up again from the foot."""
    labels = sorted(labels, key=lambda one: one[0])
    heights = [y for y, _ in labels]
    for k in range(1, len(heights)):
        heights[k] = max(heights[k], heights[k - 1] + 17)
    floor = float(HIGH - FOOT)
    for k in reversed(range(len(heights))):
        heights[k] = min(heights[k], floor)
        floor = heights[k] - 17
    return [(y, words) for y, (_, words) in zip(heights, labels, strict=True)]


def _height(share: float) -> float:
    return TOP + (1 - share) * (HIGH - TOP - FOOT)


def _percent(found: results.Estimate) -> str:
    return f"{100 * found.value:.1f}\u00a0% ({100 * found.low:.1f} to {100 * found.high:.1f})"
