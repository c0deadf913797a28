"""Exercises with graders: `exercises.masked_attention.grade(my_function)` gives a verdict.

An answer is tried in a process of its own; the verdict says what is wrong, and which classic
mistake behaves just so. The modules that begin with an underscore hold the solutions.
"""

from marl_edu.exercises._attention import masked_attention, targeting
from marl_edu.exercises._heads import several_heads
from marl_edu.exercises._hunt import probe_curve, silent_team, suspect
from marl_edu.exercises._learning import leaving_cars, new_driver
from marl_edu.exercises._rounds import mean_of_the_others, several_rounds

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
