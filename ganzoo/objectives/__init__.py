"""Losses and penalties: pure functions of scores and samples, one equation each."""

from ganzoo.models.inputs import PenaltyInputs
from ganzoo.objectives.consistency import BalancedConsistency, Consistency, LatentConsistency
from ganzoo.objectives.losses import (
    Hinge,
    LeastSquares,
    Loss,
    Minimax,
    NonSaturating,
    Relativistic,
    RelativisticAverage,
    RelativisticAverageHinge,
    RelativisticAverageLeastSquares,
    Wasserstein,
)
from ganzoo.objectives.penalties import (
    R1,
    R2,
    Dragan,
    Drift,
    GradientPenalty,
    OneSidedGradientPenalty,
    Penalty,
    WeightClip,
    ZeroCentredGradientPenalty,
)
from ganzoo.objectives.regularisers import FeatureMatching, LeCam, ModeSeeking, Orthogonal

__all__ = [
    "R1",
    "R2",
    "BalancedConsistency",
    "Consistency",
    "Dragan",
    "Drift",
    "FeatureMatching",
    "GradientPenalty",
    "Hinge",
    "LatentConsistency",
    "LeCam",
    "LeastSquares",
    "Loss",
    "Minimax",
    "ModeSeeking",
    "NonSaturating",
    "OneSidedGradientPenalty",
    "Orthogonal",
    "Penalty",
    "PenaltyInputs",
    "Relativistic",
    "RelativisticAverage",
    "RelativisticAverageHinge",
    "RelativisticAverageLeastSquares",
    "Wasserstein",
    "WeightClip",
    "ZeroCentredGradientPenalty",
]
