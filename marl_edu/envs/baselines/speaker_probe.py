"""The junction and the probe as tasks, with the rules of `marl_edu.envs.scripted`."""

from functools import partial

from torch import Tensor

from marl_edu.envs.baselines.task import Always, Rule, Task, UniformPolicy
from marl_edu.envs.baselines.traffic_junction import always_gas, look_ahead
from marl_edu.envs.speaker_probe import SpeakerProbe
from marl_edu.envs.traffic_junction import TrafficJunction


def told_all(world: SpeakerProbe) -> Tensor:
    """Everybody has heard everybody, and so knows the answer."""
    return world.answer


TASKS = (
    *(
        Task(
            name=f"Traffic Junction, {difficulty}",
            isolates="talk: where the others are",
            make=partial(TrafficJunction, difficulty),
            score="success",
            unit="share of episodes without a crash",
            rules=(
                Rule("random", "random", UniformPolicy),
                Rule("always GAS", "blind", lambda: always_gas),
                Rule("look ahead", "best", lambda: look_ahead),
            ),
            show="look ahead",
        )
        for difficulty in ("easy", "medium", "hard")
    ),
    Task(
        name="Speaker probe, 7 distractors",
        isolates="talk: whom to listen to",
        make=partial(SpeakerProbe, 7),
        score="success",
        unit="share of right answers",
        rules=(
            Rule("random", "random", UniformPolicy, exact=1 / 4),
            Rule("always the first symbol", "blind", lambda: Always(0), exact=1 / 4),
            Rule("told all", "best", lambda: told_all, exact=1.0),
        ),
        show="told all",
    ),
)
