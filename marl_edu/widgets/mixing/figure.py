"""The figure in which a game is learned: payoffs of two agents, trained from scratch by the reader.

The networks and their training are `training/team_q.py` and `training/qlearning.py` with
`algos/iql.py`, `vdn.py` or `qmix.py`, written out in JavaScript with their gradients. In a game
with one state the hypernetworks always see the same: QMIX's mixer is then one monotone network.
Without JavaScript, or in print, a still picture of what stored teams believe.
"""

import html
from collections.abc import Sequence
from typing import Any

import traitlets

from marl_edu import results
from marl_edu.algos import qmix
from marl_edu.core.payoff_fits import Fit
from marl_edu.envs.drawing import junction, shapes
from marl_edu.envs.games import CLIMBING_GAME, QTRAN_GAME, MatrixGame, penalty_game
from marl_edu.experiments import catalogue, joint_values
from marl_edu.plots.style import COLOURS
from marl_edu.training import qlearning
from marl_edu.widgets.payoff.figure import CELL, GAP, HEAD, number, read, table, written
from marl_edu.widgets.shared.bundle import figure_module
from marl_edu.widgets.shared.figure import LiveFigure, style

CONFIG = qmix.Config(env=MatrixGame, **catalogue.values.GAME, weight=0.1)
LESS = qlearning.Config(env=MatrixGame)  # what it explores with unless told otherwise
SETUP = (  # what every run takes from the config
    "updates", "num_envs", "hidden_dim", "mixing_dim", "train_freq", "batch_size", "capacity",
    "learning_starts", "lr_end", "max_grad_norm",
)  # fmt: skip
LOG_EVERY = 10  # updates: much happens in the first hundred
EXPLORES = ("epsilon", "epsilon_end", "exploration_fraction")
GAMES = {
    "QTRAN’s game": QTRAN_GAME,
    "climbing game": CLIMBING_GAME,
    "penalty game": penalty_game(-30),
}
METHODS = ("qmix", "vdn", "iql", "owqmix")
ACCEPTS: dict[str, tuple[Any, ...]] = {  # what a reader may choose, beside the payoffs
    "method": METHODS,
    "beside": (*METHODS, "nothing"),
    "explore": ("all", "less"),
    "weight": (CONFIG.weight, 0.25, 0.5, 0.75),
    "lr": (0.001, CONFIG.lr, 0.02, 0.1),
    "seed": (1, 2, 3, 4, 5),
    "band": ("one", "five"),
}
STORED = {"vdn-qtran": "VDN", "qmix-qtran": "QMIX", "qmix-qtran-weighted": "OW-QMIX"}
LOOK = junction.STYLE + "".join(f"--mx-{one}:{COLOURS[one]};" for one in METHODS)


class MixingFigure(LiveFigure):
    """A game that is learned where it is read.

    Args:
        payoff: what both get, a row per action of agent 0, a column per action of agent 1. There
            are two or three of each, as many rows as columns, and whole numbers in -99..99.
        settings: any of the traits below.

    Traits, in step with the picture; `ACCEPTS` has what each may be:
        payoff: as a word, "8,-12,-12;-12,0,0;-12,0,0".
        method: how the team learns. beside: how a second one learns, with the same seed; or
        nothing. explore: "all" actions alike throughout, or "less" and less.
        weight: of overestimates in OW-QMIX. lr: the step size at the start.
        seed: of weights, actions and samples. band: "five" trains seeds 1 to 5 at once.
        playing: True while it trains. hint: the one thing to try.
    """

    NAME = "mixing"
    STATE = ("setup", "accepts", "games", "look", "hint", "first", "payoff", *ACCEPTS, "playing")
    _esm = figure_module("mixing")
    _css = style("learning", "mixing")

    setup = traitlets.Dict(
        {key: getattr(CONFIG, key) for key in SETUP}
        | {key: getattr(LESS, key) for key in EXPLORES}
        | {"log_every": LOG_EVERY}
    ).tag(sync=True)
    accepts = traitlets.Dict({name: list(one) for name, one in ACCEPTS.items()}).tag(sync=True)
    games: Any = traitlets.List([[name, written(one)] for name, one in GAMES.items()])
    games.tag(sync=True)
    look = traitlets.Unicode(LOOK).tag(sync=True)
    hint = traitlets.Unicode(
        "train QMIX beside independent learners. Then choose OW-QMIX for one of them and train "
        "again: who plays A with A?"
    ).tag(sync=True)
    first = traitlets.Dict().tag(sync=True)  # the settings it was made with, for Reset
    payoff = traitlets.Unicode().tag(sync=True)
    method = traitlets.Unicode("qmix").tag(sync=True)
    beside = traitlets.Unicode("iql").tag(sync=True)
    explore = traitlets.Unicode("all").tag(sync=True)
    weight = traitlets.Float(CONFIG.weight).tag(sync=True)
    lr = traitlets.Float(CONFIG.lr).tag(sync=True)
    seed = traitlets.Int(1).tag(sync=True)
    band = traitlets.Unicode("one").tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)

    def __init__(self, payoff: Any = QTRAN_GAME, **settings: Any):
        unknown = settings.keys() - {"hint", *ACCEPTS}
        if unknown:
            raise TypeError(f"MixingFigure takes no {', '.join(sorted(unknown))}")
        word = payoff if isinstance(payoff, str) else written(payoff)
        super().__init__(payoff=word, **settings)
        self.first = {key: getattr(self, key) for key in ("payoff", *ACCEPTS)}

    @traitlets.validate("payoff", *ACCEPTS)
    def _check(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "payoff":
            rows = read(value)
            if len(rows) != len(rows[0]):
                raise ValueError(f"payoff must have as many rows as columns, got {value!r}")
            return written(rows)
        if value not in ACCEPTS[name]:
            raise ValueError(f"{name} must be one of {list(ACCEPTS[name])}, got {value!r}")
        return value

    def _still(self) -> str:
        drawn, text = still()
        return (
            f'<figure class="ml mx ml-still" style="{LOOK}">{drawn}'
            f"<figcaption>{html.escape(text)}</figcaption></figure>"
        )


def still() -> tuple[str, str]:
    """What stored teams believe of QTRAN's game, as SVG; and in words."""
    env = MatrixGame(QTRAN_GAME, num_envs=1)
    parts, words = [_at(0, table("Payoffs", QTRAN_GAME, None, QTRAN_GAME))], []
    for k, (name, label) in enumerate(STORED.items(), 1):
        believed = joint_values.matrix_game(catalogue.load_policy(name, 0), env)
        numbers = believed.tolist()
        parts.append(_at(k, table(f"{label} believes", numbers, Fit(believed, 0.0), QTRAN_GAME)))
        scores = results.scores(name, "return")
        low, high = float(scores.min()), float(scores.max())
        got = number(low) if low == high else f"{number(low)} to {number(high)}"
        words.append(f"{label} gets {got} (n = {len(scores)})")
    random = number(sum(map(sum, QTRAN_GAME)) / 9)
    text = f"{', '.join(words)}; random play {random}. A frame: what is played."
    width, height = _size()
    return shapes.canvas(2 * width, 2 * height, parts, f"What teams believe. {text}"), text


def _size() -> Sequence[int]:
    side = (len(QTRAN_GAME) + 1) * CELL
    return side + GAP, side + HEAD + GAP // 2


def _at(k: int, inside: str) -> str:
    width, height = _size()
    left, top = (k % 2) * width + GAP // 2, (k // 2) * height
    return f'<g transform="translate({left} {top})">{inside}</g>'
