"""Trained teams and road maps as plain data: what the live figures compute with."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from marl_edu.algos import commnet, tarmac
from marl_edu.core import storage
from marl_edu.core.checks import one_of
from marl_edu.envs.drawing import junction
from marl_edu.envs.traffic_junction import CRASH_PENALTY
from marl_edu.envs.traffic_junction_roads import ROAD_MAPS
from marl_edu.experiments import catalogue
from marl_edu.results.folders import POLICIES
from marl_edu.training import a2c
from marl_edu.widgets.shared.weights import pack, unpack

KINDS: dict[type, str] = {
    a2c.NoCommunication: "none",
    commnet.MeanOfOthers: "commnet",
    tarmac.TargetedAttention: "tarmac",
}
LABELS = {"none": "no communication", "commnet": "CommNet", "tarmac": "TarMAC"}


def export_policy(net: a2c.ActorCritic) -> dict[str, Any]:
    """A network as JSON values; the figures' JavaScript computes `ActorCritic.forward` from it.

    Returns:
        kind ("none", "commnet", "tarmac"), sizes, and the parameters, packed. The critic is left
        out: it does not act.

    Raises:
        TypeError: another communication module, or a tampered one.
    """
    talk = net.communicate
    if type(talk) not in KINDS:
        known = ", ".join(kind.__name__ for kind in KINDS)
        raise TypeError(f"net must communicate by one of {known}, got {type(talk).__name__}")
    values = {k: v for k, v in net.state_dict().items() if not k.startswith("value.")}
    record: dict[str, Any] = {
        "kind": KINDS[type(talk)],
        "hidden_dim": net.memory.hidden_size,
        "obs_dim": net.encode.in_features,
        "heads": getattr(talk, "heads", 1),
        "rounds": getattr(talk, "rounds", 1),
        "hear_self": getattr(talk, "hear_self", False),
        "signature_dim": getattr(talk, "d_k", 0),
        "value_dim": getattr(talk, "d_v", 0),
    }
    return record | pack(values) | {"label": _label(record)}


def _label(record: dict[str, Any]) -> str:
    extras = [f"{record[key]} {key}" for key in ("heads", "rounds") if record[key] > 1]
    return ", ".join([LABELS[record["kind"]], *extras])


def import_policy(record: dict[str, Any]) -> a2c.ActorCritic:
    """The network that `export_policy` exported; its critic, which was left out, is untrained."""
    D, rounds = record["hidden_dim"], record["rounds"]
    sizes = (
        record["heads"],
        record["signature_dim"],
        record["value_dim"],
        rounds,
        record["hear_self"],
    )
    kinds: dict[str, Callable[[], nn.Module]] = {
        "none": lambda: a2c.NoCommunication(),
        "commnet": lambda: commnet.MeanOfOthers(D, rounds),
        "tarmac": lambda: tarmac.TargetedAttention(D, *sizes),
    }
    talk = kinds[record["kind"]]()
    values = unpack(record)
    net = a2c.ActorCritic(record["obs_dim"], len(values["policy.bias"]), D, talk)
    net.load_state_dict(values, strict=False)
    return net.eval()


def stored_policies(
    experiments: Iterable[str],
    seed: int = 0,
    folder: Path = POLICIES,
) -> dict[str, dict[str, Any]]:
    """Stored policies for a figure: `{difficulty: {team: exported policy}}`.

    The team is the experiment's name without its difficulty: "tarmac-easy" is "tarmac",
    "tarmac-heads" stays. Each carries `measured`, its success in fresh episodes.
    """
    found: dict[str, dict[str, Any]] = {}
    for experiment in experiments:
        net = catalogue.load_policy(experiment, seed, folder)
        _, record = storage.load_checkpoint(folder / f"{experiment}-seed{seed}.safetensors")
        difficulty = record["settings"]["env_args"].get("difficulty")
        if difficulty is None:
            raise ValueError(f"experiments must be of the junction, got {experiment!r}")
        measured = {key: record["evaluation"][key] for key in ("success", "episodes")}
        team = experiment.removesuffix(f"-{difficulty}")
        policy = export_policy(_rounded(net)) | {"measured": measured}
        found.setdefault(difficulty, {})[team] = policy
    return found


@torch.no_grad()
def _rounded(net: a2c.ActorCritic) -> a2c.ActorCritic:
    """The weights to 16 significant bits, in place: with the last byte of each number zero, a
    page is a quarter smaller to load, and the cars drive as before."""
    for weight in net.parameters():
        weight.copy_(((weight.view(torch.int32) + 0x80) & ~0xFF).view(torch.float32))
    return net


def road_data(difficulty: str) -> dict[str, Any]:
    """A road map as JSON values, with the picture of what stands still."""
    roads = ROAD_MAPS[one_of("difficulty", difficulty, ROAD_MAPS)]
    return {
        "side": roads.side,
        "cars": roads.max_cars,
        "steps": roads.max_steps,
        "arrival": roads.arrival,
        "crash_cost": -CRASH_PENALTY,
        "base": roads.base,
        "cells": [[row, column, k] for (row, column), k in roads.cell_id.items()],
        "routes": roads.routes,
        "background": junction.background(roads),
    }


def check_fit(difficulty: str, team: str, policy: dict[str, Any]) -> None:
    """Raise unless the policy's cars see what cars of this junction see: their own cell."""
    roads = ROAD_MAPS[difficulty]
    routes = sum(len(entry) for entry in roads.routes)
    sizes = [1 + code + roads.base + 3 for code in (1, routes)]  # route as number or one-hot
    if policy["obs_dim"] not in sizes:
        raise ValueError(
            f"policies[{difficulty!r}][{team!r}] must take observations of size "
            f"{sizes[0]} or {sizes[1]} (vision 0), got {policy['obs_dim']}"
        )
