"""How a game fares while it trains, measured beside a row: on samples and latents of its own, which never change.

Nothing here changes the game, its chance or its statistics, and nothing runs between two rows. Distances are Euclidean, between
samples as they are; larger pictures are averaged down to 32 x 32 first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from ganzoo.data import Feed, Source
from ganzoo.engine.ema import Ema
from ganzoo.engine.sampling import evaluating
from ganzoo.metrics import distance_blocks
from ganzoo.models import Batch, Game, Gan, Scores

SAMPLES = 64  # of each kind that is looked at
CROWD = 2000  # training samples among which the nearest are looked for
SIDE = 32  # pixels
SEED = 0  # of the latents


@dataclass(frozen=True)
class _Fixed:
    """What is looked at each time: training samples, held-out ones, and a crowd of training samples, flat."""

    real: Batch
    held: Batch | None
    crowd_CF: Tensor
    real_spread: Tensor
    usual_nearest: Tensor


class Health:
    """Measures of one run's game.

    Args:
        game: on its device. feed: of its training samples. ema: its averages.
        held_out: samples that it is not trained on, if there are any.
    """

    def __init__(self, game: Game, feed: Feed, ema: Ema, held_out: Source | None = None) -> None:
        self._game, self._feed, self._ema, self._held_out = game, feed, ema, held_out
        self._fixed: _Fixed | None = None
        self._shape: tuple[int, ...] = ()

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Numbers by name, in one copy from the device; what does not apply to the game is left out.

        diversity: mean distance between generated samples, as a share of that between training samples.
        nearest: mean distance of generated samples to the nearest training sample, as a share of that of held-out ones (or, if
            there are none, of training samples among themselves).
        accuracy: share of training and generated samples on their side of the midpoint between the two mean scores.
        margin: distance of the two mean scores in standard deviations of a score.
        sign: mean sign of training samples' scores, ADA's r_t (2006.06676, equation 1).
        over-fit: how far held-out samples' scores are from training samples' towards generated ones', ADA's r_v.
        drift: size of the difference of averaged and live weights, as a share of the weights' size.
        """
        fixed = self._samples()
        device = fixed.crowd_CF.device
        generator = torch.Generator(device=device).manual_seed(SEED)
        found: dict[str, Tensor] = {}
        with evaluating(self._game):
            condition = fixed.real.y
            fake = self._game.sample(len(fixed.real.x), condition=condition, generator=generator)
            if fake.shape[1:] == fixed.real.x.shape[1:]:
                flat = _flat(fake)
                found["diversity"] = _spread(flat) / fixed.real_spread
                found["nearest"] = _nearest(flat, fixed.crowd_CF).mean() / fixed.usual_nearest
                if isinstance(self._game, Gan):
                    found |= self._scores(self._game, fixed, fake)
        drift = _drift(self._ema)
        if drift is not None:
            found["drift"] = drift
        if not found:
            return {}
        values = torch.stack([value.float().reshape(()) for value in found.values()]).tolist()
        return {name: value for name, value in zip(found, values, strict=True) if math.isfinite(value)}

    def _scores(self, game: Gan, fixed: _Fixed, fake: Tensor) -> dict[str, Tensor]:
        def level(x: Tensor, batch: Batch) -> Tensor:
            scores: Tensor = Scores.of(game.discriminator(x, *game.condition(game.discriminator, batch))).total()
            return scores.float()

        real_B, fake_B = level(fixed.real.x, fixed.real), level(fake, fixed.real)
        midpoint = (real_B.mean() + fake_B.mean()) / 2
        side = torch.cat([real_B > midpoint, fake_B <= midpoint]).float().mean()
        pooled = ((real_B.var() + fake_B.var()) / 2).sqrt().clamp_min(1e-12)
        found = {
            "accuracy": side,
            "margin": (real_B.mean() - fake_B.mean()) / pooled,
            "sign": real_B.sign().mean(),
        }
        if fixed.held is not None:
            held_B = level(fixed.held.x, fixed.held)
            gap = real_B.mean() - fake_B.mean()
            # Where training and generated samples score alike there is nothing to be a share of.
            found["over-fit"] = torch.where(gap > 0.1 * pooled, (real_B.mean() - held_B.mean()) / gap, 0.0)
        return found

    def _samples(self) -> _Fixed:
        shape = self._feed.source.spec.shape
        if self._fixed is None or self._shape != shape:  # a game that grows sees larger samples
            real = self._feed.some(SAMPLES)
            held_out = self._held_out
            if held_out is not None and held_out.spec.shape != shape:
                held_out = held_out.at((shape[1], shape[2]))
            held = self._feed.some(SAMPLES, held_out) if held_out is not None else None
            flat, crowd = _flat(real.x), _flat(self._feed.some(CROWD).x)
            nearest = _second_nearest(flat, crowd) if held is None else _nearest(_flat(held.x), crowd).mean()
            self._fixed = _Fixed(real, held, crowd, _spread(flat).clamp_min(1e-12), nearest.clamp_min(1e-12))
            self._shape = shape
        return self._fixed


def _flat(x: Tensor) -> Tensor:
    """(B, F), pictures at most 32 x 32."""
    x = x.float()
    if x.dim() == 4 and max(x.shape[2:]) > SIDE:
        x = adaptive_avg_pool2d(x, (min(SIDE, x.shape[2]), min(SIDE, x.shape[3])))
    return x.flatten(1)


def _spread(x_BF: Tensor) -> Tensor:
    """Mean distance between two samples of the set."""
    return torch.pdist(x_BF).mean() if len(x_BF) > 1 else x_BF.new_zeros(())


def _nearest(x_BF: Tensor, crowd_CF: Tensor) -> Tensor:
    """Each sample's distance to the nearest of the crowd, (B,)."""
    return torch.cat([block.min(1).values for _, block in distance_blocks(x_BF, crowd_CF, dtype=torch.float32)])


def _second_nearest(x_BF: Tensor, crowd_CF: Tensor) -> Tensor:
    """Mean distance of samples that may be in the crowd themselves to the nearest other one."""
    blocks = [b.topk(2, largest=False).values[:, 1] for _, b in distance_blocks(x_BF, crowd_CF, dtype=torch.float32)]
    return torch.cat(blocks).mean()


def _drift(ema: Ema) -> Tensor | None:
    pairs = [(average, live) for average, live, averaged in ema.pairs() if averaged]
    if not pairs:
        return None
    apart = torch.stack([(average - live.detach()).square().sum() for average, live in pairs]).sum()
    size = torch.stack([live.detach().square().sum() for _, live in pairs]).sum()
    return (apart / size.clamp_min(1e-24)).sqrt()
