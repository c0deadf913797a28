"""Every method of the book and every way to score one, by their ids.

An id names a method in stored runs and checkpoints: it never changes.
"""

from typing import Any

from marl_edu.algos import (
    combined,
    commnet,
    counts,
    dqn,
    drqn,
    gat,
    ic3net,
    icm,
    iql,
    maddpg,
    mappo,
    qmix,
    rnd,
    tarmac,
    vdn,
)
from marl_edu.core.evaluate import play_episodes
from marl_edu.core.protocols import Env, Policy
from marl_edu.experiments import mixers, node_classification
from marl_edu.experiments.run import Algorithm, Evaluation
from marl_edu.training import a2c, ppo, qlearning, recurrent_ppo

NONE = Algorithm("none", a2c.Config, a2c.train, a2c.build)
COMMNET = Algorithm("commnet", commnet.Config, commnet.train, commnet.build)
TARMAC = Algorithm("tarmac", tarmac.Config, tarmac.train, tarmac.build)
GAT = Algorithm("gat", gat.Config, gat.train, gat.build)
IC3NET = Algorithm("ic3net", ic3net.Config, ic3net.train, ic3net.build)
DQN = Algorithm("dqn", dqn.Config, dqn.train, dqn.build)
DRQN = Algorithm("drqn", drqn.Config, drqn.train, drqn.build)
IQL = Algorithm("iql", iql.Config, iql.train, iql.build)
VDN = Algorithm("vdn", vdn.Config, vdn.train, vdn.build)
QMIX = Algorithm("qmix", qmix.Config, qmix.train, qmix.build)
QMIX_CHANGED = Algorithm("qmix-changed", mixers.Config, mixers.train, mixers.build)
MADDPG = Algorithm("maddpg", maddpg.Config, maddpg.train, maddpg.build)
PPO = Algorithm("ppo", ppo.Config, ppo.train, ppo.build)
COUNTS = Algorithm("counts", counts.Config, counts.train, ppo.build, counts.bonus)
ICM = Algorithm("icm", icm.Config, icm.train, ppo.build, icm.bonus)
RND = Algorithm("rnd", rnd.Config, rnd.train, ppo.build, rnd.bonus)
MAPPO = Algorithm("mappo", mappo.Config, mappo.train, mappo.build)
CURIOUS_TEAM = Algorithm(
    "curious-team",
    combined.CuriousConfig,
    combined.train_curious,
    combined.build_talking,
    combined.team_bonus,
)
TEAM_DRQN = Algorithm("team-drqn", combined.TeamConfig, combined.train_team, combined.build_team)
NONE_FORGETFUL = Algorithm(
    "none-forgetful", a2c.Config, combined.train_forgetful, combined.build_forgetful
)
TARMAC_FORGETFUL = Algorithm(
    "tarmac-forgetful",
    combined.ForgetfulConfig,
    combined.train_forgetful,
    combined.build_forgetful,
)
NODE_CLASSIFICATION = Algorithm(
    "node-classification",
    node_classification.Config,
    node_classification.train,
    node_classification.build,
)
ALGORITHMS = {
    algorithm.id: algorithm
    for algorithm in (
        NONE, COMMNET, TARMAC, GAT, IC3NET, DQN, DRQN, IQL, VDN, QMIX, QMIX_CHANGED, MADDPG, PPO,
        COUNTS, ICM, RND, MAPPO, CURIOUS_TEAM, TEAM_DRQN, NONE_FORGETFUL, TARMAC_FORGETFUL,
        NODE_CLASSIFICATION,
    )
}  # fmt: skip


def env_of(cfg: Any, num_envs: int = 250, seed: int | None = None) -> Any:
    """The environment of a run at full difficulty, so many side by side."""
    return cfg.env(**cfg.env_args, num_envs=num_envs, seed=seed)


def score_team(net: a2c.ActorCritic, cfg: a2c.Config, episodes: int) -> dict[str, float]:
    """A team in fresh episodes, the same for every seed. `success` (a share in [0, 1]), `return`,
    `steps` and `episodes` are of the greedy policy, `success_sampling` of the policy as it was
    trained. An entry that ends in `_sd` is the standard deviation over the episodes."""
    env = env_of(cfg, seed=cfg.seed)
    greedy = score(env, a2c.TeamPolicy(net), episodes)
    return greedy | _sampling(score(env, a2c.TeamPolicy(net, greedy=False), episodes))


def score_explorers(net: ppo.ActorCritic, cfg: ppo.Config, episodes: int) -> dict[str, float]:
    """As `score_team`; and `steps`, how long an episode of the sampled policy lasts."""
    env = env_of(cfg, seed=cfg.seed)
    greedy = score(env, ppo.TeamPolicy(net), episodes)
    sampling = score(env, ppo.TeamPolicy(net, greedy=False), episodes)
    return greedy | _sampling(sampling) | {"steps": sampling["steps"]}


def score_critics(net: mappo.Team, cfg: mappo.Config, episodes: int) -> dict[str, float]:
    """As `score_team`. No critic has a part in it."""
    env = env_of(cfg, seed=cfg.seed)
    greedy = score(env, recurrent_ppo.TeamPolicy(net), episodes)
    sampling = score(env, recurrent_ppo.TeamPolicy(net, greedy=False), episodes)
    return greedy | _sampling(sampling) | {"return_sampling": sampling["return"]}


def score_q(net: Any, cfg: qlearning.Config, episodes: int) -> dict[str, float]:
    """Q-learners as `score_team`, greedy only."""
    return score(env_of(cfg, seed=cfg.seed), qlearning.GreedyPolicy(net), episodes)


def score_actors(net: maddpg.Team, cfg: maddpg.Config, episodes: int) -> dict[str, float]:
    """As `score_team`; and `return_sampling` of the policy as it was trained."""
    env = env_of(cfg, seed=cfg.seed)
    found = score(env, maddpg.TeamPolicy(net), episodes)
    sampling = score(env, maddpg.TeamPolicy(net, False, noise=cfg.noise), episodes)
    more = {f"return_sampling{end}": sampling[f"return{end}"] for end in ("", "_sd")}
    return found | _sampling(sampling) | more


def score_poles(net: Any, cfg: qlearning.Config, episodes: int) -> dict[str, float]:
    """As `score_q`; success is for how long the pole stays up, as a share of 500 steps."""
    found = score_q(net, cfg, episodes)
    return found | {"success": found["return"] / 500, "success_sd": found["return_sd"] / 500}


def score(env: Env, policy: Policy, episodes: int) -> dict[str, float]:
    """Means over fresh episodes, and the spreads of `success` and `return`: see `score_team`."""
    played = {k: x.double() for k, x in play_episodes(env, policy, episodes).items()}
    found = {key: x.mean().item() for key, x in played.items()}
    found |= {f"{key}_sd": played[key].std(correction=0).item() for key in ("success", "return")}
    return found | {"episodes": len(played["success"])}


def _sampling(found: dict[str, float]) -> dict[str, float]:
    return {f"success_sampling{end}": found[f"success{end}"] for end in ("", "_sd")}


SCORE_TEAM = Evaluation("team", score_team)
SCORE_EXPLORERS = Evaluation("explorers", score_explorers)
SCORE_CRITICS = Evaluation("critics", score_critics)
SCORE_Q = Evaluation("q", score_q)
SCORE_ACTORS = Evaluation("actors", score_actors)
SCORE_POLES = Evaluation("poles", score_poles)
SCORE_NODES = Evaluation("nodes", node_classification.evaluate)


def parameters(algorithm: Algorithm, cfg: Any, env: Env) -> tuple[int, int]:
    """How many numbers a method learns: those of its network, with any critic, and those of a
    bonus module, which is there in training only."""

    def count(module: Any) -> int:
        return sum(p.numel() for p in module.parameters() if p.requires_grad)

    bonus = algorithm.bonus(cfg, env) if algorithm.bonus else None
    return count(algorithm.build(cfg, env)), count(bonus) if bonus is not None else 0
