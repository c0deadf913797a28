"""The live speaker and listener: a trained pair at work; mute the word, or swap it for another.

The pair runs in the page. `episode.py` is the same in Python: for the picture that is there without
JavaScript, and for the tests.
"""

import html
from typing import Any

import traitlets

from marl_edu.core.checks import one_of
from marl_edu.envs.drawing import junction, shapes
from marl_edu.envs.particles import FIELD, SIDE
from marl_edu.envs.speaker_listener import LANDMARKS, NEAR, RADIUS
from marl_edu.widgets.shared.bundle import figure_module
from marl_edu.widgets.shared.figure import LiveFigure, style
from marl_edu.widgets.speaker.episode import (
    CHANNELS,
    FOOT,
    STEPS,
    Episode,
    Meaning,
    checked,
    dictionary,
    room,
    start,
    stored_pairs,
)

HIGHEST = 999_999  # episode
COLOURS = ("var(--a3)", "var(--a2)", "var(--a5)")  # of the landmarks: red, green and blue ones


class SpeakerFigure(LiveFigure):
    """Speaker, listener and three landmarks; the reader decides what becomes of the word.

    Args:
        pairs: `{name: exported pair}`, `deaf` and `told` among them; None: the book's.
        settings: the traits below.

    Traits, in step with the picture:

    - `team`: which pair.
    - `episode`: number of the episode, where everything stands. `goal`: a landmark; at first the
      one that the episode draws.
    - `word`: what the listener hears from now on. "said": the speaker's word; "mute": nothing;
      "0", "1" or "2": that word instead.
    - `trail`: what it heard so far, `t` and then a letter per step. `s` is the speaker's word, `m`
      nothing, a digit another word.
    - `playing`: True to let them go on.
    - `hint`: the one thing to try, under the picture.
    """

    NAME = "speaker"
    STATE = (
        "pairs", "room", "look", "hint", "first", "team", "episode", "goal", "word", "trail",
        "playing",
    )  # fmt: skip
    _esm = figure_module("speaker")
    _css = style("speaker")

    pairs = traitlets.Dict().tag(sync=True)
    room = traitlets.Dict().tag(sync=True)
    look = traitlets.Unicode(junction.STYLE).tag(sync=True)
    hint = traitlets.Unicode(
        "choose another word: the listener drives to another landmark. Mute it. Then do the same "
        "with DDPG’s pair."
    ).tag(sync=True)
    first = traitlets.Dict().tag(sync=True)  # the moment it was made with, for Reset
    team = traitlets.Unicode().tag(sync=True)
    episode = traitlets.Int(0).tag(sync=True)
    goal = traitlets.Int(0).tag(sync=True)
    word = traitlets.Unicode("said").tag(sync=True)
    trail = traitlets.Unicode("t").tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)

    def __init__(self, pairs: dict[str, dict[str, Any]] | None = None, **settings: Any):
        names = ("team", "episode", "goal", "word", "trail")
        unknown = settings.keys() - {*names, "hint", "playing"}
        if unknown:
            raise TypeError(f"SpeakerFigure takes no {', '.join(sorted(unknown))}")
        found = stored_pairs() if pairs is None else pairs
        if missing := [name for name in ("deaf", "told") if name not in found]:
            raise ValueError(f"pairs must hold {' and '.join(missing)}, got {', '.join(found)}")
        episode = settings.get("episode", 0)
        defaults = {"team": next(iter(found)), "goal": start(_within("episode", episode))[1]}
        super().__init__(pairs=found, room=room(), **{**defaults, **settings})
        self.first = {key: getattr(self, key) for key in names}

    @traitlets.validate("team", "episode", "goal", "word", "trail")
    def _check(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "trail":
            return checked(value)
        if name in ("episode", "goal"):
            return _within(name, value)
        return one_of(name, value, self.pairs if name == "team" else CHANNELS)

    def moment(self, team: str | None = None) -> Episode:
        """The episode that is shown; `team`: as another pair plays it, undisturbed."""
        trail = self.trail if team is None else "t" + "s" * (len(self.trail) - 1)
        record = self.pairs[self.team if team is None else team]
        return Episode(record, self.episode, self.goal).follow(trail)

    def _still(self) -> str:
        record, now = self.pairs[self.team], self.moment()
        words = caption(now, self.moment("deaf"), self.moment("told"))
        inside = (
            f"{picture(now, words)}<figcaption>{html.escape(words)} "
            f"{html.escape(record['label'])}: {number(record['score'])} in the mean of all test "
            f"episodes.</figcaption>"
            f"{_table(dictionary(record, self.episode))}"
        )
        return f'<figure class="ms ms-still" style="{junction.STYLE}">{inside}</figure>'


def _within(name: str, value: Any) -> int:
    highest = {"episode": HIGHEST, "goal": LANDMARKS - 1}[name]
    if not isinstance(value, int) or not 0 <= value <= highest:
        raise ValueError(f"{name} must lie in 0..{highest}, got {value!r}")
    return value


def number(x: float, digits: int = 1) -> str:
    """With a minus sign."""
    return f"{x:.{digits}f}".replace("-", "−")


def caption(now: Episode, deaf: Episode, told: Episode) -> str:
    """The moment in words, with its numbers."""
    heard = "nothing yet" if now.t == 0 else "nothing" if now.heard is None else f"{now.heard}"
    nearest = min(range(LANDMARKS), key=now.away.__getitem__)
    wrong = f", nearest to landmark {nearest}" if nearest != now.goal else ""
    own, *others = (number(one.returns) for one in (now, deaf, told))
    return (
        f"Step {now.t} of {STEPS}. The speaker sees goal {now.goal} and says word {now.said}; the "
        f"listener heard {heard}. It is {number(now.distances[-1], 2)} from the goal{wrong}. "
        f"Return so far: {own}; deaf {others[0]}, told {others[1]}."
    )


def meaning(one: Meaning) -> tuple[str, str, str]:
    """A row of the table: the word, what it is said for, where it leads."""
    goals = " and ".join(f"goal {goal}" for goal in one.goals) or "—"
    word = "mute" if one.word == "m" else f"word {one.word}"
    return word, goals, f"landmark {one.landmark}, {number(one.away, 2)} away"


HEAD = ("heard", "said for", "listener ends nearest to")


def _table(meanings: list[Meaning]) -> str:
    head = "".join(f'<th scope="col">{text}</th>' for text in HEAD)
    rows = "".join(
        f'<tr><th scope="row">{word}</th><td>{goals}</td><td>{where}</td></tr>'
        for word, goals, where in map(meaning, meanings)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def picture(now: Episode, label: str) -> str:
    """The plane as SVG, and below it what the two say and hear."""
    farthest = max(abs(x) for point in (*now.path, *now.landmarks) for x in point)
    scale = SIDE / 2 / max(FIELD, farthest + 0.2)

    def place(point: list[float]) -> tuple[float, float]:
        return SIDE / 2 + scale * point[0], SIDE / 2 - scale * point[1]

    low, high = SIDE / 2 - scale, SIDE / 2 + scale
    parts = [
        f'<rect x="{low:.1f}" y="{low:.1f}" width="{high - low:.1f}" height="{high - low:.1f}" '
        'fill="none" stroke="var(--line)" stroke-opacity=".7"/>'
    ]
    ring = scale * (RADIUS + NEAR)
    for k, point in enumerate(now.landmarks):
        parts.append(_landmark(k, *place(point), ring, k == now.goal))
    points = [place(point) for point in now.path]
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    parts.append(f'<path d="M{line}" fill="none" stroke="var(--ink)" stroke-width="2"/>')
    for (x, y), letter in zip(points, now.trail, strict=True):
        fill = "var(--ink)" if letter in "ts" else "var(--paper)"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{fill}" stroke="var(--ink)"/>')
    parts.append(shapes.agent(1, *points[-1], radius=scale * RADIUS))
    parts += _talk(now)
    return shapes.canvas(SIDE, SIDE + FOOT, parts, f"Speaker and listener. {label}")


def _landmark(k: int, x: float, y: float, radius: float, goal: bool) -> str:
    """A ring in its colour; the goal's is thick, and says so."""
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{COLOURS[k]}" '
        f'fill-opacity=".35" stroke="var(--ink)" stroke-width="{6 if goal else 2}"/>'
        f"{shapes.words(str(k), x, y - 1 if goal else y + 6)}"
        f"{shapes.words('goal', x, y + 13, 13) if goal else ''}"
    )


def _talk(now: Episode) -> list[str]:
    """What the speaker sees and says, and what the listener heard."""
    y = SIDE + FOOT / 2
    muted, changed = now.trail[-1] == "m", now.trail[-1] not in "ts"
    dash = ' stroke-dasharray="6 5"' if changed else ""
    heard = "–" if now.heard is None else str(now.heard)
    return [
        shapes.agent(0, 26, y, hollow=muted),
        f'<path d="M12 {y + 14}L40 {y - 14}" stroke="var(--ink)" stroke-width="3"/>' * muted,
        shapes.words("sees", 66, y + 5),
        _landmark(now.goal, 104.0, y, 13.0, False),
        shapes.words("says", 144, y + 5),
        _box(str(now.said), 182, y),
        f'<path d="M204 {y}H244" stroke="var(--{"bad" if changed else "ink"})" stroke-width="4"'
        f'{dash}/><path d="M256 {y}l-12 -7v14z" fill="var(--{"bad" if changed else "ink"})"/>',
        shapes.words("heard", 286, y + 5),
        _box(heard, 332, y),
        shapes.agent(1, 374, y),
    ]


def _box(text: str, x: shapes.Number, y: shapes.Number) -> str:
    return (
        f'<rect x="{x - 15}" y="{y - 15}" width="30" height="30" rx="5" fill="var(--paper)" '
        f'stroke="var(--ink)"/>{shapes.words(text, x, y + 6)}'
    )
