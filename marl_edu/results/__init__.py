"""Stored runs and what may be said about them."""

from marl_edu.results.claims import claim, claim_that
from marl_edu.results.folders import RESULTS
from marl_edu.results.statistics import (
    LEVEL,
    Curve,
    Estimate,
    interval,
    iqm,
    learning_curve,
    load,
    mean_interval,
    probability_of_improvement,
    run_curve,
    score_interval,
    scores,
    share_interval,
    summary,
)

__all__ = [
    "LEVEL",
    "RESULTS",
    "Curve",
    "Estimate",
    "claim",
    "claim_that",
    "interval",
    "iqm",
    "learning_curve",
    "load",
    "mean_interval",
    "probability_of_improvement",
    "run_curve",
    "score_interval",
    "scores",
    "share_interval",
    "summary",
]
