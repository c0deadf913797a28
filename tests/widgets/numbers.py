"""Small networks, and what Python computes with them: the JavaScript tests must find the same.

`python -m tests.widgets.numbers` draws other networks and writes numbers.json anew.
"""

import json
from pathlib import Path
from typing import Any

import torch

from marl_edu.algos import gat
from marl_edu.core.payoff_fits import Fit, additive_fit, best_fit, reached_fit
from marl_edu.envs.key_door_maze import KeyDoorMaze
from marl_edu.envs.relay import Relay
from marl_edu.widgets.corridor import figure as corridor
from marl_edu.widgets.critic import record as critic
from marl_edu.widgets.curiosity import figure as curiosity
from marl_edu.widgets.film.figure import pack
from marl_edu.widgets.graph import figure as graph
from marl_edu.widgets.junction.moments import watch
from marl_edu.widgets.junction.policies import export_policy, import_policy, road_data
from marl_edu.widgets.payoff.figure import GAMES
from marl_edu.widgets.shared.weights import unpack
from marl_edu.widgets.speaker import episode as speaker

PATH = Path(__file__).with_suffix(".json")
SEED, EPISODE, ARRIVAL, MUTED = 4, 1, 0.5, {6: [2]}  # of the junction
TRAIL = "wffxfudffeffffffu"  # of the corridor
PLACES, RADIUS, HOLDS = [[0, 0], [100, 0], [200, 0], [200, 90], [0, 300]], 120, "A-B--"
TRAILS = ("t" + 25 * "s", "tsss00000000mmmm2222ss111s", "t" + 20 * "m")  # of the speaker
OFF = {"own": ("", "o", "nm"), "team": ("", "t", "om"), "state": ("", "py", "on")}  # the critic
WEIGHTS = (1.0, 0.5, 0.1)  # of the fits of payoffs
PICTURES = (["<svg>\u2212</svg>", "<svg>é \U0001f511</svg>"], ["one.", "two."])


def draw_records() -> dict[str, Any]:
    """Networks with random weights, exported."""
    from tests.widgets.test_corridor import agent
    from tests.widgets.test_critic import critic_of
    from tests.widgets.test_graph import team
    from tests.widgets.test_junction import make_net
    from tests.widgets.test_speaker import pair

    teams = ("none", "commnet-2", "tarmac-heads", "tarmac-others")
    return {
        "junction": {name: export_policy(make_net(name, hidden_dim=4)) for name in teams},
        "corridor": {kind: agent(kind) for kind in ("lstm", "gru")},
        "graph": graph.export(team(layers=2, heads=2, hidden_dim=4)),
        "speaker": pair(hidden_dim=4),
        "critic": {kind: critic_of(kind, hidden_dim=4, episodes=2) for kind in OFF},
    }


def compute(records: dict[str, Any]) -> dict[str, Any]:
    """What Python makes of them."""
    comm_graph = torch.cdist(torch.tensor(PLACES).float(), torch.tensor(PLACES).float()) <= RADIUS
    env = KeyDoorMaze(num_envs=1)
    maze = {k: v for k, v in curiosity.maze_data(env).items() if k in ("free", "leads", "sees")}
    return {
        "junction": {name: _drive(record) for name, record in records["junction"].items()},
        "corridor": {kind: _walk(record) for kind, record in records["corridor"].items()},
        "graph": _listen(records["graph"], comm_graph),
        "roads": {k: v for k, v in road_data("easy").items() if k != "background"},
        "maze": maze | {"start": env.start, "key": env.key, "door": env.door},
        "payoff": [_fits(table, weight) for weight in WEIGHTS for table in GAMES.values()],
        "speaker": {"room": speaker.room(), "episodes": _talk(records["speaker"])},
        "critic": {"task": critic.task(), "hunts": _foresee(records["critic"])},
        "film": {"packed": pack(*PICTURES), "pictures": PICTURES},
    }


def _drive(record: dict[str, Any]) -> list[dict[str, Any]]:
    moments = watch(import_policy(record), "easy", SEED, EPISODE, ARRIVAL, MUTED)
    return [
        {
            "route": now.routes,
            "place": now.places,
            "collided": now.crashed.tolist(),
            "attention": now.attention.tolist(),
        }
        for now in moments
        if now.step % 4 == 0
    ]


def _walk(record: dict[str, Any]) -> dict[str, Any]:
    walk = corridor.Walk(record).follow(TRAIL)
    memories = torch.stack(walk.memories)
    reads = [walk.reads(memory) for memory in memories]
    return {"last": memories[-1].tolist(), "reads": reads, "q": walk.q.tolist()}


def _listen(record: dict[str, Any], comm_graph: torch.Tensor) -> dict[str, Any]:
    cfg = gat.Config(
        hidden_dim=record["hidden_dim"], heads=record["heads"], layers=record["layers"]
    )
    net = gat.build(cfg, Relay(len(HOLDS), symbols=record["symbols"], num_envs=1))
    net.load_state_dict(unpack(record), strict=False)  # memory is empty
    now = graph.listen(net.eval(), comm_graph, HOLDS)
    return {"attention": now.attention.tolist(), "chances": now.chances.tolist()}


def _talk(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Episodes of the trained pair and of both scripted ones."""
    pairs = [record, *({"kind": kind} for kind in ("deaf", "told"))]
    return [
        {"pair": k, "number": number, "trail": trail}
        | {key: getattr(now, key) for key in ("path", "distances", "returns", "said", "heard")}
        | {"meanings": [one._asdict() for one in speaker.dictionary(pairs[k], number)]}
        for k, one in enumerate(pairs)
        for number, trail in enumerate(TRAILS)
        for now in [speaker.Episode(one, number).follow(trail)]
    ]


def _foresee(records: dict[str, Any]) -> list[dict[str, Any]]:
    """Both hunts of every critic, with inputs switched off."""
    return [
        {"kind": kind, "number": number, "off": off, "came": now.came.T.tolist()}
        | {"allOn": now.all_on.T.tolist(), "value": now.value.T.tolist(), "success": now.success}
        for kind, choices in OFF.items()
        for off in choices
        for number in range(2)
        for now in [critic.Hunt(records[kind], number, critic.parts_of(off))]
    ]


def _fits(table: Any, weight: float) -> dict[str, Any]:
    def plain(fit: Fit) -> dict[str, Any]:
        return {"table": fit.table.tolist(), "error": fit.error, "greedy": list(fit.greedy)}

    fits = {"vdn": additive_fit(table), "reached": reached_fit(table, weight)}
    fits["best"] = best_fit(table, weight)
    return {"payoff": table, "weight": weight} | {name: plain(fit) for name, fit in fits.items()}


if __name__ == "__main__":
    records = draw_records()
    text = json.dumps({"records": records, "results": compute(records)}, sort_keys=True)
    PATH.write_text(text + "\n", encoding="utf-8")
