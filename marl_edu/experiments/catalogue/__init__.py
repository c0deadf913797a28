"""Every experiment of the book: which method, on which environment, with which settings.

Read this file to know what was run; `python -m marl_edu.experiments` runs it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from marl_edu import results
from marl_edu.algos import combined, commnet, dqn, drqn, gat, icm, rnd, tarmac
from marl_edu.core import storage
from marl_edu.envs import AgentId, Flicker, SpeakerProbe, TMaze
from marl_edu.envs.cartpole import cartpole
from marl_edu.envs.grid_world import MultiAgentGridWorld
from marl_edu.envs.key_door_maze import KeyDoorMaze
from marl_edu.envs.lookout import Lookout
from marl_edu.envs.relay import Relay
from marl_edu.experiments import node_classification
from marl_edu.experiments.run import Experiment
from marl_edu.training import a2c, ppo, qlearning

POLICIES = results.RESULTS.parent / "checkpoints"  # networks of finished seeds

EASY: dict[str, Any] = {
    "env_args": {"difficulty": "easy"},
    "updates": 2000,
    "anneal": 1.0,  # a one-seed trial with 0.4 stopped at 86 %
}
MEDIUM: dict[str, Any] = {
    "env_args": {"difficulty": "medium", "route": "one-hot"},
    "updates": 3200,
    "num_envs": 32,
    "checkpoint_every": 100,
}
HARD: dict[str, Any] = {
    "env_args": {"difficulty": "hard", "route": "one-hot"},
    "updates": 6000,
    "num_envs": 16,
    "checkpoint_every": 50,
}
DISTRACTORS = (1, 3, 7, 15)
TV: dict[str, Any] = {"env_args": {"noisy_tv": True}}
# Two agents in so little time that one alone would have to take the shortest path.
TWO: dict[str, Any] = {"env_args": {"n_agents": 2, "max_steps": 50}, "updates": 100}
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
# The T-maze and what is made of it. See the memory chapter.
TMAZE: dict[str, Any] = {
    "env": TMaze,
    "env_args": {"length": 10},
    "updates": 4000,
    "train_freq": 16.0,
    "hidden_dim": 32,
    "lr": 3e-3,
}
LENGTHS = (5, 10, 20, 40)  # 10 is `tmaze` itself
FLICKER = (0, 30, 60, 90)  # observations that are missing, in percent
WITNESS: dict[str, Any] = {
    "env": AgentId,
    "env_args": {"env": TMaze, "env_args": {"witness": True}},
}
# Gymnasium's, velocities hidden. Unscaled, Huber's loss is a median, and values run away.
CARTPOLE: dict[str, Any] = {
    "env": cartpole,
    "env_args": {"velocities": False},
    "updates": 8000,
    "num_envs": 8,
    "gamma": 0.99,
    "reward_scale": 0.02,
    "lr": 3e-3,
    "exploration_fraction": 0.1,
    "learning_starts": 500,
    "target_update_interval": 20,
}
STARTS: dict[str, dict[str, Any]] = {  # of a window that is shorter than the corridor
    "zero": {},
    "burnin": {"burn_in": 6},
    "stored": {"start": "stored"},
}


def flicker(percent: int) -> dict[str, Any]:
    """The settings of a run on the T-maze where so many observations are missing."""
    args = {"env": TMaze, "env_args": {"length": 10}, "p": percent / 100}
    return {**TMAZE, "env": Flicker, "env_args": args, "updates": 6000}


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


def probe(distractors: int) -> dict[str, Any]:
    """The settings of a run on the speaker probe with so many distractors."""
    return {
        "env": SpeakerProbe,
        "env_args": {"distractors": distractors},
        "updates": 1200,
        "num_envs": 128,
        "ent_coef": 0.05,
        "ent_coef_end": 0.0,
        "reward_scale": 1.0,
    }


# What the comparison needs beside the chapters' own runs. Each family of methods meets an environment for
# as many steps as the others met it in the chapters (in the grid the curious half as many, for
# their time), with its family's settings; nothing was tuned. The few numbers below share these
# steps out over updates. See the comparison chapter.
RECURRENT: dict[str, Any] = {  # actor-critics in the T-maze: as `tarmac-witness`
    "updates": 600,
    "hidden_dim": 32,
    "lr": 5e-3,
    "ent_coef": 0.1,
    "ent_coef_end": 0.0,
    "reward_scale": 1.0,
    "gamma": 0.95,
    "gae_lambda": 0.95,
    "detach_every": 40,
}
IN_MAZE: dict[str, Any] = {"env": KeyDoorMaze, "gamma": 0.99, "gae_lambda": 0.95, "reward_scale": 1.0}
Q_MAZE: dict[str, Any] = {"env": KeyDoorMaze, "gamma": 0.99, "train_freq": 360.0}
WORLDS: dict[str, dict[str, dict[str, Any]]] = {  # environment -> family -> settings
    "probe7": {
        "talk": probe(7),
        "q": {"train_freq": 300.0},
        "bonus": {"updates": 150, "num_envs": 1024},
    },
    "relay2": {
        "talk": relay(2),
        "q": {"train_freq": 256.0, "hidden_dim": 32},
        "bonus": {"updates": 125, "num_envs": 128, "hidden_dim": 32},
    },
    "grid": {
        "talk": GRID,
        "q": {"train_freq": 1920.0},
        "bonus": {"updates": 150, "num_envs": 128},
    },
}


def _comparison() -> list[Experiment]:
    """The cells of the comparison that no chapter has run, and the combinations."""
    found: list[tuple[str, Any, Any, Any]] = []
    curious = (
        ("ppo", ppo.Config, ppo.train),
        ("icm", icm.Config, icm.train),
        ("rnd", rnd.Config, rnd.train),
    )
    for name, families in WORLDS.items():
        talk = families["talk"]
        where = {"env": talk["env"], "env_args": talk["env_args"]}
        for m, config, train in Q_METHODS:
            found.append((f"{m}-{name}", config(**where, **families["q"]), train, evaluate_q))
        for m, config, train in curious:
            cfg = config(**where, **families["bonus"])
            found.append((f"{m}-{name}", cfg, train, evaluate_exploring))
    found += [
        ("gat-probe7", gat.Config(**probe(7)), gat.train, evaluate),
        ("gatv2-probe7", gat.Config(**probe(7), gnn_type="gatv2"), gat.train, evaluate),
        ("commnet-relay2", commnet.Config(**relay(2), rounds=2), commnet.train, evaluate),
        ("tarmac-relay2", tarmac.Config(**relay(2), rounds=2), tarmac.train, evaluate),
        ("tarmac-grid", tarmac.Config(**GRID, rounds=2), tarmac.train, evaluate),
    ]
    tmaze: dict[str, Any] = {"env": TMaze, "env_args": TMAZE["env_args"]}
    found.append(("a2c-tmaze", a2c.Config(**tmaze, **RECURRENT), a2c.train, evaluate))
    for m, config, train in curious:
        found.append((f"{m}-tmaze", config(**tmaze), train, evaluate_exploring))
    tv: dict[str, Any]
    for name, tv in (("maze", {}), ("tv", TV)):
        found += [
            (f"a2c-{name}", a2c.Config(**IN_MAZE, **tv, updates=150), a2c.train, evaluate),
            (f"dqn-{name}", dqn.Config(**Q_MAZE, **tv), dqn.train, evaluate_q),
            (f"drqn-{name}", drqn.Config(**Q_MAZE, **tv, window=20), drqn.train, evaluate_q),
        ]
    found.append(("ppo-tv", ppo.Config(**TV), ppo.train, evaluate_exploring))
    # Combinations: see `marl_edu.combine`.
    for m, talks, bonus in (
        ("ppo", False, False),
        ("gat", True, False),
        ("icm", False, True),
        ("gat_icm", True, True),
    ):
        lookout = combined.CuriousConfig(env=Lookout, talk=talks, curious=bonus)
        found.append((f"{m}-lookout", lookout, combined.train_curious, evaluate_exploring))
    silent, blank = (
        config(**WITNESS, **RECURRENT) for config in (a2c.Config, combined.ForgetfulConfig)
    )
    found += [
        ("a2c-witness", silent, a2c.train, evaluate),
        ("a2c_forgetful-witness", silent, combined.train_forgetful, evaluate),
        ("tarmac_forgetful-witness", blank, combined.train_forgetful, evaluate),
    ]
    # Two walkers, each with a maze and a sign of its own, have nothing to tell each other.
    two: dict[str, Any] = {"env": TMaze, "env_args": {**TMAZE["env_args"], "n_agents": 2}}
    for m, config, train in METHODS[::2]:
        name = "a2c" if m == "none" else m
        found.append((f"{name}-walkers", config(**two, **RECURRENT), train, evaluate))
    together = {**TMAZE, "env": combined.AsOne, "env_args": WITNESS}
    for m, talks in (("team_drqn", False), ("tarmac_drqn", True)):
        team = combined.TeamConfig(**together, talk=talks)
        found.append((f"{m}-witness", team, combined.train_team, evaluate_q))
    return [
        Experiment(name, cfg, train, score, episodes=1000, seeds=5, keep_policy=())
        for name, cfg, train, score in found
    ]


def evaluate(net: a2c.ActorCritic, cfg: a2c.Config, episodes: int) -> dict[str, float]:
    """The final evaluation of a team: fresh episodes of its environment at full difficulty.

    Returns:
        success (share in [0, 1]), return and episodes of the greedy policy, and `success_sampling`
        of the policy as it was trained.
    """
    env = cfg.env(**cfg.env_args, num_envs=250, seed=cfg.seed)
    greedy = a2c.evaluate(net, env, episodes)
    sampling = a2c.evaluate(net, env, episodes, greedy=False)
    return greedy | {"success_sampling": sampling["success"]}


def evaluate_exploring(net: ppo.ActorCritic, cfg: ppo.Config, episodes: int):
    """As `evaluate`, for the maze; and `steps`, how long a sampled episode lasts."""
    env = cfg.env(**cfg.env_args, num_envs=250, seed=cfg.seed)
    greedy = ppo.evaluate(net, env, episodes)
    sampling = ppo.evaluate(net, env, episodes, greedy=False)
    return greedy | {"success_sampling": sampling["success"], "steps": sampling["steps"]}


def evaluate_q(net: Any, cfg: qlearning.Config, episodes: int) -> dict[str, float]:
    """The final evaluation of Q-learners: fresh episodes, greedy."""
    env = cfg.env(**cfg.env_args, num_envs=250, seed=cfg.seed)
    return qlearning.evaluate(net, env, episodes)


def evaluate_poles(net: Any, cfg: qlearning.Config, episodes: int) -> dict[str, float]:
    """As `evaluate_q`; success is for how long the pole stays up, as a share of 500 steps."""
    found = evaluate_q(net, cfg, episodes)
    return found | {"success": found["return"] / 500}


METHODS = (
    ("none", a2c.Config, a2c.train),
    ("commnet", commnet.Config, commnet.train),
    ("tarmac", tarmac.Config, tarmac.train),
)
Q_METHODS: tuple[tuple[str, Any, Any], ...] = (
    ("dqn", dqn.Config, dqn.train),
    ("drqn", drqn.Config, drqn.train),
)
EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        *(
            # Every seed's policy is kept: the bench of `marl_edu.channel` needs them all.
            Experiment(f"{m}-easy", config(**EASY), train, evaluate, keep_policy=tuple(range(8)))
            for m, config, train in METHODS
        ),
        *(
            Experiment(
                f"{m}-medium",
                config(**MEDIUM),
                train,
                evaluate,
                seeds=5,
                keep_policy=tuple(range(5)),
            )
            for m, config, train in METHODS
        ),
        *(
            Experiment(f"{m}-probe{k}", config(**probe(k)), train, evaluate, keep_policy=())
            for k in DISTRACTORS
            for m, config, train in METHODS
        ),
        # Four heads and two rounds: for the pictures of who listens to whom.
        Experiment(
            "tarmac-heads",
            tarmac.Config(**EASY, heads=4, value_dim=8, rounds=2),
            tarmac.train,
            evaluate,
            seeds=1,
        ),
        *(
            # The same teams are also played in larger environments: `marl_edu.scaling`.
            Experiment(name, cfg, train, evaluate, keep_policy=tuple(range(8)))
            for name, cfg, train in (
                ("none-grid", a2c.Config(**GRID), a2c.train),
                ("commnet-grid", commnet.Config(**GRID, rounds=2), commnet.train),
                ("gat-grid", gat.Config(**GRID, layers=2), gat.train),
            )
        ),
        *(
            # Beside none-grid, which has no layer, and gat-grid, which has two.
            Experiment(
                f"gat-grid-layers{layers}",
                gat.Config(**GRID, layers=layers),
                gat.train,
                evaluate,
                seeds=5,
                keep_policy=(),
            )
            for layers in (1, 3)
        ),
        *(
            Experiment(
                f"gat-relay{hops}-layers{layers}",
                gat.Config(**relay(hops), layers=layers, nearest=64),
                gat.train,
                evaluate,
                # `marl_edu.scaling` cuts the links of those that can know the answer.
                keep_policy=tuple(range(8)) if layers == hops else (),
            )
            for hops, layers in RELAYS
        ),
        *(
            Experiment(
                f"{kind}-papers",
                node_classification.Config(gnn_type=kind),
                node_classification.train,
                node_classification.evaluate,
                episodes=1000,
                keep_policy=(),
            )
            for kind in ("mlp", "gcn", "gat")
        ),
        # The key-door maze, and `tv` with its television on. See the curiosity chapters.
        *(
            Experiment(name, cfg, train, evaluate_exploring, episodes=500, seeds=10)
            for name, cfg, train in (
                ("none-maze", ppo.Config(), ppo.train),
                ("counts-maze", ppo.Config(), ppo.train_counting),
                ("icm-maze", icm.Config(), icm.train),
                ("rnd-maze", rnd.Config(), rnd.train),
                ("counts-tv", ppo.Config(**TV), ppo.train_counting),
                ("icm-tv", icm.Config(**TV), icm.train),
                ("rnd-tv", rnd.Config(**TV), rnd.train),
                ("icm-maze-features", icm.Config(stop="features"), icm.train),
                ("icm-tv-features", icm.Config(**TV, stop="features"), icm.train),
                ("rnd-maze-shuffled", rnd.Config(shuffle_bonus=True), rnd.train),
            )
        ),
        *(
            Experiment(name, cfg, train, evaluate_exploring, episodes=500, seeds=5)
            for name, cfg, train in (
                ("none-maze-team", ppo.Config(**TWO), ppo.train),
                ("rnd-maze-team", rnd.Config(**TWO), rnd.train),
                ("rnd-maze-own", rnd.Config(**TWO, per_agent_bonus=True), rnd.train),
                ("rnd-maze-episodic", rnd.Config(episodic_bonus=True), rnd.train),
            )
        ),
        *(
            # Every seed's network is kept: the chapter looks into their memories.
            Experiment(
                f"{m}-tmaze", config(**TMAZE), train, evaluate_q, keep_policy=tuple(range(8))
            )
            for m, config, train in Q_METHODS
        ),
        Experiment(
            "drqn-tmaze-gru", drqn.Config(**TMAZE, memory="gru"), drqn.train, evaluate_q, seeds=5
        ),
        *(
            Experiment(name, config(**settings), train, evaluate_q, seeds=5, keep_policy=())
            for m, config, train in Q_METHODS
            for name, settings in (
                *(
                    (f"{m}-tmaze{n}", {**TMAZE, "env_args": {"length": n}})
                    for n in LENGTHS
                    if n != 10
                ),
                *((f"{m}-flicker{p}", flicker(p)) for p in FLICKER),
                (f"{m}-witness", {**TMAZE, **WITNESS}),
            )
        ),
        *(
            Experiment(name, cfg, train, evaluate_poles, episodes=250, seeds=5, keep_policy=())
            for name, cfg, train in (
                ("dqn-cartpole", dqn.Config(**CARTPOLE), dqn.train),
                ("drqn-cartpole", drqn.Config(**CARTPOLE, window=10, burn_in=5), drqn.train),
                ("dqn-cartpole-seen", dqn.Config(**{**CARTPOLE, "env_args": {}}), dqn.train),
            )
        ),
        # Memory and talk together, for the witness and its walker.
        Experiment(
            "tarmac-witness",
            tarmac.Config(
                **WITNESS,
                updates=600,
                hidden_dim=32,
                lr=5e-3,
                ent_coef=0.1,
                ent_coef_end=0.0,
                reward_scale=1.0,
                gamma=0.95,
                gae_lambda=0.95,
                detach_every=40,
            ),
            tarmac.train,
            evaluate,
            seeds=5,
            keep_policy=(),
        ),
        *(
            Experiment(
                f"drqn-window-{name}",
                drqn.Config(**TMAZE, window=6, **start),
                drqn.train,
                evaluate_q,
                seeds=5,
                keep_policy=(),
            )
            for name, start in STARTS.items()
        ),
        Experiment("tarmac-hard", tarmac.Config(**HARD, rounds=2), tarmac.train, evaluate, seeds=2),
        *_comparison(),
    )
}

BUILD: dict[type, Callable[[Any, Any], Any]] = {
    a2c.Config: a2c.build,
    commnet.Config: commnet.build,
    dqn.Config: dqn.build,
    drqn.Config: drqn.build,
    gat.Config: gat.build,
    tarmac.Config: tarmac.build,
    combined.CuriousConfig: combined.build_talking,
    combined.ForgetfulConfig: combined.build_forgetful,
    combined.TeamConfig: combined.build_team,
    **dict.fromkeys((ppo.Config, icm.Config, rnd.Config), ppo.build),
}


def make_env(name: str, num_envs: int = 1, seed: int | None = None):
    """The environment on which the experiment `name` was trained, at full difficulty."""
    cfg = EXPERIMENTS[name].cfg
    return cfg.env(**cfg.env_args, num_envs=num_envs, seed=seed)


def parameters(name: str) -> tuple[int, int]:
    """How many numbers an experiment learns: those of its network, with any critic, and those of
    a bonus module, which is there in training only."""
    cfg = EXPERIMENTS[name].cfg
    env = make_env(name, seed=0)
    extra: Any = ppo.NoBonus()
    if isinstance(cfg, combined.CuriousConfig):
        extra = combined.team_bonus(cfg, env)
    elif isinstance(cfg, icm.Config):
        extra = icm.bonus(cfg, env)
    elif isinstance(cfg, rnd.Config):
        extra = rnd.bonus(cfg, env)
    net, bonus = (
        sum(p.numel() for p in part.parameters() if p.requires_grad)
        for part in (BUILD[type(cfg)](cfg, env), extra)
    )
    return net, bonus


def load_policy(name: str, seed: int = 0, folder: Path = POLICIES) -> Any:
    """The trained network of a finished seed, as the experiment's `build` makes it.

    Raises:
        ValueError: no experiment of that name, or a damaged or foreign file.
        FileNotFoundError: that seed's policy was not kept, or is not trained yet.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"name must be one of {', '.join(EXPERIMENTS)}, got {name!r}")
    path = folder / f"{name}-seed{seed}.safetensors"
    if not path.exists():
        raise FileNotFoundError(
            f"no policy {path}; make it with\n  python -m marl_edu.experiments run {name}"
        )
    tensors, _ = storage.load_checkpoint(path)
    cfg = EXPERIMENTS[name].cfg
    net = BUILD[type(cfg)](cfg, make_env(name))
    net.load_state_dict(tensors)
    return net.eval()
