"""The figure in which an agent explores: the key-door maze, learned from scratch by the reader.

The network, its bonus and their training are `training/ppo.py` with `algos/rnd.py` or
`algos/counts.py`, written out in JavaScript with their gradients. Nothing in this maze is left to
chance, and it has few states. So a network looks at each state once, however often it was met, and
the chance to reach the goal is exact. One thing differs: RND's weights are drawn as spread as
orthogonal ones, but each on its own. Without JavaScript, or in print, a still picture of stored
runs and their numbers.
"""

import html
from typing import Any

import traitlets

from marl_edu import results
from marl_edu.algos import rnd
from marl_edu.core import storage
from marl_edu.envs.baselines.key_door_maze import goal_chances
from marl_edu.envs.drawing import junction
from marl_edu.envs.key_door_maze import LAYOUTS, KeyDoorMaze
from marl_edu.plots.style import COLOURS
from marl_edu.results import exploration
from marl_edu.widgets.curiosity.figure import maze_data
from marl_edu.widgets.learning.figure import Look, draw
from marl_edu.widgets.shared.bundle import figure_module
from marl_edu.widgets.shared.figure import LiveFigure, style

CONFIG = rnd.Config()
SETUP = (  # what every run takes from the config
    "updates", "num_envs", "hidden_dim", "predictor_dim", "feature_dim", "gamma", "gamma_int",
    "gae_lambda", "ext_coef", "int_coef", "epochs", "minibatches", "lr_bonus", "clip_coef",
    "ent_coef", "vf_coef", "max_grad_norm", "log_every",
)  # fmt: skip
BONUSES = ("rnd", "counts", "none")
ACCEPTS: dict[str, tuple[Any, ...]] = {  # what a reader may choose
    "bonus": BONUSES,
    "beside": (*BONUSES, "nothing"),
    "maze": tuple(LAYOUTS),
    "map": ("surprise", "visits"),
    "share": (0.0625, CONFIG.bonus_share, 1.0),
    "lr": (0.0003, CONFIG.lr, 0.003, 0.03),
    "seed": (1, 2, 3, 4, 5),
    "band": ("one", "five"),
}
LOOK = junction.STYLE + "".join(f"--me-{one}:{COLOURS[one]};" for one in BONUSES)
LOOK += "--me-way:#d1495b;"  # seen on the lightest and on the darkest cell
STORED = {"rnd-maze": "RND", "counts-maze": "counts", "none-maze": "no bonus"}  # of the still
MEASURED = results.RESULTS / "benchmark-exploring.json"  # by benchmarks/exploring.py


def with_steps(layout: str) -> dict[str, Any]:
    """A maze as JSON values, less what belongs to the TV, and how many steps an episode has."""
    env = KeyDoorMaze(layout, num_envs=1)
    data = maze_data(env) | {"steps": env.max_steps}
    return {key: value for key, value in data.items() if key not in ("sees", "screen", "carried")}


def measured() -> dict[str, Any]:
    """What seeds 1 to 5 of the figure come to in Chromium.

    Of each bonus `found` and `solved`: the updates of each seed until then, or None. `updates` is
    when they ended.
    """
    return dict(storage.read_json(MEASURED))


def takeaway() -> str:
    """What of that a reader takes away, in words."""
    found = measured()
    ways = {
        bonus: sorted(row["found"] for row in rows if row["found"])
        for bonus, rows in found["runs"].items()
    }
    return (
        f"Of seeds 1 to 5 here, {_some(ways['rnd'])} find the goal with RND, "
        f"{_some(ways['counts'])} with counts, {_some(ways['none'])} without a bonus in "
        f"{found['updates']} updates."
    )


def _some(updates: list[int]) -> str:
    """How many, and in which update the first and the last of them."""
    return f"{len(updates)}" + (f" (update {updates[0]} to {updates[-1]})" if updates else "")


class ExploringFigure(LiveFigure):
    """An agent that explores where it is read, while its map of surprise fades.

    Args:
        settings: any of the traits below.

    Traits, in step with the picture; `ACCEPTS` has what each may be:
        bonus: what the agent is paid for what is new. beside: the same of a second one, with the
        same seed; or nothing. maze: its layout. map: what the maps show.
        share: of the steps that RND's predictor learns from. lr: the step size of policy and
        critics. seed: of weights, actions and samples. band: "five" trains seeds 1 to 5 at once.
        playing: True while it trains. hint: the one thing to try.
    """

    NAME = "exploring"
    STATE = ("setup", "accepts", "look", "hint", "first", *ACCEPTS, "playing")
    _esm = figure_module("exploring")
    _css = style("learning", "exploring")

    setup = traitlets.Dict(
        {key: getattr(CONFIG, key) for key in SETUP}
        | {"mazes": {layout: with_steps(layout) for layout in LAYOUTS}}
    ).tag(sync=True)
    accepts = traitlets.Dict({name: list(one) for name, one in ACCEPTS.items()}).tag(sync=True)
    look = traitlets.Unicode(LOOK).tag(sync=True)
    hint = traitlets.Unicode(
        "train, and watch which rooms stay dark. Then choose seed 2: unseen rooms still pay, but "
        "does the agent go there?"
    ).tag(sync=True)
    first = traitlets.Dict().tag(sync=True)  # the settings it was made with, for Reset
    bonus = traitlets.Unicode("rnd").tag(sync=True)
    beside = traitlets.Unicode("none").tag(sync=True)
    maze = traitlets.Unicode("standard").tag(sync=True)
    map = traitlets.Unicode("surprise").tag(sync=True)
    share = traitlets.Float(CONFIG.bonus_share).tag(sync=True)
    lr = traitlets.Float(CONFIG.lr).tag(sync=True)
    seed = traitlets.Int(1).tag(sync=True)
    band = traitlets.Unicode("one").tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)

    def __init__(self, **settings: Any):
        unknown = settings.keys() - {"hint", *ACCEPTS}
        if unknown:
            raise TypeError(f"ExploringFigure takes no {', '.join(sorted(unknown))}")
        super().__init__(**settings)
        self.first = {key: getattr(self, key) for key in ACCEPTS}

    @traitlets.validate(*ACCEPTS)
    def _check(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if value not in ACCEPTS[name]:
            raise ValueError(f"{name} must be one of {list(ACCEPTS[name])}, got {value!r}")
        return value

    def _still(self) -> str:
        drawn, text = still()
        return (
            f'<figure class="ml me ml-still" style="{LOOK}">{drawn}'
            f"<figcaption>{html.escape(text)}</figcaption></figure>"
        )


def still() -> tuple[str, str]:
    """How stored agents learned the maze, as SVG; and in words."""
    looks, words = {}, []
    for name, label in STORED.items():
        found = exploration.solved(name)
        words.append(f"{label} {round(found.value * found.n)} of {found.n}")
        looks[name] = Look(words[-1], COLOURS[name.partition("-")[0]])
    text = f"Stored seeds that solve it: {', '.join(words)}; 90 % interval."
    random = float(goal_chances(KeyDoorMaze(num_envs=1))[-1])
    lines = (("best possible 100", 1.0), (f"random play {100 * random:.0f}", random))
    label = f"Share of episodes that reach the goal while training. {text}"
    curves = {name: results.learning_curve(name) for name in STORED}
    return draw(curves, looks, lines, label), text
