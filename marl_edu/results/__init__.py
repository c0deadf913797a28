"""Stored runs and what may be said about them."""

from marl_edu.results.folders import RESULTS
from marl_edu.results.statistics import (
    Curve,
    Estimate,
    interval,
    iqm,
    learning_curve,
    load,
    mean_interval,
    probability_of_improvement,
    run_curve,
    scores,
    share_interval,
    summary,
)

__all__ = [
    "RESULTS",
    "Curve",
    "Estimate",
    "interval",
    "iqm",
    "learning_curve",
    "load",
    "mean_interval",
    "probability_of_improvement",
    "run_curve",
    "scores",
    "share_interval",
    "summary",
]
