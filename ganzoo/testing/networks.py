"""What networks and samples have to be like: shapes, ranges, batches, labels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.models import Draws, Game, Gan, Scores
from ganzoo.models.latent import Latent, LatentSpec
from ganzoo.models.layers.piecewise import is_piecewise_linear
from ganzoo.testing.check import Checks, Failed, Skipped, want
from ganzoo.testing.subject import ArchSubject

NETWORKS = Checks("networks")
FAR = 1000.0  # factor of latents that no training has met
ROUNDING = 1e-4  # of the largest number: kernels differ with the size of a batch


@NETWORKS.check(
    "samples",
    why="Every command that draws samples takes them to be of the data's shape.",
    hint="game.sample(n) returns float (n, *data.shape) in the game's value_range.",
)
@torch.no_grad()
def samples(subject: ArchSubject) -> None:
    """Samples have the data's shape, are float, finite, and pictures lie in the value range; 1, 2 and 3 at a time."""
    world = subject.world()
    game = world.game.eval()
    for n in (1, 2, 3):
        x = _sample(subject, game, n)
        wanted = (n, *subject.spec.shape)
        want(tuple(x.shape) == wanted, f"{n} samples have the shape {tuple(x.shape)}, wanted {wanted}")
        want(x.dtype == torch.float32, f"samples are {x.dtype}, wanted torch.float32")
        want(bool(torch.isfinite(x).all()), "samples are not finite")
        in_range(x, game, subject)


@NETWORKS.check(
    "range",
    why="A generator that leaves the range of real pictures is told from them without learning anything.",
    hint="End the generator with tanh (or a sigmoid and value_range=(0, 1)).",
)
@torch.no_grad()
def far_latents(subject: ArchSubject) -> None:
    """For latents a thousand times as large samples are finite, and pictures still in the value range."""
    game = subject.gan().eval()
    z = _map(game.latent, _latents(game, 4), lambda part: part * FAR)
    x = game.generator(z, *_labels(subject, game.generator, 4))
    want(bool(torch.isfinite(x).all()), f"samples of latents times {FAR:.0f} are not finite")
    in_range(x, game, subject)


@NETWORKS.check(
    "scores",
    why="Losses take one score a sample; others are averaged into something else in silence.",
    hint="A discriminator returns logits (B,), (B, 1) or a map (B, 1, H, W), or Scores of these.",
)
@torch.no_grad()
def scores(subject: ArchSubject) -> None:
    """Scores have one row a sample and one channel, for batches of 1, 2 and 3, and are finite."""
    game = subject.gan().eval()
    for n in (1, 2, 3):
        found = _score(subject, game, _reals(subject, game, n))
        for logits in found.heads:
            shape = tuple(logits.shape)
            holds = shape in ((n,), (n, 1)) or (len(shape) == 4 and shape[:2] == (n, 1))
            want(holds, f"scores of {n} samples have the shape {shape}, wanted ({n},), ({n}, 1) or ({n}, 1, H, W)")
            want(bool(torch.isfinite(logits).all()), "scores are not finite")


@NETWORKS.check(
    "alone",
    why="A sample would change with the others that happen to be drawn beside it.",
    hint="In evaluation mode use running statistics: nn.BatchNorm with track_running_stats, and no mean over the batch.",
)
@torch.no_grad()
def alone(subject: ArchSubject) -> None:
    """In evaluation mode a sample does not depend on its batch."""
    game = subject.gan().eval()
    z, labels = _latents(game, 4), _labels(subject, game.generator, 4)
    whole = game.generator(z, *labels)
    second = {name: part[1:2] for name, part in z.items()} if isinstance(z, dict) else z[1:2]
    one = game.generator(second, *(y[1:2] for y in labels))
    _same(one[0], whole[1], "a sample by itself and the same one in a batch of 4")


@NETWORKS.check(
    "per-sample",
    why="Where a discriminator says so, real and fake samples are scored in one batch: then each would see the other kind.",
    hint="Leave per_sample at False if there is batch norm, minibatch statistics, dropout or anything else over the batch.",
)
@torch.no_grad()
def per_sample(subject: ArchSubject) -> None:
    """A discriminator that says `per_sample` scores each sample by itself, in training mode too."""
    game = subject.gan()
    if not getattr(game.discriminator, "per_sample", False):
        raise Skipped("the discriminator does not say per_sample")
    x = _reals(subject, game, 4)
    state = {name: buffer.clone() for name, buffer in game.discriminator.named_buffers()}
    whole = _score(subject, game, x).total()
    for name, buffer in game.discriminator.named_buffers():  # each forward may move it, as spectral normalisation does
        buffer.copy_(state[name])
    half = _score(subject, game, x[:2]).total()
    _same(half, whole[:2], "scores of 2 samples and of the same in a batch of 4")


@NETWORKS.check(
    "chain",
    why="Penalties take the critic's gradient from this chain in closed form: another chain means a wrong gradient.",
    hint="piecewise_linear() returns the discriminator's own layers, in their order, or None.",
)
def chain(subject: ArchSubject) -> None:
    """A discriminator's `piecewise_linear` chain gives its scores."""
    game = subject.gan()
    find: Callable[[], nn.Sequential | None] | None = getattr(game.discriminator, "piecewise_linear", None)
    found = find() if find is not None else None
    if found is None:
        raise Skipped("the discriminator gives no chain")
    want(is_piecewise_linear(found), "piecewise_linear() gives layers that have no closed form: return None instead")
    x = _reals(subject, game, 3)
    with torch.no_grad():
        _same(
            found(x).reshape(3, -1).sum(1),
            _score(subject, game, x).total(),
            "the chain's scores and the discriminator's",
        )


@NETWORKS.check(
    "labels",
    why="A conditional architecture that ignores its labels looks like one that works.",
    hint="Use y in the generator's forward; samples of two classes from one latent have to differ.",
)
@torch.no_grad()
def labels_matter(subject: ArchSubject) -> None:
    """Where the record says `conditional`, another label gives another sample, and another score to the same one."""
    game = _conditional(subject)
    stir(game)  # layers that scale by class begin with one scale for all
    zero, one = torch.zeros(3, dtype=torch.int64), torch.ones(3, dtype=torch.int64)
    mine = [_sample_with(game, labels) for labels in (zero, one)]
    want(not torch.equal(*mine), "samples of class 0 and of class 1 from one latent are equal")
    if isinstance(game, Gan) and getattr(game.discriminator, "conditional", False):
        x = _reals(subject, game, 3)
        rows = [Scores.of(game.discriminator(x, y)).total() for y in (zero, one)]
        want(not torch.equal(*rows), "the discriminator gives a sample one score, whatever its label")


@NETWORKS.check(
    "bad-labels",
    why="A label out of range ends in an error of torch, or in a wrong picture.",
    hint="Let Gan.sample do it, or call ganzoo.models.guard.checked_labels in your own sample().",
)
@torch.no_grad()
def bad_labels(subject: ArchSubject) -> None:
    """No labels, too few, and one out of range are ValueErrors."""
    game = _conditional(subject)
    classes = subject.spec.classes
    cases: dict[str, Tensor | None] = {
        "no labels": None,
        "2 labels for 3 samples": torch.zeros(2, dtype=torch.int64),
        f"the label {classes} of {classes} classes": torch.tensor([0, 1, classes]),
        "the label -1": torch.tensor([0, 1, -1]),
    }
    for what, labels in cases.items():
        refuses(partial(game.sample, 3, condition=labels), what, ())


@NETWORKS.check(
    "shapes",
    why="A wrong shape has to be told where it is given, with both shapes, not by a matrix product somewhere inside.",
    hint="ganzoo.build guards a Gan's networks; a subclass that overrides built_for() has to refuse wrong shapes itself.",
)
@torch.no_grad()
def wrong_shapes(subject: ArchSubject) -> None:
    """Latents and samples of another shape are ValueErrors that state both."""
    game = subject.gan().eval()
    part = game.latent.parts[0]
    wider = (part.shape[0] + 1, *part.shape[1:])
    z = _latents(game, 2)
    wrong: Any = torch.zeros(2, *wider) if isinstance(z, Tensor) else {**z, part.name: torch.zeros(2, *wider)}
    refuses(
        lambda: game.generator(wrong, *_labels(subject, game.generator, 2)),
        f"latents of shape (2, {', '.join(map(str, wider))})",
        (wider, part.shape),
    )
    shape = subject.spec.shape
    other = (*shape[:-1], shape[-1] * 2)
    refuses(
        lambda: game.discriminator(torch.zeros(2, *other), *_labels(subject, game.discriminator, 2)),
        f"samples of shape (2, {', '.join(map(str, other))})",
        (other, shape),
    )


def refuses(call: Callable[[], Any], what: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    """Wants the call to end in a ValueError whose message states the shapes.

    Raises:
        Failed: it does not.
    """
    try:
        call()
    except ValueError as error:
        for shape in shapes:
            text = ", ".join(map(str, shape))
            want(text in str(error), f"the message about {what} does not state {text}: {error}")
        return
    except Exception as error:
        raise Failed(f"{what} end in {type(error).__name__}, wanted ValueError: {error}") from error
    raise Failed(f"{what} are taken without a word")


def _conditional(subject: ArchSubject) -> Game:
    """The game that takes labels, in evaluation mode."""
    if not subject.record.conditional:
        raise Skipped("the record does not say conditional")
    want(
        subject.spec.classes > 1,
        f"{subject.spec.name} has {subject.spec.classes} classes, wanted 2 or more for this check",
    )
    game = subject.game(config=subject.conditional_config).eval()
    if isinstance(game, Gan) and not game.conditional:
        raise Failed(
            "the record says conditional, and the smallest configuration takes no labels; where an option switches them on, "
            'give the record a preset "conditional" with it'
        )
    if not game.phases():  # what is only fitted knows of no class before
        game = subject.world(config=subject.conditional_config).game.eval()
    return game


def stir(game: Game) -> None:
    """Weights as after some training: none is 0, or equal to its neighbour, by its initialisation alone."""
    chance = torch.Generator().manual_seed(6)
    for parameter in game.parameters():
        parameter.add_(torch.randn(parameter.shape, generator=chance) * 0.05)


def _sample_with(game: Game, labels: Tensor) -> Tensor:
    return game.sample(len(labels), condition=labels, generator=torch.Generator().manual_seed(5))


def _sample(subject: ArchSubject, game: Game, n: int) -> Tensor:
    labels = torch.arange(n) % subject.spec.classes if subject.spec.classes else None
    return game.sample(n, condition=labels, generator=torch.Generator().manual_seed(5))


def in_range(x: Tensor, game: Game, subject: ArchSubject) -> None:
    """Wants pictures to lie in the game's value range.

    Raises:
        Failed: they do not.
    """
    if subject.spec.modality != "image":
        return
    low, high = game.value_range
    seen = float(x.min()), float(x.max())
    slack = 1e-5 * (high - low)
    want(
        seen[0] >= low - slack and seen[1] <= high + slack,
        f"samples lie in [{seen[0]:.3g}, {seen[1]:.3g}], and the value range is [{low:g}, {high:g}]",
    )


def _latents(game: Gan, n: int) -> Latent:
    return game.latent.sample(n, Draws(3))


def _map(spec: LatentSpec, z: Latent, change: Callable[[Tensor], Tensor]) -> Latent:
    """The latents changed; categorical parts stay what they can be."""
    if isinstance(z, dict):
        kept = {part.name for part in spec.parts if part.distribution == "categorical"}
        return {name: change(part) if name not in kept else part for name, part in z.items()}
    return change(z)


def _labels(subject: ArchSubject, network: nn.Module, n: int) -> tuple[Tensor, ...]:
    if not getattr(network, "conditional", False):
        return ()
    return (torch.arange(n) % subject.spec.classes,)


def _reals(subject: ArchSubject, game: Game, n: int) -> Tensor:
    low, high = game.value_range
    x = torch.rand(n, *subject.spec.shape, generator=torch.Generator().manual_seed(4))
    return x * (high - low) + low


def _score(subject: ArchSubject, game: Gan, x: Tensor) -> Scores:
    return Scores.of(game.discriminator(x, *_labels(subject, game.discriminator, len(x))))


def _same(one: Tensor, other: Tensor, what: str) -> None:
    apart = float((one - other).abs().max())
    scale = max(float(other.abs().max()), 1e-6)
    want(apart <= ROUNDING * scale, f"{what} differ by {apart:.2g}, of {scale:.2g}")
