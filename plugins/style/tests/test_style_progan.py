"""ProGAN: counts, the schedule of growth, the networks beside plain definitions, and a run that is resumed within a fade."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from ganzoo_style.growth import Growth, Stage, value_from
from ganzoo_style.progan import Progan
from ganzoo_style.progan_networks import Conv, DoublingConv, HalvingConv
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, interpolate, leaky_relu

from ganzoo.api import train
from ganzoo.build import build, configure, find_arch, parameter_counts
from ganzoo.config import Schedule
from ganzoo.engine import checkpoint
from ganzoo.engine.ema import Ema
from ganzoo.engine.folder import RunFolder
from ganzoo.errors import GanzooError, UsageError
from ganzoo.models import Batch, DataSpec, StepContext

TINY = ("batch=8", "train_images=16", "fade_images=32", "width=8", "budget=128", "latent=8", "batches=[[32, 4]]")


def game(*assignments: str, shape: tuple[int, ...] = (1, 32, 32), device: str = "cpu", plain: bool = False) -> Progan:
    entry = find_arch("progan")
    made = build(
        entry, configure(entry, assignments if plain else (*TINY, *assignments)), DataSpec(shape), device=device
    )
    assert isinstance(made, Progan)
    return made.train()


def at(images: int, *assignments: str, shape: tuple[int, ...] = (1, 32, 32)) -> Progan:
    made = game(*assignments, shape=shape)
    made.on_progress(images)
    return made


def test_counts_at_1024_pixels_are_the_published_ones() -> None:
    full = (3, 1024, 1024)
    counts = parameter_counts(game("deviation_group=0", shape=full, device="meta", plain=True))
    assert counts == {"generator": 23_086_795, "discriminator": 23_082_641}
    counts = parameter_counts(
        game(shape=full, device="meta", plain=True)
    )  # the deviation's channel: 512 kernels of 3x3
    assert counts == {"generator": 23_086_795, "discriminator": 23_082_641 + 512 * 9}


def test_defaults_are_the_codes() -> None:
    config: Any = configure(find_arch("progan"))
    assert (config.loss.name, [(p.name, p.weight) for p in config.penalty]) == (
        "wasserstein",
        [("gradient-penalty", 10), ("drift", 1e-3)],
    )
    for adam in (config.generator, config.discriminator):
        assert (adam.lr, adam.beta1, adam.beta2, adam.eps) == (1e-3, 0.0, 0.99, 1e-8)
    assert (config.train_images, config.fade_images, config.ema, config.d_steps) == (600_000, 600_000, 0.999, 1)
    made = game(shape=(3, 1024, 1024), device="meta", plain=True)
    assert made.batches == (128, 128, 128, 64, 32, 16, 8, 4, 4)
    assert made.factors == (1, 1, 1, 1, 1, 1, 1, 1, 1.5)
    assert [layer.weight.shape[0] for layer in [made.generator.first, *made.generator.second]] == [
        *[512] * 4, 256, 128, 64, 32, 16,
    ]  # fmt: skip


def test_the_schedule_alternates_fades_and_training() -> None:
    growth = Growth(((4, 4), (8, 8), (16, 16)), train=600, fade=400)
    seen = [(0, 0, False, 1.0), (599, 0, False, 1.0), (600, 1, True, 0.0), (700, 1, True, 0.25), (999, 1, True, 0.9975)]
    seen += [(1000, 1, False, 1.0), (1600, 2, True, 0.0), (2000, 2, False, 1.0), (10**9, 2, False, 1.0)]
    for images, level, fading, alpha in seen:
        assert growth.stage(images) == Stage(level, fading)
        assert growth.alpha(images) == pytest.approx(alpha)
    assert [growth.start(level) for level in range(3)] == [0, 600, 1600]
    assert Growth(growth.sizes, train=0, fade=0).stage(0) == Stage(2, False)
    assert Growth(growth.sizes, train=5, fade=0).stage(5) == Stage(1, False)
    assert Growth(growth.sizes, train=0, fade=5).stage(0) == Stage(1, True)
    assert value_from(((64, 2.0), (8, 3.0)), 32, 1.0) == 3.0
    assert value_from(((64, 2.0),), 32, 1.0) == 1.0


def test_the_average_keeps_its_share_in_each_step_of_every_batch() -> None:
    half_lives = game().ema_images
    assert isinstance(half_lives, Schedule)
    for images, batch in ((0, 8), (70, 8), (200, 4)):
        assert 0.5 ** (batch / half_lives.at(images)) == pytest.approx(0.999)
    assert game("ema=0").ema_images == 0


@pytest.mark.parametrize(("size", "sizes"), [
    ((28, 28), [(7, 7), (14, 14), (28, 28)]),
    ((32, 32), [(4, 4), (8, 8), (16, 16), (32, 32)]),
    ((16, 32), [(4, 8), (8, 16), (16, 32)]),
])  # fmt: skip
def test_sizes_double_up_to_the_data(size: tuple[int, int], sizes: list[tuple[int, int]]) -> None:
    made = game(shape=(1, *size))
    assert list(made.growth.sizes) == sizes
    z = torch.randn(4, 8)
    for level, (h, w) in enumerate(sizes):
        made.on_progress(made.growth.start(level))
        assert made.generator(z).shape == (4, 1, h, w)
        assert made.discriminator(torch.zeros(4, 1, *size)).total().shape == (4,)
    assert made.eval().sample(3).shape == (3, 1, *size)


def test_other_sizes_and_batches_are_refused() -> None:
    for shape in ((1, 27, 27), (1, 6, 6)):
        with pytest.raises((GanzooError, UsageError), match="resolution"):
            game(shape=shape)
    with pytest.raises((GanzooError, UsageError), match="groups of 4"):
        game("batch=6")
    with pytest.raises(UsageError, match="batches"):
        game("batches=[[0, 4]]")
    made = at(20)  # 8x8 is being faded in
    for wrong in ((2, 1, 4, 4), (2, 3, 32, 32), (2, 1, 32, 64)):
        with pytest.raises(ValueError, match="was given samples"):
            made.discriminator(torch.zeros(wrong))


def test_resampling_convolutions_are_the_plain_ones_beside_nearest_doubling_and_means() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 6, 8, dtype=torch.float64)
    up, down, plain = (kind(3, 5, 3).double() for kind in (DoublingConv, HalvingConv, Conv))
    bias = []
    for layer in (up, down, plain):
        assert layer.bias is not None
        bias.append(torch.nn.init.normal_(layer.bias).view(1, -1, 1, 1))
    wanted = conv2d(interpolate(x, scale_factor=2, mode="nearest"), up.scaled_weight, None, 1, 1) + bias[0]
    torch.testing.assert_close(up(x), leaky_relu(wanted, 0.2))
    wanted = avg_pool2d(conv2d(x, down.scaled_weight, None, 1, 1), 2) + bias[1]
    torch.testing.assert_close(down(x), leaky_relu(wanted, 0.2))
    torch.testing.assert_close(plain(x), leaky_relu(conv2d(x, plain.scaled_weight, None, 1, 1) + bias[2], 0.2))


def test_a_fade_begins_with_the_old_networks_and_ends_with_the_new() -> None:
    torch.manual_seed(0)
    old, start, end, new = at(0), at(16), at(47), at(48)
    for other in (start, end, new):
        other.load_state_dict({k: v for k, v in old.state_dict().items() if not k.endswith("alpha")}, strict=False)
    z, x = torch.randn(4, 8), torch.rand(4, 1, 32, 32)
    with torch.no_grad():
        assert (old.stage, start.stage, new.stage) == (Stage(0, False), Stage(1, True), Stage(1, False))
        torch.testing.assert_close(start.generator(z), interpolate(old.generator(z), scale_factor=2, mode="nearest"))
        torch.testing.assert_close(start.discriminator(x).total(), old.discriminator(x).total())
        end.generator.alpha.fill_(1)
        end.discriminator.alpha.fill_(1)
        torch.testing.assert_close(end.generator(z), new.generator(z))
        torch.testing.assert_close(end.discriminator(x).total(), new.discriminator(x).total())


def test_real_pictures_fade_too() -> None:
    x = torch.rand(4, 1, 32, 32)
    fine = avg_pool2d(x, 4)
    coarse = interpolate(avg_pool2d(fine, 2), scale_factor=2, mode="nearest")
    torch.testing.assert_close(at(24).real(x), coarse + 0.25 * (fine - coarse))
    torch.testing.assert_close(at(48).real(x), fine)
    torch.testing.assert_close(at(24).real(fine), coarse + 0.25 * (fine - coarse))  # as the data delivers them then
    made, seen = at(24), []
    made.discriminator.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    made("discriminator", Batch(x=x), StepContext())
    torch.testing.assert_close(seen[0], coarse + 0.25 * (fine - coarse))


def test_changes_tell_the_engine_size_batch_and_fresh_optimisers() -> None:
    made = game("rates=[[32, 1.5]]")
    assert made.on_progress(0) is None  # the data still comes in full size
    told = {images: made.on_progress(images) for images in (8, 12, 16, 40, 48, 64, 100, 144, 200)}
    assert told[8] is not None
    assert (told[8].resolution, told[8].reset) == ((4, 4), ())
    assert told[12] is told[40] is told[200] is None
    both = ("generator", "discriminator")
    for images, size, batch in ((16, 8, 8), (48, 8, 8), (64, 16, 8), (144, 32, 4)):
        change = told[images]
        assert change is not None
        assert (change.resolution, change.batch, change.reset) == ((size, size), batch, both)
    assert [player.optimizer.lr for player in made.players()] == [pytest.approx(1.5e-3)] * 2


def test_players_and_averages_hold_the_layers_in_use_and_idle_parts_the_others() -> None:
    made = game()
    every = {id(p) for p in made.parameters()}
    for images in (0, 20, 50, 70, 200):
        made.on_progress(images)
        used = [id(p) for player in made.players() for p in player.parameters()]
        idle = [id(p) for part in made.idle_parts() for p in part.parameters()]
        assert len(used) == len(set(used))
        assert not set(used) & set(idle)
        assert set(used) | set(idle) == every
    ema = Ema(made, 100)
    assert set(ema.state_dict()) == {
        name for name, p in made.named_parameters() if id(p) in used and name.startswith("generator")
    }


def test_any_point_is_reached_at_once() -> None:
    for images in (0, 30, 50, 120, 500):
        there, slow = at(images), game()
        for step in range(0, images + 1, 2):
            slow.on_progress(step)
        assert there.stage == slow.stage
        assert float(there.generator.alpha) == pytest.approx(float(slow.generator.alpha))
        assert [p.name for p in there.players()] == ["generator", "discriminator"]


def test_samples_are_cut_to_the_range_in_evaluation_alone() -> None:
    made = at(200)
    bias = made.generator.to_colours[3].bias
    assert isinstance(bias, Tensor)
    torch.nn.init.constant_(bias, 50.0)
    assert float(made.generator(torch.randn(4, 8)).detach().max()) > 1
    assert float(made.eval().sample(4).detach().max()) == 1


def test_the_deviation_makes_samples_of_a_group_meet() -> None:
    x = torch.rand(4, 1, 32, 32)
    alone, together = at(200, "deviation_group=0"), at(200)
    assert (alone.discriminator.per_sample, together.discriminator.per_sample) == (True, False)
    with torch.no_grad():
        torch.testing.assert_close(alone.discriminator(x).total()[:1], alone.discriminator(x[:1]).total())
        assert not torch.allclose(together.discriminator(x).total()[:1], together.discriminator(x[:1]).total())
    assert any("deviation" in note for note in together.notes_on_processes())
    assert not any("deviation" in note for note in alone.notes_on_processes())


def state_of(folder: Path) -> dict[str, Any]:
    return checkpoint.load_newest(RunFolder.open(folder).checkpoints, lambda text: None)[0]


def flat(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [leaf for child in children for leaf in flat(child)]


@pytest.mark.parametrize("stop", [24, 56])
def test_a_run_resumed_in_a_fade_and_between_fades_is_the_same(tmp_path: Path, stop: int) -> None:
    how: dict[str, Any] = {"device": "cpu", "precision": "float32", "threads": 1, "steps": "eager", "pictures": 0}
    options: dict[str, Any] = {"data": "fashion-12k", "seed": 3, "trackers": ("jsonl",), "settings": how}
    assignments = (*TINY, "data.size=32")
    train("style/progan", images=136, out=tmp_path / "whole", set=assignments, **options)
    train("style/progan", images=stop, out=tmp_path / "parts", set=assignments, **options)
    train(resume=tmp_path / "parts", images=136, trackers=("jsonl",), settings=how)
    whole, parts = state_of(tmp_path / "whole"), state_of(tmp_path / "parts")
    for key in ("game", "ema", "optimizers"):
        for one, other in zip(flat(whole[key]), flat(parts[key]), strict=True):
            assert torch.equal(one, other), key
    assert float(whole["game"]["generator.alpha"]) == pytest.approx((136 - 112) / 32)
