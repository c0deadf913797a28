"""Exercises with graders: `exercises.masked_attention.grade(my_function)` gives a verdict.

An answer is tried in a process of its own; the verdict says what is wrong, and which classic
mistake behaves just so. The modules that begin with an underscore hold the solutions.
"""

from marl_edu.exercises._attention import masked_attention, targeting
from marl_edu.exercises._comparison import between_rules, middle_half, team_values
from marl_edu.exercises._curiosity import (
    across_the_reset,
    count_bonus,
    inverse_model,
    stopped_target,
    surprise,
)
from marl_edu.exercises._curiosity_hunt import bored_explorer, bored_suspect
from marl_edu.exercises._curiosity_rnd import bonus_scale, clear_view, two_lives
from marl_edu.exercises._curiosity_rnd_hunt import exploding_bonus, exploding_suspect
from marl_edu.exercises._gat import graph_layer, graph_scores, merge_heads
from marl_edu.exercises._gat_graphs import edge_softmax, gcn_weights, receptive_field
from marl_edu.exercises._gat_hunt import relay_curve, wrong_way, wrong_way_suspect
from marl_edu.exercises._heads import several_heads
from marl_edu.exercises._hunt import probe_curve, silent_team, suspect
from marl_edu.exercises._learning import leaving_cars, new_driver
from marl_edu.exercises._memory import only_what_counts, shifted_targets, time_limit, two_networks
from marl_edu.exercises._memory_hunt import forgetful, forgetful_walker, maze_curve
from marl_edu.exercises._memory_lives import lives, lstm_step
from marl_edu.exercises._rounds import mean_of_the_others, several_rounds

__all__ = [
    "across_the_reset",
    "between_rules",
    "bonus_scale",
    "bored_explorer",
    "bored_suspect",
    "clear_view",
    "count_bonus",
    "edge_softmax",
    "exploding_bonus",
    "exploding_suspect",
    "forgetful",
    "forgetful_walker",
    "gcn_weights",
    "graph_layer",
    "graph_scores",
    "inverse_model",
    "leaving_cars",
    "lives",
    "lstm_step",
    "masked_attention",
    "maze_curve",
    "mean_of_the_others",
    "merge_heads",
    "middle_half",
    "new_driver",
    "only_what_counts",
    "probe_curve",
    "receptive_field",
    "relay_curve",
    "several_heads",
    "several_rounds",
    "shifted_targets",
    "silent_team",
    "stopped_target",
    "surprise",
    "suspect",
    "targeting",
    "team_values",
    "time_limit",
    "two_lives",
    "two_networks",
    "wrong_way",
    "wrong_way_suspect",
]
