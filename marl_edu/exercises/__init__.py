"""Exercises with graders: `exercises.masked_attention.grade(my_function)` gives a verdict.

An answer is tried in a process of its own; the verdict says what is wrong, and which classic
mistake behaves exactly so. `exercises.masked_attention` itself shows what it asks for.
"""

from marl_edu.exercises.attention import masked_attention, targeting
from marl_edu.exercises.heads import several_heads
from marl_edu.exercises.hunt import probe_curve, silent_team, suspect
from marl_edu.exercises.learning import leaving_cars, new_driver
from marl_edu.exercises.rounds import mean_of_the_others, several_rounds

__all__ = [
    "leaving_cars",
    "masked_attention",
    "mean_of_the_others",
    "new_driver",
    "probe_curve",
    "several_heads",
    "several_rounds",
    "silent_team",
    "suspect",
    "targeting",
]
