"""Graph attention learns what is as far away as it has layers, and nothing that is farther."""

import math
from functools import cache

import pytest

from marl_edu.algos import gat
from marl_edu.core.evaluate import evaluate
from marl_edu.envs.relay import Relay
from marl_edu.experiments import node_classification
from marl_edu.experiments.catalogue.graphs import relay
from marl_edu.training import a2c

pytestmark = pytest.mark.learning

EPISODES = 1000


@cache
def success(hops: int, layers: int, layer_type: type = gat.GraphAttention, seed: int = 0) -> float:
    """What a fresh team of this many layers scores after training."""
    cfg = gat.Config(
        **relay(hops) | {"env_args": {"hops": hops, "n_agents": 32}, "updates": 150},
        layers=layers,
        layer_type=layer_type,
        nearest=32,
        seed=seed,
    )
    net = gat.train(cfg).net
    return evaluate(Relay(32, hops, num_envs=250), a2c.TeamPolicy(net), EPISODES)["success"]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("layer_type", [gat.GraphAttention, gat.GraphAttentionV2])
def test_one_layer_knows_what_is_one_hop_away(layer_type, seed):
    assert success(1, 1, layer_type, seed) > 0.9


@pytest.mark.parametrize("hops, layers", [(1, 0), (2, 1)])
def test_one_layer_too_few_is_guessing(hops, layers):
    # Those who are asked in one relay have related answers: at worst each relay is one trial.
    error = math.sqrt(0.25 * 0.75 / EPISODES)
    assert abs(success(hops, layers) - 0.25) < 4 * error


def test_links_help_to_sort_papers():
    """A tenth of the recipe's epochs is enough to be far above the same network without links."""
    found = {}
    for use_edges in (True, False):
        cfg = node_classification.Config(use_edges=use_edges, updates=150)
        found[use_edges] = node_classification.evaluate(
            node_classification.train(cfg).net, cfg, 1000
        )
    assert found[True]["success"] > found[False]["success"] + 0.1
    assert found[True]["success"] > found[True]["majority"] + 0.2
