"""A film: an environment that moves, step by step, in the lab and on the page.

In a notebook with a kernel it is a widget. Where there is no kernel, the page runs the same
JavaScript with a small host; without JavaScript, or in print, one of its pictures and its caption.
"""

import base64
import html
import json
import zlib
from collections.abc import Iterable, Sequence
from typing import Any
from xml.etree import ElementTree

import traitlets
from torch import Tensor

from marl_edu.core.checks import positive_int
from marl_edu.core.protocols import Policy
from marl_edu.envs.base.env import BatchedEnv
from marl_edu.envs.drawing import junction
from marl_edu.widgets.shared.bundle import figure_module
from marl_edu.widgets.shared.figure import LiveFigure, style


class Film(LiveFigure):
    """Pictures of one environment, one per step, with Play, Pause and a slider.

    Args:
        frames: the pictures, SVG strings; number 0 is the beginning.
        captions: for each picture what it shows, in words, written below it and read aloud. By
            default what the pictures say of themselves (`aria-label`).
        caption: of the whole film. It starts with what to see.
        step: number of the picture that it opens with, and that is printed.

    Traits, in step with what is shown:
        step: number of the picture. playing: True to play; a film never starts by itself.
    """

    NAME = "film"
    STATE = ("pictures", "caption", "look", "step")
    _esm = figure_module("film")
    _css = style("film")

    pictures = traitlets.Unicode().tag(sync=True)  # frames and captions, packed
    caption = traitlets.Unicode().tag(sync=True)
    look = traitlets.Unicode(junction.STYLE).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        frames: Iterable[str],
        captions: Iterable[str] | None = None,
        caption: str = "",
        step: int = 0,
    ):
        self.frames = [frames] if isinstance(frames, str) else list(frames)
        if not self.frames:
            raise ValueError("frames must hold at least one picture, got none")
        labels = [_label(k, frame) for k, frame in enumerate(self.frames)]
        self.captions = labels if captions is None else list(captions)
        if len(self.captions) != len(labels):
            raise ValueError(
                f"captions must hold one text per frame, {len(labels)}, got {len(self.captions)}"
            )
        super().__init__(pictures=pack(self.frames, self.captions), caption=caption, step=step)

    @classmethod
    def record(
        cls,
        env: BatchedEnv,
        policy: Policy,
        steps: int | None = None,
        seed: int = 0,
        b: int = 0,
        caption: str = "",
    ) -> "Film":
        """Play a fresh episode, to its end or for `steps` steps, and keep every picture of it.

        Args:
            env: it is reset, and played. policy: `(env) -> actions (B, N)`.
            seed: of the episode. b: which of the environment's B episodes is filmed.
            caption: as of `Film`.
        """
        last = env.max_steps if steps is None else positive_int("steps", steps)
        env.reset(seed)
        frames = [env.render(b)]
        captions = [_label(0, frames[0])]
        while env.t < min(last, env.max_steps) and env.running[b]:
            _, reward, *_ = env.step(policy(env))
            frames.append(env.render(b))
            captions.append(_label(env.t, frames[-1]) + _rewards(env, reward[b]))
        return cls(frames, captions, caption)

    @traitlets.validate("step")
    def _check_step(self, proposal: Any) -> int:
        last = len(self.frames) - 1
        if not 0 <= proposal["value"] <= last:
            raise ValueError(f"step must lie in 0..{last}, got {proposal['value']!r}")
        return proposal["value"]

    def _still(self) -> str:
        words = html.escape(f"{self.caption} {self.captions[self.step]}".strip())
        return (
            f'<figure class="mf" style="{junction.STYLE}"><div class="mf-picture">'
            f"{self.frames[self.step]}</div><figcaption>{words}</figcaption></figure>"
        )


def pack(frames: Sequence[str], captions: Sequence[str]) -> str:
    """Pictures and texts as one short string: deflated, since most of a picture is in the next."""
    text = json.dumps([list(frames), list(captions)], ensure_ascii=False)
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def _label(number: int, frame: str) -> str:
    """What a picture says of itself, or ValueError if it is not one."""
    try:
        root = ElementTree.fromstring(frame)
    except (ElementTree.ParseError, TypeError):
        raise ValueError(f"frames[{number}] must be an SVG string, got {frame!r:.60}") from None
    if root.tag != "{http://www.w3.org/2000/svg}svg":
        raise ValueError(f"frames[{number}] must be an SVG string, got an element {root.tag}")
    return root.get("aria-label", f"Picture {number}").removesuffix(".") + "."


def _rewards(env: BatchedEnv, reward: Tensor) -> str:
    """The last step's rewards in words: one if all have the same, or those that are not 0."""
    if not reward.any():
        return ""
    numbers = [f"{number + 0.0:.3g}" for number in reward.tolist()]  # and no -0
    if len(set(numbers)) == 1:
        return f" Reward {numbers[0]}."
    named = zip(numbers, env.agent_names, strict=True)
    return (
        f" Reward {', '.join(f'{number} for {name}' for number, name in named if number != '0')}."
    )
