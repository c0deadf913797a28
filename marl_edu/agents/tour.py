"""What the agents of the tour come to, measured: on its grid, and where only talk counts.

    python -m marl_edu.agents.tour             all of it (some 15 minutes on one core)
    python -m marl_edu.agents.tour grid-dqn    only what begins like this

`GRID`: the team of the tour, a separate learner for every agent (`marl_edu.agents`), plays as many
episodes as in the tour, and then fresh ones without exploring. Score: steps until all targets are
collected.

`PROBE`: the speaker probe, one step, in which only those who were told know the answer. The loop of
the tour plays against `algos/tarmac.py`, whose gradient goes from receiver to sender, and against
the same with that gradient cut. It learns from ten times as many questions. Score: right answers.

In `book/results/tour`: a file `<name>-seed<k>.json` for each. What is there is not made again.
"""

import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from marl_edu import results
from marl_edu.agents import AttentionDQNAgent, DQNAgent, GNNDQNAgent, LSTMDQNAgent
from marl_edu.algos import tarmac
from marl_edu.core import storage
from marl_edu.core.checks import positive_int, seed_number
from marl_edu.core.evaluate import evaluate
from marl_edu.core.protocols import Env
from marl_edu.core.provenance import cpu_model, git_commit, now
from marl_edu.core.records import read_by_seed
from marl_edu.envs import MultiAgentGridWorld, SpeakerProbe
from marl_edu.envs.adapters import Parallel, to_pettingzoo
from marl_edu.results import Estimate
from marl_edu.results.folders import how_to_make
from marl_edu.training import a2c

FOLDER = results.RESULTS / "tour"
SEEDS = 3
EPISODES, FRESH = 100, 100  # on the grid: to learn from, and to score
QUESTIONS = 4000  # episodes of the probe that the tour's loop learns from: a question to everybody
UPDATES = 600  # of TarMAC on the probe, with 64 questions to everybody each
HEADS, SIZE = 4, 4  # numbers of a signature and of a value, per head: messages of 32 numbers
Row = dict[str, int | float]


@dataclass(frozen=True)
class Walks:
    """What two agents learn in a T-maze, one with a memory and one without.

    `hidden_dim`, `lr` and `batch_size` are checked by the agents that they are given to.

    Raises:
        ValueError, TypeError: a number that cannot be; the message names it.
    """

    length: int = 2  # cells that an agent walks between the sign and the turn
    walks: int = 400  # episodes to learn from
    hidden_dim: int = 32  # D, of both networks
    lr: float = 3e-3  # Adam's step size
    batch_size: int = 32  # steps per gradient step, or steps of sequences
    seed: int = 0  # of the maze and of both agents

    def __post_init__(self) -> None:
        """Check what no agent is given."""
        positive_int("length", self.length)
        positive_int("walks", self.walks)
        seed_number(self.seed)


def grid_world(seed: int) -> Parallel:
    """The tour's environment."""
    env = MultiAgentGridWorld(
        grid_size=(8, 8), n_agents=3, n_targets=3, max_steps=50, num_envs=1, seed=seed
    )
    return to_pettingzoo(env)


def probe_env(distractors: int, seed: int) -> Parallel:
    """The speaker probe as a PettingZoo environment."""
    return to_pettingzoo(SpeakerProbe(distractors, num_envs=1, seed=seed))


AGENTS: dict[str, Callable[..., DQNAgent]] = {
    "dqn": DQNAgent,
    "none": partial(AttentionDQNAgent, use_communication=False),  # the same network, in silence
    "tarmac": AttentionDQNAgent,
    "gat": partial(GNNDQNAgent, n_agents=3),
    "drqn": LSTMDQNAgent,
}


def make_team(kind: str, env: Parallel) -> list[Any]:
    """An agent of this kind for everybody in the environment."""
    spaces = [(env.observation_space(name), env.action_space(name)) for name in env.possible_agents]
    return [AGENTS[kind](i, seen, done) for i, (seen, done) in enumerate(spaces)]


def play(team: list[Any], env: Parallel, training: bool, seed: int | None = None) -> Row:
    """One episode, with a gradient step for everybody after every step if in training.

    Messages are heard one step late, as in the tour; in an episode of one step at once.

    Returns:
        `steps` that it lasted, `return` (of all agents together), `success`.
    """
    names, N = env.possible_agents, len(team)
    obs, infos = env.reset(seed)
    said: list[Tensor | None] = [None] * N
    if env.env.max_steps == 1 and isinstance(team[0], AttentionDQNAgent):
        said = [agent.say(obs[name]) for name, agent in zip(names, team, strict=True)]
    for agent in team:
        agent.reset()
    total, steps = 0.0, 0
    while env.agents:
        actions, saying = {}, list(said)
        for i, (name, agent) in enumerate(zip(names, team, strict=True)):
            if isinstance(agent, AttentionDQNAgent):
                heard = [m for j, m in enumerate(said) if j != i and m is not None]
                inbox = torch.stack(heard) if heard else None
                actions[name], saying[i] = agent.get_action(obs[name], inbox, training=training)
            elif isinstance(agent, GNNDQNAgent):
                seen = torch.stack([torch.from_numpy(obs[other]) for other in names])
                others, adjacency = torch.cat([seen[:i], seen[i + 1 :]]), env.env.adjacency()[0]
                actions[name] = agent.get_action(obs[name], others, adjacency, training=training)
            else:
                actions[name] = agent.get_action(obs[name], training=training)
        said = saying
        acted = {name: infos[name]["alive"] for name in names}
        after, rewards, terminated, _, infos = env.step(actions)
        if training:
            for name, agent in zip(names, team, strict=True):
                if acted[name]:
                    left, there = infos[name]["completed"], infos[name]["alive"]
                    paid = 0.0 if left and there else rewards[name]  # or else it is a newcomer's
                    ended = terminated[name] or left or not there
                    agent.store_experience(obs[name], actions[name], paid, after[name], ended)
                agent.update()
        obs, total, steps = after, total + sum(rewards.values()), steps + 1
    return {"steps": steps, "return": total, "success": infos[names[0]]["success"]}


def score_team(team: list[Any], env: Parallel, episodes: int) -> Row:
    """Means over fresh episodes without exploring, the same for every team."""
    rows = [play(team, env, False, seed=10**6 + k) for k in range(episodes)]
    means = {key: sum(row[key] for row in rows) / episodes for key in rows[0]}
    return {**means, "episodes": episodes}


def on_grid(kind: str, seed: int) -> dict[str, Any]:
    """A team on the tour's grid: its learning curve, and what it scores in the end."""
    torch.manual_seed(seed)
    env = grid_world(seed)
    team = make_team(kind, env)
    rows = [play(team, env, True) for _ in range(EPISODES)]
    parameters = sum(p.numel() for p in team[0].q_network.parameters())
    return {"parameters": parameters, "rows": rows, "evaluation": score_team(team, env, FRESH)}


def on_probe(distractors: int, seed: int) -> dict[str, Any]:
    """The tour's loop on the probe."""
    torch.manual_seed(seed)
    env = probe_env(distractors, seed)
    team = make_team("tarmac", env)
    for _ in range(QUESTIONS):
        play(team, env, True)
    return {"evaluation": score_team(team, env, 1000)}


class CutAttention(tarmac.TargetedAttention):
    """TarMAC's attention; its messages let numbers through, and no gradient back."""

    def messages(self, z: Tensor) -> Tensor:
        """As TarMAC's."""
        return super().messages(z).detach()


def build_cut(cfg: tarmac.Config, env: Env) -> a2c.ActorCritic:
    """TarMAC's network with the gradient through its messages cut."""
    communicate = CutAttention(
        cfg.hidden_dim, cfg.heads, cfg.signature_dim, cfg.value_dim, cfg.rounds, cfg.hear_self
    )
    return a2c.ActorCritic(env.obs_dim, env.n_actions, cfg.hidden_dim, communicate)


def tarmac_on_probe(build: Callable[..., Any], distractors: int, seed: int) -> dict[str, Any]:
    """TarMAC on the probe, with messages of the same size as the tour's."""
    cfg = tarmac.Config(
        env=SpeakerProbe,
        env_args={"distractors": distractors},
        seed=seed,
        updates=UPDATES,
        lr=5e-3,
        ent_coef=0.05,
        reward_scale=1.0,
        heads=HEADS,
        signature_dim=SIZE,
        value_dim=SIZE,
        hear_self=False,
    )
    net = a2c.train(cfg, build=build).net
    env = SpeakerProbe(distractors, num_envs=500)
    found = evaluate(env, a2c.TeamPolicy(net), 2000)
    kept = ("success", "return", "episodes")
    return {"evaluation": {key: found[key] for key in kept}}


GRID = {f"grid-{kind}": partial(on_grid, kind) for kind in AGENTS}
PROBE: dict[str, Callable[[int], dict[str, Any]]] = {"probe1-loop": partial(on_probe, 1)}
for k in (1, 3):  # distractors
    PROBE[f"probe{k}-cut"] = partial(tarmac_on_probe, build_cut, k)
    PROBE[f"probe{k}-tarmac"] = partial(tarmac_on_probe, tarmac.build, k)


def load(name: str) -> list[dict[str, Any]]:
    """What was measured, seed by seed.

    Raises:
        FileNotFoundError: it has not been; the message names the command.
    """
    found = [record for _, record in read_by_seed(FOLDER, f"{name}-seed")]
    if not found:
        raise FileNotFoundError(f"no {name!r} in {FOLDER}; {how_to_make('marl_edu.agents.tour')}")
    return found


def score(name: str) -> Estimate:
    """Steps on the grid or the share of right answers on the probe, with its interval."""
    found = [record["evaluation"] for record in load(name)]
    if name.startswith("grid"):
        return results.interval([one["steps"] for one in found])
    return results.score_interval([one["success"] for one in found], found[0]["episodes"])


def main(beginnings: list[str]) -> None:
    """Measure what has not been yet, of what begins like this; nothing given: all."""
    torch.set_num_threads(1)
    wanted = {
        name: measure
        for name, measure in (PROBE | GRID).items()
        if not beginnings or name.startswith(tuple(beginnings))
    }
    for seed, name in tqdm([(s, n) for s in range(SEEDS) for n in wanted], unit="run"):
        path = FOLDER / f"{name}-seed{seed}.json"
        if path.exists():
            continue
        commit, start = git_commit(), time.process_time()
        found = wanted[name](seed)
        seconds = round(time.process_time() - start, 1)
        versions = {"python": platform.python_version(), "torch": torch.__version__}
        made = {"finished": now(), "cpu_model": cpu_model(), "versions": versions, **commit}
        record = {"name": name, "seed": seed, **found, "cpu_seconds": seconds, **made}
        storage.write_json(path, record, overwrite=False)
    print(f"written: {FOLDER}")


if __name__ == "__main__":
    main(sys.argv[1:])
