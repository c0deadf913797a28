"""EPyMARL's QMIX and VDN on foraging, for benchmarks/qlearning.py --reference PATH.

    python benchmarks/peer_epymarl.py PATH Foraging-8x8-2p-2f-coop-v3

PATH is a checkout of github.com/uoe-agents/epymarl, as it is. Its parts are put together as in its
`run.py`: the runner of one environment, the replay, the controller, the learner, and its files of
settings, with the changes of `EQUAL`, so that both sides do the same work. Of what it imports, only
SMAClite, which foraging never asks for, may be missing. A line "qmix 0 SECONDS" (playing alone) or
"vdn 8 SECONDS" (a gradient step after every 8 episodes) on stdin is answered by a line of JSON:
environment steps a core second.
"""

import json
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import lbforaging  # type: ignore[import-untyped]  # noqa: F401  registers the environments
import torch

TIME_LIMIT = 50
EQUAL = {  # what its settings leave to choose, chosen as in ours
    "use_cuda": False,
    "use_rnn": True,  # agents remember
    "hypernet_layers": 1,  # as in QMIX's paper
    "standardise_rewards": False,
    "device": "cpu",
}


def settings(path: str, method: str) -> dict[str, Any]:
    """Its defaults, the environment's, the method's, and ours."""
    import yaml  # the peer's own reader; this project has it with Jupyter Book

    found: dict[str, Any] = {}
    for name in ("default", "envs/gymma", f"algs/{method}"):
        with open(os.path.join(path, "src", "config", f"{name}.yaml"), encoding="utf-8") as file:
            found |= yaml.safe_load(file)
    return found | EQUAL


def make(path: str, game: str, method: str) -> Callable[[int], int]:
    """A call that plays so many episodes and learns once; it returns the steps played."""
    from components.episode_buffer import ReplayBuffer
    from components.transforms import OneHot
    from controllers import REGISTRY as CONTROLLERS
    from learners import REGISTRY as LEARNERS
    from runners import REGISTRY as RUNNERS
    from utils.logging import Logger

    torch.manual_seed(0)
    args = SimpleNamespace(**settings(path, method))
    args.env_args = {
        "key": f"lbforaging:{game}", "time_limit": TIME_LIMIT, "pretrained_wrapper": None, "seed": 0
    }  # fmt: skip
    logger = Logger(logging.getLogger("epymarl"))
    runner = RUNNERS[args.runner](args=args, logger=logger)
    info = runner.get_env_info()
    args.n_agents, args.n_actions = info["n_agents"], info["n_actions"]
    args.state_shape = info["state_shape"]
    scheme = {
        "state": {"vshape": info["state_shape"]},
        "obs": {"vshape": info["obs_shape"], "group": "agents"},
        "actions": {"vshape": (1,), "group": "agents", "dtype": torch.long},
        "avail_actions": {"vshape": (args.n_actions,), "group": "agents", "dtype": torch.int},
        "terminated": {"vshape": (1,), "dtype": torch.uint8},
        "reward": {"vshape": (1,)},
    }
    groups = {"agents": args.n_agents}
    onehot = {"actions": ("actions_onehot", [OneHot(out_dim=args.n_actions)])}
    buffer = ReplayBuffer(
        scheme, groups, args.buffer_size, TIME_LIMIT + 1, preprocess=onehot, device="cpu"
    )
    controller = CONTROLLERS[args.mac](buffer.scheme, groups, args)
    runner.setup(scheme=scheme, groups=groups, preprocess=onehot, mac=controller)
    learner = LEARNERS[args.learner](controller, buffer.scheme, logger, args)

    def play(episodes: int) -> int:
        """So many episodes, and then a gradient step; with 0 one episode and none."""
        before = runner.t_env
        for _ in range(max(episodes, 1)):
            buffer.insert_episode_batch(runner.run(test_mode=False))
        if episodes and buffer.can_sample(args.batch_size):
            sample = buffer.sample(args.batch_size)
            learner.train(
                sample[:, : sample.max_t_filled()], runner.t_env, buffer.episodes_in_buffer
            )
        return int(runner.t_env - before)

    play(args.batch_size)
    return play


def per_second(play: Callable[[int], int], episodes: int, seconds: float) -> float:
    """Steps a second of one core, over at least so many seconds."""
    steps, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        steps += play(episodes)
    return steps / (time.process_time() - start)


def main() -> None:
    """Answer until stdin ends."""
    path, game = os.path.abspath(sys.argv[1]), sys.argv[2]
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.disable(logging.INFO)
    sys.modules.setdefault("smaclite", ModuleType("smaclite"))
    sys.path.insert(0, os.path.join(path, "src"))
    made: dict[str, Callable[[int], int]] = {}
    for line in sys.stdin:
        method, episodes, seconds = line.split()
        if method not in made:
            made[method] = make(path, game, method)
        print(json.dumps(per_second(made[method], int(episodes), float(seconds))), flush=True)


if __name__ == "__main__":
    main()
