"""What is run, how and where; and studies of trained networks."""

from marl_edu.experiments.catalogue import EXPERIMENTS
from marl_edu.experiments.command import main, select
from marl_edu.experiments.run import Experiment, Run, run_seed

__all__ = ["EXPERIMENTS", "Experiment", "Run", "main", "run_seed", "select"]
