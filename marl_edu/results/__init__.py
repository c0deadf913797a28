"""Stored runs and what may be said about them."""

from marl_edu.results.statistics import (
    RESULTS,
    Curve,
    Estimate,
    interval,
    iqm,
    learning_curve,
    load,
    probability_of_improvement,
    run_curve,
    scores,
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
    "probability_of_improvement",
    "run_curve",
    "scores",
    "summary",
]
