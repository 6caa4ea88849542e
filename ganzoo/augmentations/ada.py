"""ADA: a pipe of 18 changes of pictures whose chance follows how much the discriminator has learned by heart.

Karras, Aittala, Hellsten, Laine, Lehtinen, Aila: Training Generative Adversarial Networks with Limited Data, 2020, 2006.06676:
the pipe is that of section 2 and appendix B, the feedback (`feedback`) that of section 3.2. The defaults are those of the
published code, whose pipe "bgc" the paper settled for.

All changes of place become one warp (`warp`, which says how it treats borders), all changes of colour one matrix. A picture that
no change of place has hit is not resampled, so that a chance of 0 changes nothing, bit for bit. The p of the changes about which
a rotation comes twice is 1 - √(1 - p). Pictures of one channel have no hue and no saturation, others than of three no hue.

Shapes: B batch, C channels, H, W; N bands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import pi, sqrt

import torch
from torch import Tensor

from ganzoo.augmentations.bands import BANDS, balanced, filter_bank, filtered
from ganzoo.augmentations.colour import ColourMap
from ganzoo.augmentations.feedback import Chance, Feedback
from ganzoo.augmentations.order import STREAM, as_given, checked, per_sample, widened
from ganzoo.augmentations.warp import SYM6, Affine, warped
from ganzoo.models import Draws
from ganzoo.models.layers.autocast import without_autocast

GROUPS: dict[str, tuple[str, ...]] = {
    "blit": ("xflip", "rot90", "xint"),
    "geometry": ("scale", "rotate", "aniso", "xfrac"),
    "colour": ("brightness", "contrast", "lumaflip", "hue", "saturation"),
    "filter": ("filter",),
    "noise": ("noise",),
    "cutout": ("cutout",),
}
LETTERS = "bgcfnc"
"""The pipe with all groups, in their order; the last c is the cutout."""
CHANGES = tuple(change for group in GROUPS.values() for change in group)
UNIFORM, NORMAL = 32, 16  # numbers of a sample, of which the changes use 29 and 12


class Ada(Feedback):
    """Pictures x_BCHW with values from -1 to 1, each changed by numbers of its own.

    Args:
        p: the chance of each change: a probability, a Schedule over images, or None: feedback, from 0.
        target, speed, interval: of the feedback (`feedback.Feedback`).
        pipe: what there is: letters, the first so many of "bgcfnc" or one of them; or names of groups with commas (blit, geometry, colour,
            filter, noise, cutout); or factors of p by the change's name.
        xint: largest translation by whole pixels, as a share of the side. scale, aniso: standard deviation of the size and of
            the ratio of the sides, in octaves. rotate: largest angle, as a share of half a turn. xfrac: standard deviation of
            a translation, as a share of the side. brightness: standard deviation. contrast, saturation: in octaves. hue: as
            rotate. bands: standard deviation of the gain of a band of frequencies, in octaves. noise: standard deviation of
            the noise's standard deviation. cutout: side of the rectangle that becomes 0, as a share of the picture's.

    Raises:
        ValueError: a number is out of its range, or the pipe is none.
    """

    sym6: Tensor
    bank: Tensor

    def __init__(
        self,
        p: Chance = None,
        target: float = 0.6,
        speed: int = 500_000,
        interval: int = 4,
        pipe: str | Mapping[str, float] = "bgc",
        xint: float = 0.125,
        scale: float = 0.2,
        rotate: float = 1.0,
        aniso: float = 0.2,
        xfrac: float = 0.125,
        brightness: float = 0.2,
        contrast: float = 0.5,
        hue: float = 1.0,
        saturation: float = 1.0,
        bands: float = 1.0,
        noise: float = 0.1,
        cutout: float = 0.5,
    ) -> None:
        super().__init__(p, target, speed, interval)
        self.chances = chances(pipe)
        self.strengths = {
            "xint": xint,
            "scale": scale,
            "rotate": rotate,
            "aniso": aniso,
            "xfrac": xfrac,
            "brightness": brightness,
            "contrast": contrast,
            "hue": hue,
            "saturation": saturation,
            "bands": bands,
            "noise": noise,
            "cutout": cutout,
        }
        for name, strength in self.strengths.items():
            if strength < 0:
                raise ValueError(f"{name} is {strength}, wanted 0 or more")
        self.register_buffer("sym6", torch.tensor(SYM6, dtype=torch.float64) / sqrt(2))
        self.register_buffer("bank", filter_bank())

    def forward(self, x_BCHW: Tensor, draws: Draws) -> Tensor:
        """The changed pictures, of the same dtype and order in memory.

        Raises:
            ValueError: see `order.checked`.
        """
        checked(x_BCHW, "ADA")
        with without_autocast(x_BCHW):
            x = widened(x_BCHW)
            numbers = _Numbers(len(x), draws, self.chance(draws), self.chances, x)
            y = self._placed(x, numbers)
            y = self._coloured(y, numbers)
            y = self._filtered(y, numbers)
            y = self._noisy(y, numbers, draws)
            y = self._cut(y, numbers)
        return as_given(y, x_BCHW)

    def _placed(self, x: Tensor, numbers: _Numbers) -> Tensor:
        """Changes of place: those of whole pixels, then the others, one warp."""
        H, W = x.shape[2:]
        affine, to = Affine(len(x), x), self.strengths
        ones = x.new_ones(len(x))
        hit, (side_B,) = numbers.uniform("xflip", 1)
        affine.scale(torch.where(hit & (side_B >= 0.5), -ones, ones), ones)
        hit, (quarter_B,) = numbers.uniform("rot90", 1)
        affine.rotate(torch.where(hit, (quarter_B * 4).floor() * (pi / 2), 0 * ones))
        hit, (x_B, y_B) = numbers.uniform("xint", 2)
        by = [((2 * part - 1) * to["xint"] * size).round() for part, size in ((x_B, W), (y_B, H))]
        affine.move(*(torch.where(hit, part, 0 * part) for part in by))
        hit, (size_B,) = numbers.normal("scale", 1)
        size_B = torch.where(hit, torch.exp2(size_B * to["scale"]), ones)
        affine.scale(size_B, size_B)
        self._turned(affine, numbers)
        hit, (ratio_B,) = numbers.normal("aniso", 1)
        ratio_B = torch.where(hit, torch.exp2(ratio_B * to["aniso"]), ones)
        affine.scale(ratio_B, 1 / ratio_B)
        self._turned(affine, numbers)
        hit, (x_B, y_B) = numbers.normal("xfrac", 2)
        by = [part * to["xfrac"] * size for part, size in ((x_B, W), (y_B, H))]
        affine.move(*(torch.where(hit, part, 0 * part) for part in by))
        if not any(self.chances[change] for change in GROUPS["blit"] + GROUPS["geometry"]):
            return x
        return warped(x, affine, self.sym6.to(x.device, x.dtype))

    def _turned(self, affine: Affine, numbers: _Numbers) -> None:
        """One of the two rotations; together they have the chance of one."""
        hit, (angle_B,) = numbers.uniform("rotate", 1, twice=True)
        affine.rotate(torch.where(hit, (2 * angle_B - 1) * (pi * self.strengths["rotate"]), 0 * angle_B))

    def _coloured(self, x: Tensor, numbers: _Numbers) -> Tensor:
        """Changes of colour."""
        C, to = x.shape[1], self.strengths
        colours = ColourMap(len(x), C, x)
        hit, (by_B,) = numbers.normal("brightness", 1)
        colours.brighten(hit, by_B * to["brightness"])
        hit, (factor_B,) = numbers.normal("contrast", 1)
        colours.contrast(hit, torch.exp2(factor_B * to["contrast"]))
        hit, (side_B,) = numbers.uniform("lumaflip", 1)
        colours.flip_luma(hit & (side_B >= 0.5))
        hit, (angle_B,) = numbers.uniform("hue", 1)
        if C == 3:
            colours.turn_hue(hit, (2 * angle_B - 1) * (pi * to["hue"]))
        hit, (factor_B,) = numbers.normal("saturation", 1)
        if C > 1:
            colours.saturate(hit, torch.exp2(factor_B * to["saturation"]))
        return colours(x) if any(self.chances[change] for change in GROUPS["colour"]) else x

    def _filtered(self, x: Tensor, numbers: _Numbers) -> Tensor:
        """Bands of frequencies made stronger or weaker."""
        hits, gains = zip(*(numbers.normal("filter", 1) for _ in range(BANDS)), strict=True)
        if not self.chances["filter"]:
            return x
        mask_BN = torch.stack(hits, 1)
        gains_BN = torch.exp2(torch.stack([gain for (gain,) in gains], 1) * self.strengths["bands"])
        y = filtered(x, balanced(gains_BN, mask_BN), self.bank.to(x.device, x.dtype))
        return torch.where(per_sample(mask_BN.any(1)), y, x)

    def _noisy(self, x: Tensor, numbers: _Numbers, draws: Draws) -> Tensor:
        """Normal noise, whose standard deviation is half-normal."""
        hit, (std_B,) = numbers.normal("noise", 1)
        if not self.chances["noise"]:
            return x
        std_B = torch.where(hit, std_B.abs() * self.strengths["noise"], 0 * std_B)
        return x + per_sample(std_B) * draws.normal(*x.shape, stream=STREAM).to(x.dtype)

    def _cut(self, x: Tensor, numbers: _Numbers) -> Tensor:
        """A rectangle becomes 0; its middle lies anywhere in the picture."""
        hit, (x_B, y_B) = numbers.uniform("cutout", 2)
        if not self.chances["cutout"]:
            return x
        half = self.strengths["cutout"] / 2
        near_BW, near_BH = (
            ((torch.arange(size, device=x.device).to(x.dtype) + 0.5) / size - middle_B[:, None]).abs() < half
            for size, middle_B in ((x.shape[3], x_B), (x.shape[2], y_B))
        )
        hidden_BHW = near_BH[:, :, None] & near_BW[:, None] & hit[:, None, None]
        return x * (~hidden_BHW)[:, None].to(x.dtype)

    def extra_repr(self) -> str:
        """The pipe, for print."""
        return ", ".join(f"{change} {chance:g}" for change, chance in self.chances.items() if chance)


class _Numbers:
    """The random numbers of a batch, handed out in the order of the changes: one draw of each kind, whatever the pipe is."""

    def __init__(self, batch: int, draws: Draws, p: float | Tensor, chances: Mapping[str, float], like: Tensor) -> None:
        self._p, self._chances = p, chances
        self._uniform = _columns(draws.uniform(batch, UNIFORM, stream=STREAM).to(like.dtype))
        self._normal = _columns(draws.normal(batch, NORMAL, stream=STREAM).to(like.dtype))

    def uniform(self, change: str, count: int, twice: bool = False) -> tuple[Tensor, list[Tensor]]:
        """Where the change happens, (B,), and so many numbers in [0, 1), (B,) each. `twice`: it has two chances."""
        return self._hit(change, twice), [next(self._uniform) for _ in range(count)]

    def normal(self, change: str, count: int) -> tuple[Tensor, list[Tensor]]:
        """The same with standard normal numbers."""
        return self._hit(change, False), [next(self._normal) for _ in range(count)]

    def _hit(self, change: str, twice: bool) -> Tensor:
        chance = self._chances[change] * self._p
        if twice:
            none = 1 - chance
            chance = 1 - (none.clamp(0.0, 1.0).sqrt() if isinstance(none, Tensor) else sqrt(max(none, 0.0)))
        return next(self._uniform) < chance


def _columns(numbers_BN: Tensor) -> Iterator[Tensor]:
    return iter(numbers_BN.unbind(1))


def chances(pipe: str | Mapping[str, float]) -> dict[str, float]:
    """The factor of p of each change.

    Args:
        pipe: see `Ada`.

    Raises:
        ValueError: it names something else, or a factor is below 0.
    """
    if isinstance(pipe, Mapping):
        unknown = [name for name in pipe if name not in CHANGES]
        if unknown or any(factor < 0 for factor in pipe.values()):
            raise ValueError(f"pipe is {dict(pipe)}, wanted factors of 0 or more for some of {', '.join(CHANGES)}")
        return {change: float(pipe.get(change, 0.0)) for change in CHANGES}
    names = list(GROUPS)
    if pipe and LETTERS.startswith(pipe):
        chosen = names[: len(pipe)]
    elif pipe in LETTERS and len(pipe) == 1:
        chosen = [names[LETTERS.index(pipe)]]
    else:
        chosen = [name.strip() for name in pipe.split(",")]
    if any(name not in GROUPS for name in chosen):
        raise ValueError(
            f"pipe is {pipe!r}, wanted the beginning of {LETTERS}, one of its letters, or some of {', '.join(names)} with commas "
            "between"
        )
    return {change: float(group in chosen) for group, changes in GROUPS.items() for change in changes}
