"""Losses and penalties: pure functions of scores and samples, one equation each."""

from ganzoo.models.inputs import PenaltyInputs
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

__all__ = [
    "R1",
    "R2",
    "Dragan",
    "Drift",
    "GradientPenalty",
    "Hinge",
    "LeastSquares",
    "Loss",
    "Minimax",
    "NonSaturating",
    "OneSidedGradientPenalty",
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
