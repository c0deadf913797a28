"""The live map of curiosity: walk through the maze and watch what is new grow old.

The networks are small ones of `marl_edu.algos.rnd` and `marl_edu.algos.icm`, freshly drawn. They
learn in the page, by plain gradient descent, from the steps that are walked there. `Walk` is the
same in Python: for the picture without JavaScript, and for the tests.
"""

import html
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import traitlets
from torch import Tensor, nn

from marl_edu.algos.icm import IntrinsicCuriosityModule
from marl_edu.algos.rnd import RandomNetworkDistillation
from marl_edu.core.checks import one_of
from marl_edu.envs import key_door_maze
from marl_edu.envs.drawing import junction, shapes
from marl_edu.envs.key_door_maze import WATCH, KeyDoorMaze
from marl_edu.widgets.shared.bundle import figure_module
from marl_edu.widgets.shared.draws import uniforms
from marl_edu.widgets.shared.figure import LiveFigure, style
from marl_edu.widgets.shared.weights import pack

METHODS = {
    "rnd": "RND",
    "icm": "ICM, gradient as in the authors’ code",
    "features": "ICM, encoder trained by the inverse model alone",
}
HIDDEN, FEATURES = 32, 16  # small, so that the page is
RATE, TIMES, RECENT = 0.2, 4, 64  # step size; gradient steps per step; transitions gone through
LONGEST = 300  # steps of a walk
# ColorBrewer's YlGnBu, as in marl_edu.plots.attention_map.
PALETTE = ["ffffd9", "edf8b1", "c7e9b4", "7fcdbb", "41b6c4", "1d91c0", "225ea8", "253494", "081d58"]


def draw_networks(seed: int = 0) -> dict[str, Any]:
    """What each method starts from; both kinds of ICM start from the same numbers."""
    made: dict[str, Any] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        env = KeyDoorMaze(noisy_tv=True, seed=seed)
        made["rnd"] = RandomNetworkDistillation(env.obs_dim, FEATURES, HIDDEN)
        made["rnd"].warm_up(env)
        sizes = (env.obs_dim, env.n_actions, FEATURES, HIDDEN)
        made["icm"] = IntrinsicCuriosityModule(*sizes)
        made["features"] = IntrinsicCuriosityModule(*sizes, stop="features")
        made["features"].load_state_dict(made["icm"].state_dict())
    return {name: module.double() for name, module in made.items()}


def export(module: nn.Module) -> dict[str, Any]:
    """All its numbers as JSON values."""
    return pack({k: v for k, v in module.state_dict().items() if not k.endswith("count")})


def maze_data(env: KeyDoorMaze) -> dict[str, Any]:
    """The maze as JSON values, with the pictures of what does not move."""
    at = [shapes.centre(row, column) for row, column in env.free]
    marks = {(r, c): mark for r, row in enumerate(env.map) for c, mark in enumerate(row)}
    (screen,) = (where for where, mark in marks.items() if mark == "T")
    return {
        "rows": env.rows,
        "columns": env.columns,
        "free": env.free,
        "leads": env.leads.tolist(),
        "sees": env.sees.tolist(),
        "pixels": env.pixels,
        "start": env.start,
        "key": env.key,
        "door": env.door,
        "goal": env.goal,
        "screen": list(shapes.centre(*screen)),
        "walls": shapes.cells(w for w in marks if marks[w] in "#T"),
        "shut": key_door_maze.draw_door(*at[env.door], False),
        "open": key_door_maze.draw_door(*at[env.door], True),
        "ring": shapes.target(*at[env.goal], colour="var(--bad)"),
        "lock": key_door_maze.draw_key(*at[env.key]),
        "carried": key_door_maze.draw_key(0.0, -13.0, 0.6),
    }


class Walk:
    """A walk through the maze, the learning on the way, and the map that comes of it.

    Args:
        method: of METHODS. tv: whether the TV is on.
    """

    def __init__(self, method: str = "rnd", tv: bool = False):
        self.env = KeyDoorMaze(noisy_tv=tv, num_envs=1)
        self.method, self.tv = one_of("method", method, METHODS), tv
        self.module: Any = draw_networks()[method]
        learned = [p for p in self.module.parameters() if p.requires_grad]
        self.optimizer = torch.optim.SGD(learned, RATE)
        self.pictures = (uniforms(0, 0, (LONGEST + 1) * self.env.pixels) < 0.5).double()
        self.pictures = self.pictures.view(-1, self.env.pixels)
        self.memory: list[tuple[Tensor, int, Tensor]] = []
        self.paid: list[float] = []  # the bonus of each step
        self.t = 0
        self._reset()

    def _reset(self) -> None:
        self.cell, self.key, self.door = self.env.start, 0, 0
        self.picture = torch.zeros(self.env.pixels, dtype=torch.float64)

    def see(self, cell: int, key: int, door: int, picture: Tensor) -> Tensor:
        """The observation of an agent in a cell."""
        flags = torch.tensor([key, door], dtype=torch.float64)
        return torch.cat([self.env.place[cell].double(), flags, picture * self.env.sees[cell]])

    def ahead(self, cell: int, action: int) -> tuple[int, int, int, Tensor]:
        """Where one step leads: cell, key, door, picture."""
        env, picture = self.env, self.picture
        if action == WATCH and self.tv and env.sees[cell]:
            picture = self.pictures[self.t]
        there = int(env.leads[self.key, action, cell])
        return (
            there,
            int(self.key or there == env.key),
            int(self.door or there == env.door),
            picture,
        )

    def transition(self, cell: int, action: int) -> tuple[Tensor, int, Tensor]:
        """(o, a, o') of a step from a cell."""
        here = self.see(cell, self.key, self.door, self.picture)
        return here, action, self.see(*self.ahead(cell, action))

    def bonus(self, transitions: list[tuple[Tensor, int, Tensor]]) -> Tensor:
        """The bonus of each."""
        return self.module.reward(*_stack(transitions))

    def step(self, action: int) -> None:
        """Walk one step, be paid for it, learn from it; at the goal, begin again."""
        here = self.transition(self.cell, action)
        self.paid.append(float(self.bonus([here])[0]))
        self.memory.append(here)
        self.cell, self.key, self.door, self.picture = self.ahead(self.cell, action)
        self.t += 1
        self.learn()
        if self.cell == self.env.goal:
            self._reset()

    def paint(self, cell: int) -> None:
        """Learn a cell without going there: standing in it, and the four steps from it."""
        actions = (WATCH,) if self.method == "rnd" else range(4)
        self.memory += [self.transition(cell, a) for a in actions]
        self.learn()

    def learn(self) -> None:
        """Go through what was walked lately."""
        for _ in range(TIMES):
            loss = self.module.loss(*_stack(self.memory[-RECENT:])).mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    def map(self) -> list[float]:
        """What is new about each cell now.

        RND: what arriving there would pay; in sight of the TV, with the picture that the
        remote control would bring. ICM: what the five actions there would pay, their mean.
        """
        cells = range(self.env.n_cells)
        if self.method == "rnd":
            stay = [self.transition(cell, WATCH) for cell in cells]
            return self.bonus(stay).tolist()
        every = [self.transition(cell, a) for cell in cells for a in range(5)]
        return self.bonus(every).view(-1, 5).mean(1).tolist()

    def follow(self, trail: str) -> "Walk":
        """Walk a trail: see `CuriosityFigure`."""
        _checked(trail, self.env.n_cells)
        for cell, action in re.findall(r"p(\d+)\.|([0-4t])", trail):
            if action == "t":
                self.tv = not self.tv
            elif action:
                self.step(int(action))
            else:
                self.paint(int(cell))
        return self


def _stack(transitions: list[tuple[Tensor, int, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    obs, action, after = zip(*transitions, strict=True)
    return torch.stack(obs), torch.tensor(action), torch.stack(after)


def _checked(trail: str, n_cells: int) -> str:
    if not re.fullmatch(r"w([0-4t]|p\d+\.)*", trail):
        raise ValueError(f"trail must be w, then 0 to 4, t or p<cell>. each time, got {trail!r}")
    painted = [int(cell) for cell in re.findall(r"p(\d+)\.", trail)]
    steps = re.sub(r"p\d+\.|[wt]", "", trail)
    if len(steps) > LONGEST or any(cell >= n_cells for cell in painted):
        raise ValueError(f"trail must hold at most {LONGEST} steps and cells below {n_cells}")
    return trail


class CuriosityFigure(LiveFigure):
    """A map of the maze in which the new is dark and the old is light, computed in the browser.

    Args:
        settings: any of the traits below.

    Traits, in step with the picture:
        method: "rnd", "icm" or "features" (ICM whose encoder learns from the inverse model alone).
        tv: whether the TV is on at the start.
        trail: what was done since: w, then the number of the action of every step, t where the
        TV was switched, p17. where cell 17 was painted.
        playing: True to walk at random. hint: the one thing to try, written under the picture.
    """

    NAME = "curiosity"
    STATE = ("nets", "maze", "look", "hint", "first", "method", "tv", "trail", "playing")
    _esm = figure_module("curiosity")
    _css = style("curiosity")

    nets = traitlets.Dict().tag(sync=True)
    maze = traitlets.Dict(maze_data(KeyDoorMaze(num_envs=1))).tag(sync=True)
    look = traitlets.Unicode(junction.STYLE).tag(sync=True)
    hint = traitlets.Unicode(
        "walk to the key; then switch the TV on and press the remote control."
    ).tag(sync=True)
    first = traitlets.Dict().tag(sync=True)  # the moment it was made with, for Reset
    method = traitlets.Unicode("rnd").tag(sync=True)
    tv = traitlets.Bool(False).tag(sync=True)
    trail = traitlets.Unicode("w").tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)

    def __init__(self, **settings: Any):
        unknown = settings.keys() - {"hint", "method", "tv", "trail", "playing"}
        if unknown:
            raise TypeError(f"CuriosityFigure takes no {', '.join(sorted(unknown))}")
        made = draw_networks()
        nets = {name: export(made[name]) for name in ("rnd", "icm")}
        super().__init__(nets=nets, **settings)
        self.first = {key: getattr(self, key) for key in ("method", "tv", "trail")}

    @traitlets.validate("method")
    def _check_method(self, proposal: Any) -> str:
        return one_of("method", proposal["value"], METHODS)

    @traitlets.validate("trail")
    def _check_trail(self, proposal: Any) -> str:
        return _checked(proposal["value"], len(self.maze["free"]))

    def _still(self) -> str:
        walk = Walk(self.method, self.tv).follow(self.trail)
        words = html.escape(self.caption(walk))
        inside = f"{self.picture(walk)}<figcaption>{words}</figcaption>"
        return f'<figure class="mc mc-still" style="{junction.STYLE}">{inside}</figure>'

    def caption(self, walk: Walk) -> str:
        """The moment in words, with its numbers."""
        novelty = walk.map()
        row, column = walk.env.free[walk.cell]
        last = f" The last step paid {walk.paid[-1]:.2f}." if walk.paid else ""
        has = "with" if walk.key else "without"
        return (
            f"{METHODS[self.method]}, TV {'on' if walk.tv else 'off'}. "
            f"After {walk.t} steps the agent is in row {row}, column {column}, {has} the key.{last}"
            f" Newest cell {max(novelty):.2f}, oldest {min(novelty):.2f}."
        )

    def picture(self, walk: Walk) -> str:
        """The moment as SVG."""
        screen = walk.picture.tolist() if walk.tv else None
        return draw(walk.map(), self.caption(walk), walk.cell, walk.key, walk.door, screen)


def draw(
    novelty: Sequence[float],
    label: str,
    cell: int | None = None,
    key: int = 0,
    door: int = 0,
    screen: list[float] | None = None,
) -> str:
    """The maze as SVG, each cell the darker the newer it is.

    Args:
        novelty: a number per cell; the largest is darkest. label: what it shows, in words.
        cell: of the agent; None: nobody is drawn. key, door: whether they are taken, open.
        screen: the picture on the TV, if it is on.
    """
    env = KeyDoorMaze(num_envs=1)
    maze, top = maze_data(env), max(max(novelty), 1e-12)
    parts = [
        shapes.cells([where], shade(value / top))
        for where, value in zip(env.free, novelty, strict=True)
    ]
    parts += [maze["walls"], maze["open" if door else "shut"], maze["ring"]]
    if screen is not None:
        x, y = maze["screen"]
        parts.append(key_door_maze.draw_tv(x, y, screen))
    parts += [] if key else [maze["lock"]]
    if cell is not None:
        x, y = shapes.centre(*env.free[cell])
        parts.append(shapes.agent(0, x, y, 13))
        if key:
            parts.append(f'<g transform="translate({x:g} {y:g})">{maze["carried"]}</g>')
    return shapes.canvas(env.columns * shapes.CELL, env.rows * shapes.CELL, parts, label)


def shade(share: float) -> str:
    """A colour between light (0, old) and dark (1, new)."""
    at = min(max(share, 0.0), 1.0) * (len(PALETTE) - 1)
    k = min(int(at), len(PALETTE) - 2)
    low, high = (np.array([int(PALETTE[j][i : i + 2], 16) for i in (0, 2, 4)]) for j in (k, k + 1))
    rgb = np.floor(low + (at - k) * (high - low) + 0.5).astype(int)
    return f"rgb({','.join(map(str, rgb))})"
