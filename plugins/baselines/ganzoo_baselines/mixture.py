"""A mixture of normal distributions, fitted by expectation and maximisation.

Dempster, Laird, Rubin: Maximum Likelihood from Incomplete Data via the EM Algorithm, 1977. The start is k-means++ (Arthur,
Vassilvitskii 2007), its greedy form, and some steps of k-means; of `starts` of them the one with the smallest distances goes
on. Then `iterations` steps of EM, without looking whether they still change something. The likelihood is exact.

    p(x) = sum_k w_k N(x; mu_k, Sigma_k)

Sigma_k is full, or diagonal. Every M-step shrinks it towards the mean covariance of all components, as if `shrink` samples of
that had been seen too, and adds `floor` of the data's mean variance to its diagonal: a component on a single sample would
have an infinite likelihood. Of pictures, the variance within a level is added too.

Pictures: a full covariance of all pixels has more numbers than there are pictures. So the mixture is that of the coordinates y
in the `rank` directions of largest variance (principal components, found by subspace iteration, after Halko, Martinsson, Tropp
2011), and what is left over of a picture, r, is N(0, s²) in each of the other D - rank directions, as in probabilistic PCA
(Tipping, Bishop 1999). It is a density over all pixels:

    log p(x) = log p(y) + log N(r; 0, s² I),   x = m + U y + r.

This is the zoo's row for what a likelihood without a network reaches on pictures: with the defaults the fit to 10,000
pictures of 28x28 takes some 10 seconds of a core. One
variance for all the rest is wrong of pixels that are always black, and costs bits that a histogram of each pixel has not to pay.
A sample is drawn without r, unless `noise` is true:
r is what 64 directions do not explain, drawn as white noise over the picture, which no picture has. The likelihood is that
with it.

With `conditional` each class has a mixture of its own, of `components`, in directions that all classes share; the likelihood
is that of all classes together, by their shares.

N samples, D numbers of a sample, R directions, C components, K classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import log, pi, prod
from typing import Any, Literal

import torch
from torch import Tensor

from ganzoo.config import ArchConfig, option
from ganzoo.models import Batch, DataSpec, Draws, Game, StepContext
from ganzoo_baselines.classes import Fitted, gathered
from ganzoo_baselines.em import Mixture, fit_mixture, log_densities, principal_directions


class MixtureConfig(ArchConfig):
    """Options of baselines/gaussian-mixture."""

    batch: int = option(256, "samples that are read at a time", "samples", ge=1)
    components: int = option(25, "normal distributions, of each class if conditional", ge=1)
    covariance: Literal["full", "diag"] = option("full", "of a component: full, or diagonal")
    rank: int = option(64, "directions of pictures that the mixture is in; points keep their own", ge=1)
    iterations: int = option(40, "steps of EM", ge=0)
    starts: int = option(5, "starts of k-means, of which the best goes on", ge=1)
    shrink: float = option(5.0, "weight of the mean covariance in each component's own", "samples", ge=0)
    floor: float = option(1e-6, "added to variances, in units of the data's mean variance", gt=0)
    samples: int = option(50_000, "most samples that the fit looks at", "samples", ge=1)
    noise: bool = option(False, "whether pictures are drawn with what the directions leave over")
    conditional: bool = option(False, "a mixture for each class")


class GaussianMixture(Fitted):
    """Buffers: `mean_D`, `directions_DR` (pictures), `rest` (s²), and of each class the mixture: `weight_KC`, `mean_KCR`,
    `root_KCRR` (the lower triangular root of the covariance)."""

    mean_D: Tensor
    directions_DR: Tensor
    rest: Tensor
    weight_KC: Tensor
    mean_KCR: Tensor
    root_KCRR: Tensor

    def __init__(self, config: MixtureConfig, data: DataSpec) -> None:
        super().__init__(data, conditional=config.conditional)
        self._config = config
        numbers, components = prod(data.shape), config.components
        self.rank = min(config.rank, numbers) if self.pictures else numbers
        self.register_buffer("mean_D", torch.zeros(numbers))
        self.register_buffer("directions_DR", torch.eye(numbers, self.rank))
        self.register_buffer("rest", torch.ones(()))
        self.register_buffer("weight_KC", torch.full((self.classes, components), 1 / components))
        self.register_buffer("mean_KCR", torch.zeros(self.classes, components, self.rank))
        root = torch.eye(self.rank).repeat(self.classes, components, 1, 1)
        self.register_buffer("root_KCRR", root)

    @torch.no_grad()
    def fit(self, batches: Iterator[Batch], context: StepContext) -> None:
        """Directions, then a mixture for each class."""
        config = self._config
        whole = gathered(batches, config.samples)
        class_N = self.of_class(whole)
        self.count_classes(class_N)
        x_ND = whole.x.double().flatten(1)
        # A pixel stands for an interval of one level, and the likelihood is of all of it: that is a variance of its own.
        within = self.level**2 / 12 if self.pictures else 0.0
        if self.pictures:
            mean_D, directions_DR, rest = principal_directions(x_ND, self.rank, context)
            self.mean_D.copy_(mean_D)
            self.directions_DR.copy_(directions_DR)
            self.rest.copy_(rest + within)
        y_NR, _ = self._split(x_ND)
        for number in range(self.classes):
            found = fit_mixture(
                y_NR[class_N == number] if self.conditional else y_NR,
                config.components,
                context,
                diagonal=config.covariance == "diag",
                starts=config.starts,
                iterations=config.iterations,
                shrink=config.shrink,
                floor=config.floor,
                within=within,
            )
            self.weight_KC[number].copy_(found.weight_C)
            self.mean_KCR[number].copy_(found.mean_CR)
            self.root_KCRR[number].copy_(found.root_CRR)

    def _split(self, x_ND: Tensor) -> tuple[Tensor, Tensor]:
        """The coordinates y (N, R), and the squared length of what they leave over (N,)."""
        if not self.pictures:
            return x_ND, x_ND.new_zeros(len(x_ND))
        x_ND = x_ND - self.mean_D.double()
        y_NR = x_ND @ self.directions_DR.double()
        return y_NR, (x_ND.square().sum(1) - y_NR.square().sum(1)).clamp_min(0)

    @torch.no_grad()
    def log_likelihood(self, x: Tensor) -> Tensor:
        """See `Fitted`."""
        y_NR, left_N = self._split(x.double().flatten(1))
        log_NK = torch.stack(
            [
                torch.logsumexp(log_densities(y_NR, Mixture(weight_C.double(), mean_CR.double(), root_CRR.double())), 1)
                for weight_C, mean_CR, root_CRR in zip(self.weight_KC, self.mean_KCR, self.root_KCRR, strict=True)
            ],
            1,
        )
        others = len(self.mean_D) - self.rank
        if self.pictures and others:
            rest = self.rest.double()
            log_NK = log_NK - 0.5 * (left_N / rest + others * (rest.log() + log(2 * pi)))[:, None]
        return self.over_classes(log_NK)

    @torch.no_grad()
    def sample(
        self, n: int, *, condition: Tensor | None = None, generator: torch.Generator | None = None, **options: Any
    ) -> Tensor:
        """n samples."""
        if options:
            raise TypeError(f"unknown sampling option {', '.join(options)}; there are none")
        class_n = self.asked(n, condition)
        draws = Draws(device=self.mean_D.device, generator=generator)
        chance_n1 = draws.uniform(n, 1).double()
        component_n = torch.searchsorted(self.weight_KC.double().cumsum(1)[class_n], chance_n1, right=True).squeeze(1)
        component_n = component_n.clamp_max(self.weight_KC.shape[1] - 1)
        # A component at a time: a root for every sample would be many times what all samples take.
        noise_nR = draws.normal(n, self.rank, stream="noise")
        y_nR = self.mean_KCR[class_n, component_n]
        for number in range(self.classes):
            for component, root_RR in enumerate(self.root_KCRR[number]):
                chosen_n1 = ((class_n == number) & (component_n == component))[:, None]
                y_nR = torch.where(chosen_n1, y_nR + noise_nR @ root_RR.T, y_nR)
        if not self.pictures:
            return self.finished(y_nR)
        x_nD = self.mean_D + y_nR @ self.directions_DR.T
        if self._config.noise:
            white_nD = self.rest.sqrt() * draws.normal(n, len(self.mean_D), stream="rest")
            x_nD = x_nD + white_nD - (white_nD @ self.directions_DR) @ self.directions_DR.T
        return self.finished(x_nD)


def build(config: MixtureConfig, data: DataSpec) -> Game:
    """The game for points or pictures.

    Raises:
        ValueError: samples of another kind.
    """
    if data.modality == "image":
        data.image()
    else:
        data.points()
    return GaussianMixture(config, data)
