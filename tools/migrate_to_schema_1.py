"""Rewrites stored results and policies in the field's words, once.

    python tools/migrate_to_schema_1.py

Every record and every policy's header gets the ids and the names of schema 1, with all its settings
kept as they were; learning curves get one new column name; no number changes. What a TarMAC policy
says comes out of two layers now, W_k and W_v, whose rows are those of the one layer before.
"""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import torch

from marl_edu import results
from marl_edu.core import storage
from marl_edu.core.registry import registered
from marl_edu.experiments.catalogue import POLICIES
from marl_edu.experiments.identity import defaults_of_config, defaults_of_env, identity
from marl_edu.experiments.methods import ALGORITHMS
from marl_edu.experiments.run import UNKNOWN

SCHEMA = Path(results.__file__).parents[1] / "experiments" / "schema.json"

ALGORITHM = {
    "marl_edu.a2c.train": "none",
    "marl_edu.algos.commnet.train": "commnet",
    "marl_edu.algos.tarmac.train": "tarmac",
    "marl_edu.algos.gat.train": "gat",
    "marl_edu.algos.dqn.train": "dqn",
    "marl_edu.algos.drqn.train": "drqn",
    "marl_edu.algos.icm.train": "icm",
    "marl_edu.algos.rnd.train": "rnd",
    "marl_edu.explore.train": "ppo",
    "marl_edu.explore.train_counting": "counts",
    "marl_edu.combine.train_curious": "curious-team",
    "marl_edu.combine.train_team": "team-drqn",
    "marl_edu.nodes.train": "node-classification",
}
EVALUATOR = {
    "marl_edu.catalogue.evaluate": "team",
    "marl_edu.catalogue.evaluate_exploring": "explorers",
    "marl_edu.catalogue.evaluate_q": "q",
    "marl_edu.catalogue.evaluate_poles": "poles",
    "marl_edu.nodes.evaluate": "nodes",
}
ENV = {
    "TMaze": "t-maze",
    "Flicker": "flicker",
    "Relay": "relay",
    "MultiAgentGridWorld": "grid-world",
    "SpeakerProbe": "speaker-probe",
    "AsOne": "as-one",
    "TrafficJunction": "traffic-junction",
    "AgentId": "agent-id",
    "KeyDoorMaze": "key-door-maze",
    "cartpole": "cartpole",
    "Lookout": "lookout",
}
SETTING = {
    "world": "env",
    "world_args": "env_args",
    "tv": "noisy_tv",
    "batch_size": "num_envs",
    "batch": "batch_size",
    "hidden": "hidden_dim",
    "lam": "gae_lambda",
    "entropy": "ent_coef",
    "entropy_end": "ent_coef_end",
    "value_cost": "vf_coef",
    "clip": "max_grad_norm",
    "content": "value_dim",
    "signature": "signature_dim",
    "warm_up": "learning_starts",
    "target_every": "target_update_interval",
    "steps_per_update": "train_freq",
    "explore": "exploration_fraction",
    "ratio_clip": "clip_coef",
    "weight_ext": "ext_coef",
    "weight_int": "int_coef",
    "own_bonus": "per_agent_bonus",
}
LAYER = {
    "gat": "graph-attention",
    "gatv2": "graph-attention-v2",
    "gcn": "graph-convolution",
    "mlp": "graph-attention",  # without edges
}
EXPERIMENT = {"a2c-walkers": "a2c-pair", "tarmac-walkers": "tarmac-pair"}


def settings_of(old: dict[str, Any], algorithm: str) -> dict[str, Any]:
    """The settings of a record in today's words."""
    own = {"hidden_dim": "predictor_dim" if algorithm == "rnd" else "model_dim"}
    new: dict[str, Any] = {}
    for key, value in old.items():
        key = (own | SETTING).get(key, key)
        if key == "env":
            value = ENV[value.rpartition(".")[2]]
        elif key == "env_args":
            value = settings_of(value, algorithm)
        elif key == "gnn_type":
            key, edges, value = "layer_type", value != "mlp", LAYER[value]
            if algorithm == "node-classification":
                new["use_edges"] = edges
        new[key] = value
    return new


def record_of(old: dict[str, Any]) -> dict[str, Any]:
    """A record, or a policy's header, in today's words."""
    algorithm = ALGORITHM.get(old["algorithm"]) or (
        "tarmac-forgetful" if "heads" in old["config"] else "none-forgetful"
    )
    settings = settings_of(old["config"], algorithm)
    run = {
        "algorithm": algorithm,
        "env": settings.get("env"),
        "evaluator": EVALUATOR[old["evaluate"]],
        "episodes": old["episodes"],
        "settings": settings,
    }
    kept = ("seed", "evaluation", "started", "resumes", "commits", "cpu_seconds", "wall_seconds")
    return {
        "schema": 1,
        "experiment": EXPERIMENT.get(old["experiment"], old["experiment"]),
        **{key: old[key] for key in kept},
        "identity": identity(**run),
        **run,
        **UNKNOWN,
        **{key: old[key] for key in ("finished", "device", "cpu_model", "versions")},
    }


def tensors_of(tensors: dict[str, torch.Tensor], settings: dict[str, Any]) -> dict:
    """A policy's weights: `speak`, whose rows are k and v of a head after another, in two."""
    new: dict[str, torch.Tensor] = {}
    for name, value in tensors.items():
        if ".speak." in name:
            heads, d_k = settings["heads"], settings["signature_dim"]
            rows = value.reshape(heads, -1, *value.shape[1:])
            new[name.replace("speak", "W_k")] = rows[:, :d_k].flatten(0, 1)
            new[name.replace("speak", "W_v")] = rows[:, d_k:].flatten(0, 1)
        else:
            new[name.replace(".ask.", ".W_q.")] = value
    return new


def freeze() -> None:
    """Writes `schema.json` from the defaults of the code."""
    algorithms = {a.id: defaults_of_config(a.config) for a in ALGORITHMS.values()}
    for name in ("tarmac", "tarmac-forgetful", "commnet"):  # the gate is IC3Net's own now
        algorithms[name]["gate"] = "none"
    envs = {
        name: defaults_of_env(make)
        for name, make in sorted(registered().items())
        if not (isinstance(make, type) and issubclass(make, torch.nn.Module))
    }
    layers = [{"schema": 1, "algorithms": algorithms, "envs": envs}]
    storage.write_json(SCHEMA, {"layers": layers})


def main() -> None:
    """Everything, where it is."""
    freeze()
    for old, new in EXPERIMENT.items():
        if (results.RESULTS / old).exists():
            shutil.move(results.RESULTS / old, results.RESULTS / new)
    for path in sorted(results.RESULTS.glob("*/seed-*.json")):
        record = storage.read_json(path)
        if "config" in record:
            storage.write_json(path, record_of(record))
    for path in sorted(results.RESULTS.glob("*/seed-*.csv")):
        header, _, rest = path.read_text().partition("\n")
        new = re.sub(r"\bcoverage_own\b", "coverage_per_agent", header)
        storage.write_atomic(path, f"{new}\n{rest}")
    for path in sorted(POLICIES.glob("*.safetensors")):
        tensors, meta = storage.load_checkpoint(path)
        if "config" in meta:
            record = record_of(meta)
            storage.save_checkpoint(path, tensors_of(tensors, record["settings"]), record)
    for path in sorted(results.RESULTS.glob("scaling/cut-*.json")):
        text = path.read_text().replace("another world's links", "another environment's links")
        storage.write_atomic(path, json.dumps(json.loads(text), indent=1) + "\n")


if __name__ == "__main__":
    main()
