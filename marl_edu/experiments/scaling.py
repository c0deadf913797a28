"""Trained teams in environments they were not trained in: larger ones, and ones with links cut.

    python -m marl_edu.experiments scaling     plays every kept team of grid and relay (8 minutes)

The environment grows with its agents: the same share of cells are targets, the same number of
agents is within hearing. In `book/results/scaling`: what each seed's team scores,
`<experiment>-seed<k>.json`; milliseconds per step, `time.json`. What is there is not made again.
"""

import time
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from marl_edu import results
from marl_edu.algos.gat import GraphTalk
from marl_edu.core import storage
from marl_edu.core.graph_layers import GraphMean
from marl_edu.core.provenance import cpu_model, git_commit, now
from marl_edu.core.records import read_by_seed
from marl_edu.envs.baselines.grid_world import crowd
from marl_edu.experiments import catalogue
from marl_edu.experiments.methods import score
from marl_edu.results import Estimate
from marl_edu.results.folders import how_to_make
from marl_edu.training import a2c

FOLDER = results.RESULTS / "scaling"
TEAMS = ("none-grid", "commnet-grid", "gat-grid", "gat-relay2-layers2")
CUT = ("gat-relay2-layers2", "gat-grid")
TRAINED = 20  # agents in the crowd that teams are trained in
AGENTS = (TRAINED, 100, 200, 400, 1000, 4096)
NEAREST = 32  # neighbours listed, itself among them; in a large grid 24 are within hearing
MOST_DENSE = 1000  # agents beyond which no (N, N) tensor is made
PER_SIZE = 20_000  # agents that are scored for each size, in as many episodes as that takes


def larger(name: str, n_agents: int, num_envs: int = 1, seed: int = 0) -> Any:
    """The environment of an experiment, with so many agents at the same density."""
    if name.endswith("grid"):
        return crowd(n_agents, num_envs=num_envs, seed=seed)
    cfg = catalogue.EXPERIMENTS[name].cfg
    return cfg.env(**cfg.env_args | {"n_agents": n_agents}, num_envs=num_envs, seed=seed)


def episodes(n_agents: int) -> int:
    """How many episodes with so many agents are played."""
    return max(4, PER_SIZE // n_agents)


def play(name: str, seed: int) -> list[dict[str, Any]]:
    """One trained team in environments of every size: agents, success and return per agent.

    A team that hears by a list of neighbours goes up to the largest environment, others as far as
    an (N, N) tensor is reasonable. Teams that hear nobody need no such tensor.
    """
    net = catalogue.load_policy(name, seed)
    if name.startswith("none"):  # the same numbers, without a mask that nobody looks at
        net.communicate = GraphTalk(net.memory.hidden_size, layers=0, nearest=1)
    elif isinstance(net.communicate, GraphTalk):
        net.communicate.nearest = NEAREST
    rows = []
    for n in AGENTS:
        if n <= MOST_DENSE or isinstance(net.communicate, GraphTalk):
            env = larger(name, n, max(1, 2000 // n))
            # Actions are drawn as in training: in a crowd that decides alike somebody must differ.
            found = score(env, a2c.TeamPolicy(net, greedy=False), episodes(n))
            kept = {key: found[key] for key in ("success", "success_sd", "return", "episodes")}
            rows.append({"agents": n} | kept)
    return rows


def even(net: a2c.ActorCritic) -> None:
    """Take the choice away: everybody in the neighbourhood is attended to alike."""
    layers: Any = net.communicate.layers
    for k, layer in enumerate(layers):
        alike = GraphMean(1, 1, layer.heads, layer.concat)
        alike.W, alike.bias = layer.W, layer.bias
        layers[k] = alike


def cut(name: str, seed: int, episodes: int = 1000) -> dict[str, dict[str, float]]:
    """What one trained team scores with its graph tampered with, by the kind of tampering."""
    net, env = catalogue.load_policy(name, seed), catalogue.make_env(name, 250, seed)
    talk: Any = net.communicate
    talk.nearest = 0  # masks: they are easily cut
    generator = torch.Generator().manual_seed(seed)

    def half(mask: Tensor) -> Tensor:
        return mask & (torch.rand(mask.shape, generator=generator) < 0.5)

    found = {}
    for what, rewire in (
        ("as trained", None),
        ("half of the links cut", half),
        ("another environment's links", lambda mask: mask.roll(1, 0)),
        ("all links cut", torch.zeros_like),
    ):
        talk.rewire = rewire
        found[what] = score(env, a2c.TeamPolicy(net), episodes)
    talk.rewire = None
    even(net)
    return found | {"attention made even": score(env, a2c.TeamPolicy(net), episodes)}


@torch.no_grad()
def measure_time(turns: int = 25) -> list[dict[str, Any]]:
    """Milliseconds of one core that a whole team takes for a step in one environment: to find who
    hears whom and to decide. Each number is the least of `turns` measurements. The sizes take
    turns, so that whatever else the machine does hits all alike.

    "dense" and "sparse" are the same trained team, with a mask and with a list of neighbours.
    """
    net, silent = catalogue.load_policy("gat-grid"), catalogue.load_policy("gat-grid")
    talk: Any = net.communicate
    silent.communicate = GraphTalk(net.memory.hidden_size, layers=0, nearest=1)
    envs = {n: larger("gat-grid", n) for n in (16, 64, 256, 1024, 4096)}
    starts = {n: (env.reset(), net.start(1, n)) for n, env in envs.items()}
    kinds = ("dense", "sparse", "none")
    times = {(n, kind): float("inf") for n in envs for kind in kinds}
    for _ in range(turns):
        for n, kind in times:
            if kind == "dense" and n > 1024:
                continue
            team, env = silent if kind == "none" else net, envs[n]
            talk.nearest = 0 if kind == "dense" else NEAREST
            start = time.process_time()
            team(*starts[n], env.alive, mask=team.comm_graph(env))
            times[n, kind] = min(times[n, kind], time.process_time() - start)
    return [
        {"agents": n, "kind": kind, "milliseconds": 1e3 * seconds}
        for (n, kind), seconds in times.items()
        if seconds < float("inf")
    ]


def stored(name: str) -> dict[float, Estimate]:
    """Success of an experiment's teams against the number of agents.

    Raises:
        FileNotFoundError: it has not been played; the message names the command.
    """
    records = [record for _, record in read_by_seed(FOLDER, f"{name}-seed")]
    if not records:
        raise FileNotFoundError(
            f"nothing in {FOLDER}; {how_to_make('marl_edu.experiments scaling')}"
        )
    found: dict[float, list[dict[str, float]]] = {}
    for record in records:
        for row in record["rows"]:
            found.setdefault(float(row["agents"]), []).append(row)
    return {n: _estimate(rows) for n, rows in found.items()}


def stored_cuts(name: str) -> dict[str, Estimate]:
    """`gat-<tampering>` -> success of an experiment's teams.

    Raises:
        FileNotFoundError: they have not been played; the message names the command.
    """
    found = [record["success"] for _, record in read_by_seed(FOLDER, f"cut-{name}-seed")]
    if not found:
        raise FileNotFoundError(
            f"nothing in {FOLDER}; {how_to_make('marl_edu.experiments scaling')}"
        )
    return {f"gat-{what}": _estimate([_row(one[what]) for one in found]) for what in found[0]}


def _row(found: Any) -> dict[str, float]:
    return found if isinstance(found, dict) else {"success": found}


def _estimate(rows: list[dict[str, float]]) -> Estimate:
    """Of several teams in the same episodes, of shares that vary less than right and wrong."""
    scores = [row["success"] for row in rows]
    if "success_sd" not in rows[0]:  # played before the spread was kept: without the episodes' luck
        return results.interval(scores)
    variances = [row["success_sd"] ** 2 for row in rows]
    return results.score_interval(scores, int(rows[0]["episodes"]), variances)


def main() -> None:
    """Play and measure what has not been yet."""
    torch.set_num_threads(1)
    for name in TEAMS:
        for record in tqdm(results.load(name), desc=name, unit="team"):
            path = FOLDER / f"{name}-seed{record['seed']}.json"
            if not path.exists():
                rows = play(name, record["seed"])
                content = {"experiment": name, "seed": record["seed"], "rows": rows}
                storage.write_json(path, content, False)
    for name in CUT:
        for record in tqdm(results.load(name), desc=f"links of {name}", unit="team"):
            path = FOLDER / f"cut-{name}-seed{record['seed']}.json"
            if not path.exists():
                played = cut(name, record["seed"])
                content = {"experiment": name, "seed": record["seed"], "success": played}
                storage.write_json(path, content, False)
    if not (FOLDER / "time.json").exists():
        machine = {"cpu_model": cpu_model(), "threads": 1, "finished": now(), **git_commit()}
        storage.write_json(FOLDER / "time.json", {"rows": measure_time(), **machine}, False)
    print(f"written: {FOLDER}")
