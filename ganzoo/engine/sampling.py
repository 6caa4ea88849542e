"""Samples from a game: in evaluation mode, in chunks, from a seed, leaving every other source of chance as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from ganzoo.models import Game

CHUNK = 256  # samples a call: bounds the memory, and is fixed so that a seed gives the same samples everywhere


def draw_samples(
    game: Game, n: int, seed: int, labels: Tensor | None = None, classes: int = 0, **options: Any
) -> Tensor:
    """n samples of the game, (n, ...) float32 on the CPU, in the game's value range.

    labels: class indices (n,); None: drawn with equal chance where there are classes. options: the game's own.
    """
    device = next((p.device for p in game.parameters()), torch.device("cpu"))
    generator = torch.Generator(device=device).manual_seed(seed)
    if labels is None and classes:
        labels = torch.randint(classes, (n,), generator=torch.Generator().manual_seed(seed))
    whole = "interpolate" in options  # a path through the latents cannot be cut into chunks
    chunk = n if whole else CHUNK
    parts = []
    with evaluating(game), torch.no_grad():
        for start in range(0, n, chunk):
            size = min(chunk, n - start)
            condition = labels[start : start + size].to(device) if labels is not None else None
            samples = game.sample(size, condition=condition, generator=generator, **options)
            parts.append(samples.float().cpu())
    return torch.cat(parts)


def translate_pictures(game: Game, pictures: Tensor, direction: str, seed: int) -> Tensor:
    """Pictures of the other domain, (n, ...) float32 on the CPU; both in the game's value range. seed: of the game's noise."""
    return _mapped(game, pictures, seed, lambda part, chance: game.translate(part, direction, generator=chance))


def reconstruct_samples(game: Game, x: Tensor, seed: int) -> Tensor:
    """Samples through the game's code and back, (n, ...) float32 on the CPU; both in the game's value range."""
    return _mapped(game, x, seed, lambda part, chance: game.reconstruct(part, generator=chance))


def _mapped(game: Game, x: Tensor, seed: int, by: Callable[[Tensor, torch.Generator], Tensor]) -> Tensor:
    device = next((p.device for p in game.parameters()), torch.device("cpu"))
    generator = torch.Generator(device=device).manual_seed(seed)
    with evaluating(game), torch.no_grad():
        return torch.cat([by(part.to(device), generator).float().cpu() for part in torch.split(x, CHUNK)])


@contextmanager
def evaluating(game: Game) -> Iterator[None]:
    """Inside it the game is in evaluation mode, and torch's global generators end as they began."""
    modes = {module: module.training for module in game.modules()}
    cuda = [p.device for p in game.parameters() if p.device.type == "cuda"][:1]
    with torch.random.fork_rng(devices=cuda):
        game.eval()
        try:
            yield
        finally:
            for module, training in modes.items():
                module.training = training
