"""The graph attention chapter: a crowd on a grid, the relay, and papers that cite each other."""

from typing import Any

from marl_edu.core.graph_layers import GraphConvolution
from marl_edu.envs.grid_world import MultiAgentGridWorld
from marl_edu.envs.relay import Relay
from marl_edu.experiments import methods as m
from marl_edu.experiments.run import Experiment

# A crowd: a fifth of the cells are targets, and there are as many agents, in a hurry. See the graph
# attention chapter for how this was chosen.
GRID: dict[str, Any] = {
    "env": MultiAgentGridWorld,
    "env_args": {
        "grid_size": (10, 10),
        "n_agents": 20,
        "n_targets": 20,
        "max_steps": 10,
        "view": 2,
        "hearing": 5,
        "task": "cover",
    },
    "updates": 600,
    "ent_coef": 0.1,
    "anneal": 0.8,
}
RELAYS = ((2, 0), (2, 1), (2, 2), (2, 3), (3, 2), (3, 3))  # hops to the answer, layers


def relay(hops: int) -> dict[str, Any]:
    """The settings of a run on the relay, 64 agents, the answer so many hops away."""
    return {
        "env": Relay,
        "env_args": {"hops": hops},
        "updates": 250,
        "hidden_dim": 32,
        "lr": 5e-3,
        "ent_coef": 0.05,
        "ent_coef_end": 0.0,
        "reward_scale": 1.0,
        "log_every": 10,
    }


EXPERIMENTS = (
    *(
        # The same teams are also played in larger environments: `experiments.scaling`.
        Experiment(f"{method.id}-grid", method, cfg, m.SCORE_TEAM, keep_policy=tuple(range(8)))
        for method, cfg in (
            (m.NONE, m.NONE.config(**GRID)),
            (m.COMMNET, m.COMMNET.config(**GRID, rounds=2)),
            (m.GAT, m.GAT.config(**GRID, layers=2)),
        )
    ),
    *(
        # Beside none-grid, which has no layer, and gat-grid, which has two.
        Experiment(f"gat-grid-layers{layers}", m.GAT, m.GAT.config(**GRID, layers=layers),
                   m.SCORE_TEAM, seeds=5, keep_policy=())
        for layers in (1, 3)
    ),
    *(
        Experiment(
            f"gat-relay{hops}-layers{layers}",
            m.GAT,
            m.GAT.config(**relay(hops), layers=layers, nearest=64),
            m.SCORE_TEAM,
            # `experiments.scaling` cuts the links of those that can know the answer.
            keep_policy=tuple(range(8)) if layers == hops else (),
        )
        for hops, layers in RELAYS
    ),
    *(
        Experiment(f"{name}-papers", m.NODE_CLASSIFICATION, m.NODE_CLASSIFICATION.config(**kind),
                   m.SCORE_NODES, episodes=1000, keep_policy=())
        for name, kind in (
            ("mlp", {"use_edges": False}),
            ("gcn", {"layer_type": GraphConvolution}),
            ("gat", {}),
        )
    ),
)  # fmt: skip
