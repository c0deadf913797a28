"""Exercises with graders: `exercises.masked_attention.grade(my_function)` gives a verdict.

An answer is tried in a process of its own; the verdict says what is wrong, and which classic
mistake behaves just so. The modules that begin with an underscore hold the solutions.
"""

from marl_edu.exercises._attention import masked_attention, targeting
from marl_edu.exercises._attention_pairs import dot_product
from marl_edu.exercises._comparison import between_rules, middle_half, team_values
from marl_edu.exercises._comparison_hunt import lucky
from marl_edu.exercises._curiosity import (
    across_the_reset,
    count_bonus,
    inverse_model,
    stopped_target,
    surprise,
)
from marl_edu.exercises._curiosity_hunt import bored_explorer
from marl_edu.exercises._curiosity_rnd import bonus_scale, clear_view, two_lives
from marl_edu.exercises._curiosity_rnd_hunt import exploding_bonus
from marl_edu.exercises._gat import graph_layer, graph_scores, merge_heads
from marl_edu.exercises._gat_graphs import edge_softmax, gcn_weights, receptive_field
from marl_edu.exercises._gat_hunt import wrong_way
from marl_edu.exercises._heads import several_heads
from marl_edu.exercises._hunt import silent_team
from marl_edu.exercises._learning import leaving_cars, new_driver
from marl_edu.exercises._maddpg import central_target, slow_target, straight_through
from marl_edu.exercises._memory import (
    only_what_counts,
    shifted_targets,
    time_limit,
    two_networks,
)
from marl_edu.exercises._memory_cells import gru_step, warm_up
from marl_edu.exercises._memory_hunt import forgetful_walker
from marl_edu.exercises._memory_lives import lives, lstm_step
from marl_edu.exercises._policies import clipped_ratio, counterfactual
from marl_edu.exercises._policies_hunt import shared_luck
from marl_edu.exercises._qmix import monotonic_mixer, team_error, two_step_game
from marl_edu.exercises._qmix_hunt import worse_team
from marl_edu.exercises._replay import ring_windows
from marl_edu.exercises._replay_hunt import hasty_walker
from marl_edu.exercises._rounds import mean_of_the_others, several_rounds
from marl_edu.exercises._statistics import chance_of_better, seed_interval
from marl_edu.exercises._worlds_hunt import unpaid

# Where each is posed, in order: a notebook of the book, and the names.
PAGES = {
    "chapters/worlds": ("unpaid",),
    "chapters/tarmac": (
        "masked_attention",
        "targeting",
        "several_heads",
        "several_rounds",
        "mean_of_the_others",
        "new_driver",
        "leaving_cars",
        "silent_team",
    ),
    "chapters/gat": (
        "graph_scores",
        "graph_layer",
        "merge_heads",
        "receptive_field",
        "edge_softmax",
        "gcn_weights",
        "wrong_way",
    ),
    "chapters/drqn": (
        "time_limit",
        "two_networks",
        "lstm_step",
        "shifted_targets",
        "only_what_counts",
        "lives",
        "forgetful_walker",
    ),
    "chapters/icm": (
        "count_bonus",
        "inverse_model",
        "surprise",
        "stopped_target",
        "across_the_reset",
        "bored_explorer",
    ),
    "chapters/rnd": (
        "clear_view",
        "bonus_scale",
        "two_lives",
        "exploding_bonus",
    ),
    "chapters/comparison": (
        "between_rules",
        "middle_half",
        "team_values",
        "lucky",
    ),
    "interview/whiteboard": (
        "dot_product",
        "gru_step",
        "warm_up",
        "ring_windows",
        "team_error",
        "two_step_game",
        "monotonic_mixer",
        "counterfactual",
        "central_target",
        "straight_through",
        "slow_target",
        "clipped_ratio",
        "seed_interval",
        "chance_of_better",
        "worse_team",
        "shared_luck",
        "hasty_walker",
    ),
}

__all__ = [
    "PAGES",
    "across_the_reset",
    "between_rules",
    "bonus_scale",
    "bored_explorer",
    "central_target",
    "chance_of_better",
    "clear_view",
    "clipped_ratio",
    "count_bonus",
    "counterfactual",
    "dot_product",
    "edge_softmax",
    "exploding_bonus",
    "forgetful_walker",
    "gcn_weights",
    "graph_layer",
    "graph_scores",
    "gru_step",
    "hasty_walker",
    "inverse_model",
    "leaving_cars",
    "lives",
    "lstm_step",
    "lucky",
    "masked_attention",
    "mean_of_the_others",
    "merge_heads",
    "middle_half",
    "monotonic_mixer",
    "new_driver",
    "only_what_counts",
    "receptive_field",
    "ring_windows",
    "seed_interval",
    "several_heads",
    "several_rounds",
    "shared_luck",
    "shifted_targets",
    "silent_team",
    "slow_target",
    "stopped_target",
    "straight_through",
    "surprise",
    "targeting",
    "team_error",
    "team_values",
    "time_limit",
    "two_lives",
    "two_networks",
    "two_step_game",
    "unpaid",
    "warm_up",
    "worse_team",
    "wrong_way",
]
