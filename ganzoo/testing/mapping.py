"""What a game has to do with samples that it is given: translate them, or bring them through its code and back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ganzoo.models import Batch, Game
from ganzoo.testing.check import Checks, Skipped, want
from ganzoo.testing.networks import in_range, refuses, stir
from ganzoo.testing.subject import ArchSubject

MAPPING = Checks("mapping")
COUNT = 3
Map = Callable[..., Tensor]


@MAPPING.check(
    "translated",
    why="`ganzoo translate` and every figure of a translator are made of what it gives back.",
    hint="game.translate(pictures, direction) for each of `directions`; the first ends at the data's x.",
)
@torch.no_grad()
def translated(subject: ArchSubject) -> None:
    """In each direction pictures of one domain give as many of the other: of its shape, finite, in the value range, the same
    for the same seed. Another direction, and pictures of another shape, are ValueErrors."""
    game, batch = _given(subject)
    if not game.directions:
        raise Skipped("it does not translate")
    second = batch.second
    assert second is not None  # made up, or opened, for the record's layout
    for number, direction in enumerate(game.directions):
        x, like = (second, batch.x) if number == 0 else (batch.x, second)
        _holds(subject, game, partial(game.translate, direction=direction), x, like, f"translated {direction}")
    refuses(partial(game.translate, second, "nowhere-to-go"), "a direction that it does not have", ())


@MAPPING.check(
    "reconstructed",
    why="`ganzoo evaluate --of reconstructions` holds them against the samples that they were made of.",
    hint="game.reconstruct(x) returns samples of x's shape in the value range; reconstructs = True says that there is one.",
)
@torch.no_grad()
def reconstructed(subject: ArchSubject) -> None:
    """A game that says `reconstructs` gives each sample back: of its shape, finite, in the value range, the same for the same
    seed, and another one for another sample. Samples of another shape are a ValueError."""
    game, batch = _given(subject)
    if not game.reconstructs:
        raise Skipped("it does not say that it reconstructs")
    stir(game)  # some papers' first weights let hardly anything through
    found = _holds(subject, game, game.reconstruct, batch.x, batch.x, "reconstructed")
    want(not torch.equal(found[0], found[1]), "two samples that differ are reconstructed as the same one")


def _given(subject: ArchSubject) -> tuple[Game, Batch]:
    """The game ready to be used, and samples of the data in its value range."""
    world = subject.world()
    return world.game.eval(), world.feed.next(COUNT)


def _holds(subject: ArchSubject, game: Game, by: Map, x: Tensor, like: Tensor, what: str) -> Tensor:
    def mapped(x: Tensor) -> Tensor:
        return by(x, generator=torch.Generator().manual_seed(5))

    found = mapped(x)
    want(found.shape == like.shape, f"samples {what} have the shape {tuple(found.shape)}, wanted {tuple(like.shape)}")
    want(bool(torch.isfinite(found).all()), f"samples {what} are not finite")
    in_range(found, game, subject)
    want(torch.equal(found, mapped(x)), f"samples {what} again with the same seed differ")
    refuses(partial(mapped, torch.cat([x, x], -1)), f"samples twice as wide, {what},", (x.shape[1:],))
    return found
