"""Scripted policies for the speaker probe."""

from functools import partial

from torch import Tensor

from marl_edu.envs.baselines.task import Always, ScriptedPolicy, Task, UniformPolicy
from marl_edu.envs.speaker_probe import SpeakerProbe


def told_all(env: SpeakerProbe) -> Tensor:
    """Everybody has heard everybody, and so knows the answer."""
    return env.answer


def _task(distractors: int, shown: bool = False) -> Task:
    return Task(
        key=f"probe{distractors}",
        name=f"Speaker probe, {distractors} distractor{'s' * (distractors > 1)}",
        isolates="talk: whom to listen to",
        make=partial(SpeakerProbe, distractors),
        score="success",
        unit="share of right answers",
        policies=(
            ScriptedPolicy("random", "random", UniformPolicy, exact=1 / 4),
            ScriptedPolicy("always the first symbol", "open-loop", lambda: Always(0), exact=1 / 4),
            ScriptedPolicy("told all", "best", lambda: told_all, exact=1.0),
        ),
        show="told all" if shown else "",
        trivial="always the first symbol",
    )


TASKS = (_task(7, shown=True),)
OTHER_TASKS = tuple(_task(distractors) for distractors in (1, 3, 15))
