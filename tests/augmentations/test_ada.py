"""The pipe at full chance held to the kit's checks, its laws, its options; the feedback and the schedule."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import ganzoo
from ganzoo.augmentations.ada import CHANGES, Ada, chances
from ganzoo.components import make
from ganzoo.config import AugmentChoice
from ganzoo.errors import UsageError
from ganzoo.models import Draws, StepContext
from ganzoo.plugin import Augmentation
from ganzoo.registry import registry
from ganzoo.testing.augmentations import AUGMENTATION, AugmentationSubject
from ganzoo.testing.check import outcome


class Full(AugmentationSubject):
    """The whole pipe, of every picture."""

    def made(self, **options: Any) -> Any:
        return super().made(**{"p": 1.0, "pipe": "bgcfnc", **options})


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).tanh()


@pytest.mark.parametrize("check", list(AUGMENTATION), ids=lambda check: check.name)
def test_the_whole_pipe_holds(check: Any) -> None:
    """`ganzoo check` takes the default, whose chance begins at 0; here everything happens to every picture."""
    subject = Full(registry().find(Augmentation, "ada"))
    found = outcome(check, "ada", subject)
    assert found.status == "ok", found.reason


class Told(Draws):
    """Draws that are told what to give: gates from `gates`, and else `value`."""

    def __init__(self, uniform: float, normal: float) -> None:
        super().__init__()
        self.values = (uniform, normal)

    def uniform(self, *shape: int, **options: Any) -> Tensor:
        return torch.full(shape, self.values[0])

    def normal(self, *shape: int, **options: Any) -> Tensor:
        return torch.full(shape, self.values[1])


def only(change: str, uniform: float, normal: float, x: Tensor, **options: Any) -> Tensor:
    """x, to which one change has happened, with these numbers."""
    y: Tensor = Ada(p=1.0, pipe={change: 1.0}, **options)(x, Told(uniform, normal))
    return y


def smooth(channels: int = 3) -> Tensor:
    y, x = torch.meshgrid(torch.arange(24.0), torch.arange(24.0), indexing="ij")
    return torch.stack([torch.sin(x / (4 + c) + y / 6) for c in range(channels)])[None].double()


INNER = (slice(None), slice(None), slice(6, 18), slice(6, 18))
# The filter is not quite symmetric, so that a mirrored picture lies a tenth of a pixel aside.
EXPECTED: dict[str, tuple[float, float, Callable[[Tensor], Tensor], float]] = {
    "xflip": (0.6, 0.0, lambda x: x.flip(3), 0.05),
    "rot90": (0.6, 0.0, lambda x: x.rot90(2, (2, 3)), 0.05),
    "xint": (0.75, 0.0, lambda x: x.roll((2, 2), (2, 3)), 1e-3),  # .0625 of 24 is 1.5, which is rounded to 2
    "brightness": (0.5, 1.5, lambda x: x + 0.3, 1e-6),
    "contrast": (0.5, 1.0, lambda x: x * math.sqrt(2), 1e-6),
    "lumaflip": (0.5, 0.0, lambda x: x - 2 * x.mean(1, keepdim=True), 1e-6),
    "hue": (0.5 + 1 / 3, 0.0, lambda x: x.roll(1, 1), 1e-6),  # a third of a turn exchanges the channels in a ring
    "saturation": (0.5, 1.0, lambda x: 2 * x - x.mean(1, keepdim=True), 1e-6),
}


@pytest.mark.parametrize("change", EXPECTED)
def test_one_change_at_a_time(change: str) -> None:
    uniform, normal, expected, near = EXPECTED[change]
    x = smooth()
    torch.testing.assert_close(only(change, uniform, normal, x)[INNER], expected(x)[INNER], atol=near, rtol=0)


def test_scale_aniso_and_rotation_about_the_middle() -> None:
    """A hill in the middle stays there, and gets larger, longer or not changed at all."""
    y, x = torch.meshgrid(torch.arange(25.0) - 12, torch.arange(25.0) - 12, indexing="ij")

    def hill(across: float, down: float) -> Tensor:
        return torch.exp(-((x / across) ** 2 + (y / down) ** 2) / 18)[None, None].double()

    larger = only("scale", 0.5, 1.0, hill(1, 1), scale=0.4)
    torch.testing.assert_close(larger, hill(2**0.4, 2**0.4), atol=0.02, rtol=0)
    longer = only("aniso", 0.5, 1.0, hill(0.8, 0.8), aniso=0.4)
    torch.testing.assert_close(longer, hill(0.8 * 2**0.4, 0.8 * 2**-0.4), atol=0.02, rtol=0)
    turned = only("rotate", 0.75, 0.0, hill(1.2, 0.8), rotate=0.5)  # twice a quarter of a half turn: exchanged
    torch.testing.assert_close(turned, hill(0.8, 1.2), atol=0.02, rtol=0)
    moved = only("xfrac", 0.5, 1.0, hill(1, 1), xfrac=0.1)
    there = torch.exp(-((x - 2.5) ** 2 + (y - 2.5) ** 2) / 18)[None, None].double()
    torch.testing.assert_close(moved, there, atol=0.02, rtol=0)


def test_noise_and_cutout() -> None:
    x = smooth()
    torch.testing.assert_close(only("noise", 0.5, 2.0, x, noise=0.1), x + 0.2 * 2.0, atol=1e-6, rtol=0)
    cut = only("cutout", 0.5, 0.0, x)
    assert bool((cut[:, :, 6:18, 6:18] == 0).all())
    assert int((cut == 0).sum()) - int((x == 0).sum()) <= 3 * 144
    assert torch.equal(cut[:, :, :6], x[:, :, :6])


def test_each_change_has_the_chance_p() -> None:
    """And the two rotations together have it."""
    x = noise(1, 3, 4, 4).expand(2000, -1, -1, -1)
    for change in ("scale", "rotate", "hue"):
        y = Ada(p=0.3, pipe={change: 1.0})(x, Draws(5))
        share = float((y != x).flatten(1).any(1).double().mean())
        assert abs(share - 0.3) < 0.04, change


def test_a_factor_of_the_chance() -> None:
    x = noise(1, 3, 4, 4).expand(2000, -1, -1, -1)
    y = Ada(p=0.8, pipe={"contrast": 0.5})(x, Draws(5))
    assert abs(float((y != x).flatten(1).any(1).double().mean()) - 0.4) < 0.04


def test_grey_pictures_have_what_applies() -> None:
    x = noise(64, 1, 8, 8)
    assert torch.equal(Ada(p=1.0, pipe={"hue": 1.0, "saturation": 1.0})(x, Draws(1)), x)
    y = Ada(p=1.0, pipe={"lumaflip": 1.0})(x, Draws(1))
    flipped = (y == -x).flatten(1).all(1)
    assert bool((flipped | (y == x).flatten(1).all(1)).all())
    assert 16 < int(flipped.sum()) < 48


def test_at_chance_0_nothing_changes_bit_for_bit() -> None:
    x = noise(4, 3, 16, 16).float()
    assert torch.equal(Ada(pipe="bgcfnc")(x, Draws(1)), x)


def test_pipes() -> None:
    def chosen(pipe: Any) -> set[str]:
        return {change for change, chance in chances(pipe).items() if chance}

    assert chosen("bgcfnc") == set(CHANGES)
    assert chosen("b") == {"xflip", "rot90", "xint"}
    assert chosen("bgc") == set(CHANGES) - {"filter", "noise", "cutout"}
    assert chosen("c") == {"brightness", "contrast", "lumaflip", "hue", "saturation"}
    assert chosen("n") == {"noise"}
    assert chosen("blit, cutout") == {"xflip", "rot90", "xint", "cutout"}
    assert chances({"xint": 0.5})["xint"] == 0.5


@pytest.mark.parametrize(
    "options",
    [{"p": 1.5}, {"p": -0.1}, {"target": 2}, {"speed": 0}, {"pipe": "bgx"}, {"pipe": {"turn": 1.0}}, {"hue": -1.0}],
)
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        make(Augmentation, AugmentChoice(name="ada", options=options))


def test_other_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="pictures"):
        Ada()(torch.zeros(4, 2), Draws())


def told(signs: float, batch: int = 64) -> StepContext:
    context = StepContext()
    context.batch = batch
    context.notes["real signs"] = torch.tensor(signs)
    return context


def test_feedback_is_the_papers() -> None:
    """Every 4 updates p moves by batch·4/500,000, up where the mean of r_t is above .6, and never below 0."""
    ada, expected = Ada(), 0.0
    step = 64 * 4 / 500_000
    for signs in ([0.9, 0.5, 0.7, 0.4], [1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0], [0.2, 0.0, 0.0, 0.0], [0.0] * 4):
        before = float(ada.p)
        for i, sign in enumerate(signs):
            assert float(ada.p) == before, i
            ada.adjust(told(sign))
        expected = max(0.0, expected + step * (1 if sum(signs) / 4 > 0.6 else -1))
        assert float(ada.p) == pytest.approx(expected, abs=1e-9)
    assert expected == 0.0


def test_p_is_not_held_below_1() -> None:
    ada = Ada(speed=64, interval=1)
    for _ in range(3):
        ada.adjust(told(1.0))
    assert float(ada.p) == pytest.approx(3.0)
    assert bool(torch.isfinite(ada(noise(4, 3, 8, 8), Draws())).all())


def test_a_number_stays() -> None:
    ada = Ada(p=0.3)
    ada.adjust(told(1.0))
    assert float(ada.p) == pytest.approx(0.3)


def test_a_schedule_follows_the_images() -> None:
    ada = Ada(p={"points": [[0, 0.0], [640, 1.0]]}, pipe={"brightness": 1.0})
    context = StepContext()
    context.images = 320
    x = noise(1, 1, 4, 4).expand(1000, -1, -1, -1)
    share = float((ada(x, context) != x).flatten(1).any(1).double().mean())
    assert abs(share - 0.5) < 0.06
    assert float(ada.p) == 0.0, "outside training it is what the last update left"
    ada.adjust(context)
    assert float(ada.p) == pytest.approx(0.5)


def test_a_run_logs_its_p(tmp_path: Path) -> None:
    """Below every mean sign p rises at each change: by 8·4/1,000 after 4 updates."""
    options = ("augment.target=-1", "augment.speed=1000")
    settings = {"threads": 1, "log_images": 8, "pictures": 0, "health_seconds": 0}
    run = ganzoo.train(
        "dcgan", preset="tiny", augment="ada", set=options, data_options={"size": 16}, images=80, out=tmp_path / "run",
        settings=settings,
    )  # fmt: skip
    rows = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    assert [row["discriminator.augmentation p"] for row in rows] == pytest.approx([0.0] * 4 + [0.032] * 4 + [0.064] * 2)
