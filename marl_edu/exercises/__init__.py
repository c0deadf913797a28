"""Exercises with graders: `exercises.masked_attention.grade(my_function)` gives a verdict.

An answer is tried in a process of its own; the verdict says what is wrong, and which classic
mistake behaves just so. The modules that begin with an underscore hold the solutions.
"""

from marl_edu.exercises._attention import masked_attention, targeting
from marl_edu.exercises._attention_pairs import dot_product
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
from marl_edu.exercises._maddpg import central_target, slow_target, straight_through
from marl_edu.exercises._memory import only_what_counts, shifted_targets, time_limit, two_networks
from marl_edu.exercises._memory_cells import gru_step, warm_up
from marl_edu.exercises._memory_hunt import forgetful, forgetful_walker, maze_curve
from marl_edu.exercises._memory_lives import lives, lstm_step
from marl_edu.exercises._policies import clipped_ratio, counterfactual
from marl_edu.exercises._policies_hunt import bandit_curve, shared_luck, shared_luck_suspect
from marl_edu.exercises._qmix import monotonic_mixer, team_error, two_step_game
from marl_edu.exercises._qmix_hunt import game_curve, worse_team, worse_team_suspect
from marl_edu.exercises._replay import ring_windows
from marl_edu.exercises._replay_hunt import chain_curve, hasty_suspect, hasty_walker
from marl_edu.exercises._rounds import mean_of_the_others, several_rounds
from marl_edu.exercises._statistics import chance_of_better, seed_interval

__all__ = [
    "across_the_reset",
    "bandit_curve",
    "between_rules",
    "bonus_scale",
    "bored_explorer",
    "bored_suspect",
    "central_target",
    "chain_curve",
    "chance_of_better",
    "clear_view",
    "clipped_ratio",
    "count_bonus",
    "counterfactual",
    "dot_product",
    "edge_softmax",
    "exploding_bonus",
    "exploding_suspect",
    "forgetful",
    "forgetful_walker",
    "game_curve",
    "gcn_weights",
    "graph_layer",
    "graph_scores",
    "gru_step",
    "hasty_suspect",
    "hasty_walker",
    "inverse_model",
    "leaving_cars",
    "lives",
    "lstm_step",
    "masked_attention",
    "maze_curve",
    "mean_of_the_others",
    "merge_heads",
    "middle_half",
    "monotonic_mixer",
    "new_driver",
    "only_what_counts",
    "probe_curve",
    "receptive_field",
    "relay_curve",
    "ring_windows",
    "seed_interval",
    "several_heads",
    "several_rounds",
    "shared_luck",
    "shared_luck_suspect",
    "shifted_targets",
    "silent_team",
    "slow_target",
    "stopped_target",
    "straight_through",
    "surprise",
    "suspect",
    "targeting",
    "team_error",
    "team_values",
    "time_limit",
    "two_lives",
    "two_networks",
    "two_step_game",
    "warm_up",
    "worse_team",
    "worse_team_suspect",
    "wrong_way",
    "wrong_way_suspect",
]
