"""Adversarial losses: the discriminator's side and the generator's side, both minimised.

D is a raw logit (higher is more real), σ the logistic function, sp(t) = log(1 + e^t) = -log σ(-t), E the mean over
samples and over the positions of a map, x a real sample and Gz a fake one. With several critics the losses of the heads
add up.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from ganzoo.models.scores import Scores


class Loss:
    """Two functions of scores without state. A subclass writes both sides for the logits of one critic.

    needs_real: the generator's side wants the scores of real samples too.
    separates: a batch's loss is the mean of its samples' losses, so that processes or micro-batches can share the
    batch.
    """

    needs_real: ClassVar[bool] = False
    separates: ClassVar[bool] = True

    def discriminator_side(self, real: Tensor, fake: Tensor) -> Tensor:
        """The loss of one critic, from logits of one shape."""
        raise NotImplementedError(f"{type(self).__name__} has no discriminator_side")

    def generator_side(self, fake: Tensor, real: Tensor) -> Tensor:
        """The generator's loss against one critic; `real` is detached, and empty unless `needs_real`."""
        raise NotImplementedError(f"{type(self).__name__} has no generator_side")

    def discriminator(self, real: Scores, fake: Scores) -> Tensor:
        """What the discriminator minimises, one number: the sum over its critics.

        Raises:
            ValueError: real and fake scores differ in their number of critics, or cannot be paired.
        """
        return _total([self.discriminator_side(_full(r), _full(f)) for r, f in _heads(real, fake)])

    def generator(self, fake: Scores, real: Scores | None = None) -> Tensor:
        """What the generator minimises, one number: the sum over the critics. No gradient flows into `real`.

        Raises:
            ValueError: `needs_real` and real is None, or the scores do not fit together.
        """
        if not self.needs_real:
            return _total([self.generator_side(_full(f), f.new_empty(0)) for f in fake.heads])
        if real is None:
            raise ValueError(
                f"the generator's side of {type(self).__name__} wants the scores of real samples, given None"
            )
        return _total([self.generator_side(_full(f), _full(r).detach()) for r, f in _heads(real, fake)])


class Minimax(Loss):
    """The value function of the original game, with the saturating generator (1406.2661, equation 1).

    L_D = E sp(-D(x)) + E sp(D(Gz)), L_G = -E sp(D(Gz)) = E log(1 - σ(D(Gz))).
    """

    def discriminator_side(self, real: Tensor, fake: Tensor) -> Tensor:
        """E sp(-D(x)) + E sp(D(Gz))."""
        return softplus(-real).mean() + softplus(fake).mean()

    def generator_side(self, fake: Tensor, real: Tensor) -> Tensor:
        """-E sp(D(Gz))."""
        return -softplus(fake).mean()


class NonSaturating(Loss):
    """The generator maximises log σ(D(Gz)) instead (1406.2661, section 3).

    L_D = E[a sp(-D(x)) + (1 - a) sp(D(x))] + E sp(D(Gz)), L_G = E sp(-D(Gz)).

    Args:
        real_label: a, the label of real samples; below 1 it is one-sided label smoothing (1606.03498, section 3.4).
    """

    def __init__(self, real_label: float = 1.0) -> None:
        if not 0 < real_label <= 1:
            raise ValueError(f"real_label is {real_label}, wanted a number above 0 and at most 1")
        self.real_label = real_label

    def discriminator_side(self, real: Tensor, fake: Tensor) -> Tensor:
        """E sp(-D(x)) + E sp(D(Gz)), smoothed: sp(t) = t + sp(-t)."""
        return softplus(-real).mean() + (1 - self.real_label) * real.mean() + softplus(fake).mean()

    def generator_side(self, fake: Tensor, real: Tensor) -> Tensor:
        """E sp(-D(Gz))."""
        return softplus(-fake).mean()


class LeastSquares(Loss):
    """Least squares GAN (1611.04076, equation 2, with the labels of equation 9 by default).

    L_D = ½E(D(x) - b)² + ½E(D(Gz) - a)², L_G = ½E(D(Gz) - c)². Papers that leave out the ½ want a weight of 2.

    Args:
        a: label of fake samples for the discriminator.
        b: label of real samples for the discriminator.
        c: label that the generator wants for its samples. (a, b, c) = (-1, 1, 0) minimises Pearson's χ² (equation 8).
    """

    def __init__(self, a: float = 0.0, b: float = 1.0, c: float = 1.0) -> None:
        self.a, self.b, self.c = float(a), float(b), float(c)

    def discriminator_side(self, real: Tensor, fake: Tensor) -> Tensor:
        """½E(D(x) - b)² + ½E(D(Gz) - a)²."""
        return ((real - self.b).square().mean() + (fake - self.a).square().mean()) / 2

    def generator_side(self, fake: Tensor, real: Tensor) -> Tensor:
        """½E(D(Gz) - c)²."""
        return (fake - self.c).square().mean() / 2


class Hinge(Loss):
    """Hinge loss (1705.02894; 1802.05957, equations 16 and 17).

    L_D = E relu(1 - D(x)) + E relu(1 + D(Gz)), L_G = -E D(Gz).
    """

    def discriminator_side(self, real: Tensor, fake: Tensor) -> Tensor:
        """E relu(1 - D(x)) + E relu(1 + D(Gz))."""
        return relu(1 - real).mean() + relu(1 + fake).mean()

    def generator_side(self, fake: Tensor, real: Tensor) -> Tensor:
        """-E D(Gz)."""
        return -fake.mean()


class Wasserstein(Loss):
    """The Wasserstein-1 distance by its dual, for a critic that a penalty keeps Lipschitz (1701.07875, equation 3).

    L_D = E D(Gz) - E D(x), L_G = -E D(Gz).
    """

    def discriminator_side(self, real: Tensor, fake: Tensor) -> Tensor:
        """E D(Gz) - E D(x)."""
        return fake.mean() - real.mean()

    def generator_side(self, fake: Tensor, real: Tensor) -> Tensor:
        """-E D(Gz)."""
        return -fake.mean()


class Relativistic(Loss):
    """Relativistic standard GAN, or RpGAN: real and fake samples in pairs (1807.00734; 2501.05441, equation 2).

    L_D = E sp(-(D(x) - D(Gz))), L_G = E sp(-(D(Gz) - D(x))).
    """

    needs_real = True

    def discriminator_side(self, real: Tensor, fake: Tensor) -> Tensor:
        """E sp(-(D(x) - D(Gz)))."""
        return softplus(_paired(fake, real)).mean()

    def generator_side(self, fake: Tensor, real: Tensor) -> Tensor:
        """E sp(-(D(Gz) - D(x)))."""
        return softplus(_paired(real, fake)).mean()


class _RelativisticAverage(Loss):
    """A sample's logit against the mean logit of the other kind, over the batch and the positions of a map.

    The mean makes these losses look at the whole batch: over processes or micro-batches each part is held against its
    own mean. The ½ is that of the paper's code; its equations have none. The generator's side is the same with real and
    fake exchanged.
    """

    needs_real = True
    separates = False

    @staticmethod
    def fooled(wanted: Tensor, unwanted: Tensor) -> Tensor:
        """The loss where `wanted` (own logits less the other kind's mean) should be high and `unwanted` low."""
        raise NotImplementedError

    def discriminator_side(self, real: Tensor, fake: Tensor) -> Tensor:
        """fooled(D(x) - Ē D(Gz), D(Gz) - Ē D(x))."""
        return self.fooled(real - fake.mean(), fake - real.mean())

    def generator_side(self, fake: Tensor, real: Tensor) -> Tensor:
        """fooled(D(Gz) - Ē D(x), D(x) - Ē D(Gz))."""
        return self.fooled(fake - real.mean(), real - fake.mean())


class RelativisticAverage(_RelativisticAverage):
    """Relativistic average standard GAN, RaSGAN (1807.00734).

    L_D = ½[E sp(-(D(x) - Ē D(Gz))) + E sp(D(Gz) - Ē D(x))].
    """

    @staticmethod
    def fooled(wanted: Tensor, unwanted: Tensor) -> Tensor:
        """½[E sp(-wanted) + E sp(unwanted)]."""
        return (softplus(-wanted).mean() + softplus(unwanted).mean()) / 2


class RelativisticAverageLeastSquares(_RelativisticAverage):
    """Relativistic average least squares GAN, RaLSGAN (1807.00734, appendix on losses).

    L_D = ½[E(D(x) - Ē D(Gz) - 1)² + E(D(Gz) - Ē D(x) + 1)²].
    """

    @staticmethod
    def fooled(wanted: Tensor, unwanted: Tensor) -> Tensor:
        """½[E(wanted - 1)² + E(unwanted + 1)²]."""
        return ((wanted - 1).square().mean() + (unwanted + 1).square().mean()) / 2


class RelativisticAverageHinge(_RelativisticAverage):
    """Relativistic average hinge GAN, RaHingeGAN (1807.00734, appendix on losses).

    L_D = ½[E relu(1 - (D(x) - Ē D(Gz))) + E relu(1 + (D(Gz) - Ē D(x)))].
    """

    @staticmethod
    def fooled(wanted: Tensor, unwanted: Tensor) -> Tensor:
        """½[E relu(1 - wanted) + E relu(1 + unwanted)]."""
        return (relu(1 - wanted).mean() + relu(1 + unwanted).mean()) / 2


def _full(logits: Tensor) -> Tensor:
    """Logits in float32 at least: a mean in bfloat16 keeps two or three digits."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _total(losses: list[Tensor]) -> Tensor:
    return losses[0] if len(losses) == 1 else torch.stack(losses).sum()


def _heads(real: Scores, fake: Scores) -> list[tuple[Tensor, Tensor]]:
    if len(real.heads) != len(fake.heads):
        raise ValueError(
            f"real samples have the scores of {len(real.heads)} critics and fake samples those of {len(fake.heads)}; "
            "score both with the same discriminator"
        )
    return list(zip(real.heads, fake.heads, strict=True))


def _paired(minuend: Tensor, subtrahend: Tensor) -> Tensor:
    """The difference sample by sample; without the check (B,) and (B, 1) would make (B, B)."""
    if minuend.shape != subtrahend.shape:
        raise ValueError(
            f"a relativistic loss pairs real with fake samples, given logits of shapes {tuple(minuend.shape)} and "
            f"{tuple(subtrahend.shape)}; use batches of one size, or a relativistic average loss"
        )
    return minuend - subtrahend
