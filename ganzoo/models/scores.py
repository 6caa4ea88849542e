"""What a discriminator answers."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class Scores:
    """The scores of a batch, and what else the discriminator computed on the way.

    logits: raw scores, (B,) or (B, 1), a map (B, 1, H, W), or a list of these for several critics; higher is more real.
    features: of inner layers. classes: class logits (B, K). embedding: (B, E). reconstruction: of the input.
    """

    logits: Tensor | list[Tensor]
    features: list[Tensor] = field(default_factory=list)
    classes: Tensor | None = None
    embedding: Tensor | None = None
    reconstruction: Tensor | None = None

    @classmethod
    def of(cls, answer: Tensor | Scores) -> Scores:
        """A bare tensor of logits counts as scores too."""
        return answer if isinstance(answer, Scores) else cls(answer)

    @property
    def heads(self) -> list[Tensor]:
        """The logits as a list, one item a critic."""
        return self.logits if isinstance(self.logits, list) else [self.logits]

    def total(self) -> Tensor:
        """One number a sample, the sum over maps and critics, (B,): what input gradients are taken of."""
        parts = [
            logits.flatten(1).sum(1) if logits.numel() > logits.shape[0] else logits.reshape(-1)
            for logits in self.heads
        ]
        return parts[0] if len(parts) == 1 else sum(parts[1:], parts[0])

    def split(self, first: int) -> tuple[Scores, Scores]:
        """The scores of the first samples, and those of the others."""

        def cut(x: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
            return (None, None) if x is None else (x[:first], x[first:])

        parts = []
        for i in range(2):
            heads = [logits[:first] if i == 0 else logits[first:] for logits in self.heads]
            parts.append(
                Scores(
                    heads if isinstance(self.logits, list) else heads[0],
                    [feature[:first] if i == 0 else feature[first:] for feature in self.features],
                    cut(self.classes)[i],
                    cut(self.embedding)[i],
                    cut(self.reconstruction)[i],
                )
            )
        return parts[0], parts[1]

    def level(self) -> Tensor:
        """The mean logit, one number without a graph, for the log."""
        means = [logits.detach().mean() for logits in self.heads]
        return means[0] if len(means) == 1 else torch.stack(means).mean()
