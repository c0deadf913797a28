"""What a run would need of the machine's memory, before it is asked for.

Two estimates, both from below: from the settings alone, where they are written, and once the
environment is there. What would need more than `MOST` is refused by the name of the setting that
needs it, instead of computing without end or ending the kernel.
"""

from collections.abc import Mapping
from typing import Any

MOST = 1_000_000_000  # bytes
MANY = 1000  # environments, whose steps are estimated before they are made
FLOAT = 4  # bytes of a number
LEARNED = 4 * FLOAT  # of a weight: itself, its gradient, and Adam's two means
KEPT = 8  # numbers per unit that one step of an agent keeps for the gradient, at least
# Settings that the estimates know, and what they count as where a config has none of that name.
KNOWN = {
    "num_envs": 1, "hidden_dim": 0, "heads": 1, "signature_dim": 0, "value_dim": 0, "rounds": 1,
    "layers": 0, "feature_dim": 0, "model_dim": 0, "predictor_dim": 0, "mixing_dim": 0,
    "batch_size": 0, "capacity": 0,
}  # fmt: skip


def of_settings(x: Mapping[str, int]) -> int:
    """Bytes of the weights, and of one step: of one agent that sees one number."""
    D, heads = x["hidden_dim"], x["heads"]
    weights = (
        3 * D * D  # a memory, or two layers
        + x["layers"] * D * D
        + D * heads * (2 * x["signature_dim"] + 2 * x["value_dim"])
        + x["mixing_dim"] * max(D, 1)
        + 3 * x["model_dim"] * max(x["feature_dim"], 1)
        + 5 * x["predictor_dim"] ** 2
        + x["predictor_dim"] * x["feature_dim"]
    )
    talk = heads * (x["signature_dim"] + x["value_dim"])
    step = D * (1 + x["rounds"] + x["layers"]) + talk * x["rounds"]
    samples = x["num_envs"] + x["batch_size"]
    return LEARNED * weights + FLOAT * (samples * step + 3 * x["capacity"])


def of_run(x: Mapping[str, int], env: Any, graph: bool, episodes: bool) -> int:
    """Bytes of what a run keeps of the steps in its environment.

    Args:
        graph: whether a whole round of play is kept for the gradient. episodes: whether the replay
            buffer holds episodes, or steps.
    """
    T, N, seen = env.max_steps, env.n_agents, max(env.obs_dim, 1)
    steps = x["num_envs"] * N * T
    passed_on = 1 + x["rounds"] + x["layers"]  # numbers per unit and step, round after round
    kept = steps * KEPT * x["hidden_dim"] * passed_on if graph else 0
    remembered = 2 * steps * x["hidden_dim"] if episodes else 0  # h, and an LSTM's cell
    samples = x["batch_size"] * (T if episodes else 1)
    mixed = (N + 3) * x["mixing_dim"]  # the weights that a mixer makes for each
    learned = samples * (KEPT * x["hidden_dim"] + mixed)
    stored = x["capacity"] * seen * (T if episodes else 2)
    return FLOAT * (steps * seen + kept + remembered + learned + stored)


def check(cfg: Any, env: Any = None) -> None:
    """Raise ValueError where the settings need more memory than there may be.

    Args:
        cfg: a config. env: its environment; without it only the settings count.
    """
    given = {name: int(getattr(cfg, name, least)) for name, least in KNOWN.items()}

    def needed(x: Mapping[str, int]) -> int:
        if env is None:
            return of_settings(x)
        episodes = hasattr(cfg, "window") or hasattr(cfg, "mixing_dim")  # teams replay whole ones
        return of_run(x, env, hasattr(cfg, "detach_every"), episodes)

    total = needed(given)
    if total <= MOST:
        return
    there = [name for name in KNOWN if hasattr(cfg, name)]
    blame = min(there, key=lambda name: needed(given | {name: 1}))
    raise ValueError(
        f"{blame} must be smaller: with {blame}={getattr(cfg, blame)!r} a run needs at least "
        f"{total:,} bytes, and at most {MOST:,} are allowed"
    )
