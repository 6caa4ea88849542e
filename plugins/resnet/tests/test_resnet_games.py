"""Labels, one batch for real and fake samples, regularisation, sampling options, sizes and refusals."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ganzoo_resnet import biggan, sngan
from ganzoo_resnet.biggan import BigGan, BigGanConfig
from ganzoo_resnet.sngan import SnganConfig
from torch import Tensor

from ganzoo.models import Batch, DataSpec, Gan, StepContext
from ganzoo.models.layers.orthogonal import orthogonality


def small(name: str, data: DataSpec, **options: Any) -> Gan:
    torch.manual_seed(0)
    if name == "sngan":
        given = {"generator_width": 8, "discriminator_width": 8, "latent": 16} | options
        game: Gan = sngan.build(SnganConfig.model_validate(given), data)
    else:
        given = {"width": 4, "chunk": 4, "shared": 8, "batch": 16} | options
        game = biggan.build(BigGanConfig.model_validate(given), data)
    game.built_for(data)
    return game


def big(classes: int = 3, **options: Any) -> BigGan:
    game = small("biggan", DataSpec((1, 16, 16), classes=classes), **options)
    assert isinstance(game, BigGan)
    return game


def batch(game: Gan, n: int = 4) -> Batch:
    assert game.data is not None
    generator = torch.Generator().manual_seed(3)
    found = Batch(x=torch.rand(n, *game.data.shape, generator=generator) * 2 - 1)
    if game.data.classes:
        found["y"] = torch.randint(game.data.classes, (n,), generator=generator)
    return found


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", ["sngan", "biggan"])
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 64, 64), (1, 16, 32), (3, 48, 48)])
@pytest.mark.parametrize("classes", [0, 3])
def test_pictures_of_many_sizes(name: str, shape: tuple[int, int, int], classes: int) -> None:
    options = {"conditional": True} if classes else {}
    with torch.device("meta"):
        game = small(name, DataSpec(shape, classes=classes), **options)
        terms = game("discriminator", batch_on_meta(game), StepContext(0, "meta"))
        assert terms["adversarial"].shape == ()
        y = torch.zeros(2, dtype=torch.int64) if classes else None
        assert game.sample(2, condition=y).shape == (2, *shape)


def batch_on_meta(game: Gan) -> Batch:
    assert game.data is not None
    return Batch(x=torch.empty(2, *game.data.shape), y=torch.zeros(2, dtype=torch.int64))


@pytest.mark.parametrize("name", ["sngan", "biggan"])
def test_the_discriminator_sees_real_and_fake_samples_in_one_batch(name: str) -> None:
    game = small(name, DataSpec((1, 16, 16), classes=3), conditional=True)
    sizes: list[int] = []
    game.discriminator.register_forward_pre_hook(lambda _m, given: sizes.append(len(given[0])))
    game("discriminator", batch(game), StepContext())
    assert sizes == [8]


@pytest.mark.parametrize("name", ["sngan", "biggan"])
def test_the_score_has_the_projection_on_the_class(name: str) -> None:
    game = small(name, DataSpec((1, 16, 16), classes=3), conditional=True).eval()
    projection: Any = game.discriminator.projection
    projection.embedding.parametrizations.weight.original.data.normal_(generator=seeded())
    found: list[Tensor] = []
    projection.register_forward_pre_hook(lambda _m, given: found.append(given[0]))
    x = batch(game).x
    scores = [game.discriminator(x, torch.full((4,), k)).logits for k in (0, 2)]
    table = projection.embedding.weight
    assert isinstance(scores[0], Tensor)
    torch.testing.assert_close(scores[1] - scores[0], found[0] @ (table[2] - table[0]), rtol=1e-4, atol=1e-5)


class TestOrthogonalRegularisation:
    def test_it_is_a_term_of_the_generator_about_the_raw_weights_but_the_embedding(self) -> None:
        game = big(penalty=({"name": "orthogonal", "weight": 0.3},))
        for p in game.generator.parameters():
            p.data.add_(torch.randn(p.shape, generator=seeded()))
        terms = game("generator", batch(game), StepContext())
        named = dict(game.generator.named_parameters())
        raw = [p for name, p in named.items() if p.ndim > 1 and name != "shared.weight"]
        assert all("original" in name for name, p in named.items() if p.ndim > 1 and name != "shared.weight")
        torch.testing.assert_close(terms["orthogonal"], 0.3 * orthogonality(raw))
        (gradient,) = torch.autograd.grad(terms["orthogonal"], named["shared.weight"], allow_unused=True)
        assert gradient is None

    def test_without_a_weight_there_is_no_term(self) -> None:
        game = big(penalty=())
        assert set(game("generator", batch(game), StepContext())) == {"adversarial"}


class TestChunks:
    def test_each_chunk_reaches_the_picture_in_its_own_place(self) -> None:
        game = big(classes=0).eval()
        generator: Any = game.generator
        z = torch.randn(1, 12, generator=seeded())
        other = z.clone()
        other[:, 8:] += 1  # the last chunk: only the last block's norms
        seen: dict[str, list[Tensor]] = {"one": [], "two": []}
        for name, block in (("one", generator.blocks[0]), ("two", generator.blocks[1])):
            block.register_forward_hook(lambda _m, _g, out, name=name: seen[name].append(out))
        generator(z), generator(other)
        assert torch.equal(*seen["one"])
        assert not torch.equal(*seen["two"])

    def test_without_labels_there_is_no_embedding_and_no_projection(self) -> None:
        for game in (big(classes=0), big(classes=3, conditional=False)):
            assert not game.conditional
            assert not any("shared" in name or "projection" in name for name, _ in game.named_parameters())


class TestTruncation:
    def test_a_wide_one_changes_no_sample_and_a_narrow_one_brings_them_together(self) -> None:
        game = big(classes=0).eval()
        plain = game.sample(8, generator=seeded())
        assert torch.equal(game.sample(8, generator=seeded(), truncation=100.0), plain)
        narrow = game.sample(8, generator=seeded(), truncation=0.05)
        assert float(narrow.detach().std(0).mean()) < 0.3 * float(plain.detach().std(0).mean())
        assert torch.equal(game.sample(8, generator=seeded(), truncation=0.05), narrow)


class TestStandingStatistics:
    def test_samples_repeat_and_training_does_not_notice(self) -> None:
        game = big().eval()
        y = torch.tensor([0, 1, 2, 0])
        before = {name: (b, b.clone()) for name, b in game.named_buffers()}
        state = torch.get_rng_state()
        plain = game.sample(4, condition=y, generator=seeded())
        first = game.sample(4, condition=y, generator=seeded(), standing=3)
        assert torch.equal(game.sample(4, condition=y, generator=seeded(), standing=3), first)
        assert torch.equal(game.sample(4, condition=y, generator=seeded()), plain)
        assert not torch.equal(first, plain)
        assert torch.equal(torch.get_rng_state(), state)
        for name, b in game.named_buffers():
            assert b is before[name][0]
            assert torch.equal(b, before[name][1])

    def test_they_are_of_truncated_latents_and_do_not_depend_on_the_samples_beside(self) -> None:
        game = big().eval()
        seen: list[Tensor] = []
        game.generator.register_forward_pre_hook(lambda _m, given: seen.append(given[0]))
        y = torch.tensor([0, 1, 2, 0])
        four = game.sample(4, condition=y, generator=seeded(), standing=2, truncation=0.5)
        assert [len(z) for z in seen] == [16, 16, 4]
        assert all(float(z.abs().max()) <= 0.5 for z in seen)
        assert not torch.equal(seen[0], seen[1])
        seen.clear()
        game.sample(1, condition=y[:1], generator=seeded(7), standing=2, truncation=0.5)
        again = game.sample(4, condition=y, generator=seeded(), standing=2, truncation=0.5)
        assert torch.equal(again, four)


class TestSamplingOptions:
    def test_a_path(self) -> None:
        game = big(classes=0).eval()
        path = game.sample(7, generator=seeded(), interpolate=3)
        ends = game.sample(4, generator=seeded())
        torch.testing.assert_close(path[[0, 3, 6]], ends[:3], rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize(
        "options", [{"truncation": 0.0}, {"truncation": -1.0}, {"standing": -1}, {"standing": 1.5}]
    )
    def test_values_out_of_range(self, options: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=f"{next(iter(options))} is .*, wanted"):
            big(classes=0).sample(2, generator=seeded(), **options)

    def test_unknown_ones_name_the_known(self) -> None:
        with pytest.raises(TypeError, match="unknown sampling option psi; known: interpolate, path, truncation"):
            big(classes=0).sample(2, psi=0.5)


class TestRefusals:
    @pytest.mark.parametrize("name", ["sngan", "biggan"])
    def test_labels_that_are_not_there(self, name: str) -> None:
        with pytest.raises(ValueError, match="no class labels"):
            small(name, DataSpec((1, 16, 16)), conditional=True)

    @pytest.mark.parametrize("name", ["sngan", "biggan"])
    @pytest.mark.parametrize("shape", [(1, 30, 30), (1, 6, 6), (2,)])
    def test_pictures_that_do_not_halve(self, name: str, shape: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match=r"resolution, for example|makes images"):
            small(name, DataSpec(shape, modality="image" if len(shape) == 3 else "points"))

    def test_attention_without_maps_to_stand_at(self) -> None:
        with pytest.raises(ValueError, match=r"attention is 2, .* at 1 halvings or fewer: choose 1 to 1"):
            big(attention=2)
        with pytest.raises(ValueError, match="set it to none"):
            small("biggan", DataSpec((1, 8, 8)))
        with pytest.raises(ValueError, match="2 channels or more"):
            small("biggan", DataSpec((1, 16, 16)), width=1, network="tapering")
