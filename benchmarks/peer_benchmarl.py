"""BenchMARL's MADDPG in cooperative navigation, for benchmarks/maddpg.py: in a Python of its own.

    python benchmarks/peer_benchmarl.py NUM_ENVS STEPS UPDATES BATCH HIDDEN

Every line on stdin is answered by a line of JSON: environment steps a core second of one more
round, in which STEPS steps are played in each of NUM_ENVS environments, and then UPDATES gradient
steps taken. The environment is VMAS's `simple_spread`, which BenchMARL plays in batches.
"""

import json
import os
import sys
import tempfile
import time
import warnings
from typing import Any

import torch
from benchmarl.algorithms import MaddpgConfig
from benchmarl.environments import VmasTask
from benchmarl.experiment import Callback, Experiment, ExperimentConfig
from benchmarl.models.mlp import MlpConfig


class Turns(Callback):
    """Waits for a line before a round, and says afterwards how fast it was. Waiting costs nothing.

    Args:
        frames: environment steps of a round.
    """

    def __init__(self, frames: int):
        super().__init__()
        self.frames = frames
        self.since: float | None = None

    def on_batch_collected(self, batch: Any) -> None:
        """A round begins to learn; the last one has been played and learned from."""
        if self.since is not None:
            rate = self.frames / (time.process_time() - self.since)
            os.write(ANSWERS, (json.dumps(rate) + "\n").encode())
        if not sys.stdin.readline():
            os._exit(0)
        self.since = time.process_time()


ANSWERS = os.dup(1)  # it prints, and answers alone go to stdout


def main() -> None:
    """Train until stdin ends."""
    num_envs, steps, updates, batch, hidden = map(int, sys.argv[1:6])
    warnings.simplefilter("ignore")
    os.dup2(2, 1)
    torch.set_num_threads(1)
    task = VmasTask.SIMPLE_SPREAD.get_from_yaml()
    task.config |= {"max_steps": steps, "n_agents": 3}
    cfg = ExperimentConfig.get_from_yaml()
    cfg.share_policy_params = False  # an actor of its own for every agent, as in MADDPG
    cfg.off_policy_n_envs_per_worker = num_envs
    cfg.off_policy_collected_frames_per_batch = num_envs * steps
    cfg.off_policy_n_optimizer_steps = updates
    cfg.off_policy_train_batch_size = batch
    cfg.off_policy_memory_size = 200_000
    cfg.max_n_frames = 10**9
    cfg.evaluation, cfg.render, cfg.loggers, cfg.create_json = False, False, [], False
    cfg.save_folder = tempfile.mkdtemp()
    layers = {"num_cells": [hidden, hidden], "layer_class": torch.nn.Linear}
    model = MlpConfig(**layers, activation_class=torch.nn.ReLU)
    Experiment(
        task=task,
        algorithm_config=MaddpgConfig(
            share_param_critic=False, loss_function="l2", delay_value=True, use_tanh_mapping=True
        ),
        model_config=model,
        critic_model_config=model,
        seed=0,
        config=cfg,
        callbacks=[Turns(num_envs * steps)],
    ).run()


if __name__ == "__main__":
    main()
