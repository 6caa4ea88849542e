"""The residual networks of WGAN-GP and their game: blocks, continuous samples, labels."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ganzoo_wasserstein import wgan_gp
from ganzoo_wasserstein.wgan_gp_resnet import (
    ResNetCritic,
    ResNetGenerator,
    UpBlock,
    continuous,
    critic_block,
    first_block,
)
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy, interpolate

from ganzoo.errors import UsageError
from ganzoo.models import Batch, DataSpec, Gan, StepContext
from ganzoo.models.layers.conditional import ClassBatchNorm2d

COLOUR = DataSpec((3, 32, 32))


def gp(data: DataSpec = COLOUR, **options: Any) -> Gan:
    torch.manual_seed(0)
    game = wgan_gp.build(wgan_gp.WganGpConfig.model_validate(options), data)
    assert isinstance(game, Gan)
    return game


class TestResidualNetworks:
    def test_the_shortcut_sees_the_input_not_its_relu(self) -> None:
        x = torch.randn(2, 4, 8, 8)
        before = x.clone()
        up, down, plain = UpBlock(4, 0), critic_block(4, down=True), critic_block(4, down=False)
        shortcut = next(part for part in down.branches[0].modules() if isinstance(part, nn.Conv2d))
        lasts = [
            up.conv2,
            *([p for p in b.branches[1].modules() if isinstance(p, nn.Conv2d)][-1] for b in (down, plain)),
        ]
        with torch.no_grad():
            for conv2 in lasts:
                conv2.weight.zero_()  # then the shortcut is all that is left
        assert torch.allclose(up(x), up.shortcut(interpolate(before, scale_factor=2)), atol=1e-6)
        assert torch.allclose(down(x), avg_pool2d(shortcut(before), 2), atol=1e-6)
        assert torch.equal(plain(x), before)
        assert torch.equal(x, before)

    def test_the_first_block_has_no_relu_before_its_convolution(self) -> None:
        block, x = first_block(1, 4), -torch.rand(2, 1, 8, 8)
        with torch.no_grad():
            next(part for part in block.branches[0].modules() if isinstance(part, nn.Conv2d)).weight.zero_()
        assert bool(block(x).any())
        assert not bool(block(torch.zeros_like(x)).any())

    def test_no_relu_works_in_place(self) -> None:
        games = [gp(network=name, width=4) for name in ("mnist", "cifar", "resnet", "dcgan")]
        assert not [part for game in games for part in game.modules() if getattr(part, "inplace", False)]

    @pytest.mark.parametrize(("size", "downs"), [(32, 2), (28, 2), (64, 3), (16, 1), (8, 1)])
    def test_the_critics_last_blocks_work_on_8_pixels_or_less(self, size: int, downs: int) -> None:
        critic = ResNetCritic(4, 3, (size, size))
        assert len(critic.blocks) == downs + 2
        assert critic.blocks(torch.rand(1, 3, size, size)).shape[-1] == size // 2**downs

    def test_the_generators_batch_is_twice_the_critics(self) -> None:
        game, context = gp(network="resnet", width=4), StepContext(0)
        made: list[int] = []
        game.generator.register_forward_hook(lambda module, inputs, output: made.append(len(output)))
        for phase in game.phases():
            game(phase.name, Batch({"x": torch.rand(3, 3, 32, 32)}), context)
        assert made == [3, 6]

    def test_real_samples_become_continuous(self) -> None:
        eight_bits = torch.arange(256.0)
        x = (eight_bits / 127.5 - 1).expand(1000, 256)
        noisy = continuous(x, StepContext(0))
        low, high = eight_bits / 128 - 1, (eight_bits + 1) / 128 - 1
        assert bool((noisy >= low - 1e-6).all())
        assert bool((noisy <= high + 1e-6).all())
        assert torch.allclose(noisy.mean(0), (low + high) / 2, atol=5e-4)
        assert torch.equal(noisy, continuous(x, StepContext(0)))

    def test_noise_is_on_the_critics_real_samples_alone(self) -> None:
        game, context = gp(network="resnet", width=4), StepContext(0)
        scored: list[Tensor] = []
        game.discriminator.register_forward_pre_hook(lambda module, inputs: scored.append(inputs[0].detach()))
        batch = Batch({"x": torch.zeros(3, 3, 32, 32)})
        game("discriminator", batch, context)
        real, fake = scored[0].chunk(2)  # scored in one batch
        assert torch.equal(real, continuous(batch.x, StepContext(0)))
        assert torch.equal(fake, game.fake(batch, StepContext(0)))
        assert not batch.x.any()


class TestLabels:
    DATA = DataSpec((3, 32, 32), classes=5)

    def game(self) -> Gan:
        return gp(self.DATA, conditional=True, width=4)

    def test_labels_matter_to_the_generator(self) -> None:
        game, z = self.game(), torch.randn(2, 128)
        zeros, ones = torch.zeros(2, dtype=torch.int64), torch.ones(2, dtype=torch.int64)
        assert torch.equal(game.generator(z, zeros), game.generator(z, ones))  # all classes start as one
        generator = game.generator
        assert isinstance(generator, ResNetGenerator)
        assert generator.conditional
        norm = next(part for part in generator.modules() if isinstance(part, ClassBatchNorm2d))
        (gradient,) = torch.autograd.grad(generator(z, ones).square().sum(), norm.scale_KC)
        assert gradient[1].any()
        assert not gradient[[0, 2, 3, 4]].any()
        with torch.no_grad():
            norm.offset_KC[1] += 1
        assert not torch.allclose(generator(z, zeros), generator(z, ones))

    def test_the_last_norm_takes_no_labels(self) -> None:
        generator = self.game().generator
        assert isinstance(generator, ResNetGenerator)
        assert isinstance(generator.norm, nn.BatchNorm2d)
        assert generator.norm.affine

    def test_the_critic_learns_classes_from_real_samples(self) -> None:
        game = self.game()
        batch = Batch({"x": torch.rand(4, 3, 32, 32), "y": torch.tensor([0, 1, 2, 4])})
        terms = game("discriminator", batch, StepContext(0))
        assert set(terms) == {"adversarial", "classes", "gradient-penalty"}
        scores = game.discriminator(continuous(batch.x, StepContext(0)))
        assert scores.classes is not None
        assert batch.y is not None
        assert torch.allclose(terms["classes"], cross_entropy(scores.classes, batch.y))

    def test_the_generator_draws_labels_of_its_own(self) -> None:
        game, context = self.game(), StepContext(0)
        labels: list[Tensor] = []
        game.generator.register_forward_pre_hook(lambda module, inputs: labels.append(inputs[1]))
        batch = Batch({"x": torch.rand(50, 3, 32, 32), "y": torch.zeros(50, dtype=torch.int64)})
        terms = game("generator", batch, context)
        assert set(terms) == {"adversarial", "classes"}
        assert labels[0].shape == (100,)
        assert set(labels[0].tolist()) == {0, 1, 2, 3, 4}
        assert batch.y is not None
        assert not batch.y.any()

    def test_the_generators_class_loss_counts_a_tenth(self) -> None:
        batch = Batch({"x": torch.rand(4, 3, 32, 32), "y": torch.zeros(4, dtype=torch.int64)})
        tenth = self.game()("generator", batch, StepContext(0))["classes"]
        game = gp(self.DATA, conditional=True, width=4, class_weight_generator=1.0)
        assert torch.allclose(tenth * 10, game("generator", batch, StepContext(0))["classes"])

    def test_without_labels_in_a_batch_the_message_says_so(self) -> None:
        with pytest.raises(UsageError, match="wants class labels"):
            self.game()("discriminator", Batch({"x": torch.rand(4, 3, 32, 32)}), StepContext(0))
