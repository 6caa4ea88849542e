"""A trained run, loaded for use."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganzoo.build import build, config_class, find_arch, spec_from_dict
from ganzoo.config import validate
from ganzoo.engine import checkpoint
from ganzoo.engine.folder import RunFolder
from ganzoo.engine.sampling import draw_samples, reconstruct_samples, translate_pictures
from ganzoo.errors import GanzooError, UsageError
from ganzoo.models import Game


class Run:
    """A trained run, loaded for use. Make one with `load`.

    folder: where it lies. arch: its id. game: the networks, with the averaged weights applied. images: samples seen.
    interrupted: whether the training that returned it was ended by a signal.
    """

    def __init__(
        self, folder: Path, document: dict[str, Any], game: Game, state: dict[str, Any], averaged: bool
    ) -> None:
        self.folder = folder
        self.config = document
        self.arch: str = document["arch"]["id"]
        self.game = game
        self.spec = spec_from_dict(document["data"]["spec"])
        self.images: int = state["images"]
        self.averaged = averaged
        self.interrupted = False

    def sample(
        self,
        n: int = 1,
        *,
        seed: int = 0,
        labels: Sequence[int] | Tensor | None = None,
        interpolate: int | None = None,
        **options: Any,
    ) -> Tensor:
        """n samples, (n, ...) float32 on the CPU; images in [-1, 1].

        Args:
            seed: the same seed gives the same samples.
            labels: class indices, repeated to n; None: drawn with equal chance where there are classes.
            interpolate: steps from one latent to the next, for a path of n samples.
            options: further ones of the architecture's own `sample`, such as truncation=0.5 or path="linear".

        Raises:
            UsageError: labels without classes, a label out of range, n below 1, or an option that is unknown or no good.
        """
        if n < 1:
            raise UsageError(f"{n} samples were asked for, wanted 1 or more")
        if interpolate:
            options["interpolate"] = interpolate
        try:
            samples = draw_samples(self.game, n, seed, self._labels(n, labels), self.spec.classes, **options)
        except (TypeError, ValueError) as error:
            raise UsageError(f"{self.arch}: {error}") from error
        return self._shown(samples)

    @property
    def directions(self) -> tuple[str, ...]:
        """Ways in which it translates pictures; empty: it does not."""
        return self.game.directions

    def taken(self, direction: str = "") -> tuple[int, int, int]:
        """(C, H, W) of the pictures that it translates in this direction; empty: the first of `directions`.

        Raises:
            UsageError: it does not translate, or not in this direction.
        """
        known = self.directions
        if not known:
            raise UsageError(
                f"{self.folder} is a run of {self.arch}, which does not translate pictures: it makes them of noise"
            )
        if direction and direction not in known:
            raise UsageError(f"{self.arch} translates {' and '.join(known)}, and {direction} was asked for")
        second = self.spec.second
        shape = second if second is not None and (direction or known[0]) == known[0] else self.spec.shape
        return shape[0], shape[1], shape[2]

    def translate(self, pictures: Tensor, direction: str = "", *, seed: int = 0) -> Tensor:
        """Pictures of the other domain, (n, C, H, W) float32 on the CPU, in [-1, 1].

        Args:
            pictures: (n, C, H, W), uint8 from 0 to 255 or float in [-1, 1], of the shape `taken(direction)`.
            direction: one of `directions`, "a-to-b" or "b-to-a"; empty: the first.
            seed: of the game's noise, if it has any: the same seed gives the same pictures.

        Raises:
            UsageError: the run does not translate, or not in this direction, or pictures of another shape or range.
        """
        given = self._given(pictures, self.taken(direction), "translate")
        return self._shown(translate_pictures(self.game, given, direction, seed))

    def reconstruct(self, x: Tensor, *, seed: int = 0) -> Tensor:
        """Samples through the game's code and back, of x's shape, float32 on the CPU; pictures in [-1, 1].

        Args:
            x: pictures as for `translate`, of the data's shape; or points.
            seed: of the game's noise, if it has any: the same seed gives the same samples.

        Raises:
            UsageError: the architecture has no such code, or samples of another shape or range.
        """
        if not self.game.reconstructs:
            raise UsageError(f"{self.folder} is a run of {self.arch}, which has no code to reconstruct samples from")
        return self._shown(reconstruct_samples(self.game, self._given(x, self.spec.shape, "reconstruct"), seed))

    def _given(self, x: Tensor, wanted: tuple[int, ...], what: str) -> Tensor:
        """Samples as the game takes them: pictures in its value range."""
        if tuple(x.shape[1:]) != wanted or not len(x):
            raise UsageError(
                f"samples of shape {tuple(x.shape)} were given to {what}, wanted (n, {', '.join(map(str, wanted))})"
            )
        if len(wanted) < 3:
            return x.float()
        unit = x.float() * (2 / 255) - 1 if x.dtype == torch.uint8 else x.float()
        if not bool((unit.abs() <= 1).all()):
            raise UsageError(f"pictures to {what} are wanted as uint8, or as floats in [-1, 1]")
        low, high = self.game.value_range
        return (unit + 1) * ((high - low) / 2) + low

    def _shown(self, samples: Tensor) -> Tensor:
        """The game's samples as a user sees them: pictures in [-1, 1]."""
        low, high = self.game.value_range
        return (samples - low) * (2 / (high - low)) - 1 if samples.dim() == 4 else samples

    def labels(self, n: int, seed: int = 0, labels: Sequence[int] | Tensor | None = None) -> Tensor | None:
        """The class indices that `sample` uses for the same arguments, (n,) int64, or None."""
        given = self._labels(n, labels)
        if given is None and self.spec.classes:
            return torch.randint(self.spec.classes, (n,), generator=torch.Generator().manual_seed(seed))
        return given

    def _labels(self, n: int, labels: Sequence[int] | Tensor | None) -> Tensor | None:
        if labels is None:
            return None
        given = torch.as_tensor(labels, dtype=torch.int64).flatten()
        classes = self.spec.classes
        if not classes:
            raise UsageError(f"labels were given, and {self.spec.name} has no classes")
        if not len(given) or int(given.min()) < 0 or int(given.max()) >= classes:
            raise UsageError(f"labels {given.tolist()[:10]}: wanted class indices from 0 to {classes - 1}")
        return given.repeat(-(-n // len(given)))[:n]


def load(run: str | Path, *, weights: str = "ema", checkpoint_of: str = "newest", interrupted: bool = False) -> Run:
    """A run from its folder, on the CPU.

    Args:
        weights: "ema": the averaged weights where the run keeps them; "raw": the trained ones.
        checkpoint_of: "newest": the newest intact one; "best": the one with the best figure, of a run that was evaluated while
            it trained.

    Raises:
        UsageError: the folder is no run. GanzooError: its plugin is missing or its checkpoints are damaged.
    """
    if weights not in ("ema", "raw"):
        raise UsageError(f"weights {weights!r}: wanted ema or raw")
    if checkpoint_of not in ("newest", "best"):
        raise UsageError(f"checkpoint {checkpoint_of!r}: wanted newest or best")
    folder = RunFolder.open(Path(run))
    document = folder.read_config()
    entry = find_arch(str(document["arch"].get("id")))
    config = validate(
        config_class(entry), document["arch"].get("config") or {}, f"{folder.config}: configuration of {entry.id}"
    )
    if checkpoint_of == "best" and not checkpoint.saved(folder.best):
        raise UsageError(f"{run} keeps no best checkpoint: it was not trained with --evaluate-every")
    state, path = checkpoint.load_newest(folder.best if checkpoint_of == "best" else folder.checkpoints, _warn)
    if state["arch"] != entry.id:
        raise GanzooError(f"{path} is a checkpoint of {state['arch']}, and the run's architecture is {entry.id}")
    game = build(entry, config, spec_from_dict((document.get("data") or {}).get("spec") or {}))
    game.on_progress(state["images"])
    averaged = weights == "ema" and bool(state["ema"])
    values = state["game"] | state["ema"] if averaged else state["game"]
    try:
        game.load_state_dict(values)
    except RuntimeError as error:
        raise GanzooError(
            f"{path} does not fit the run's configuration: {' '.join(str(error).split())[:200]}"
        ) from error
    loaded = Run(folder.path, document, game.eval(), state, averaged)
    loaded.interrupted = interrupted
    return loaded


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=3)
