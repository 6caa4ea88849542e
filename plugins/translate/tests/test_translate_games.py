"""The two games: their terms against equations written out, their pools, jitter, schedules, samples and translations."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from ganzoo_translate.jitter import jittered
from ganzoo_translate.pool import ImagePool
from ganzoo_translate.translator import KEPT
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from ganzoo.build import build, configure, find_arch
from ganzoo.config import value_at
from ganzoo.errors import UsageError
from ganzoo.models import Batch, DataSpec, Draws, Game, StepContext

SHAPE = (1, 32, 32)
FIELD = {"pix2pix": "source", "cyclegan": "other"}


def game_of(name: str, *assignments: str, count: int = 10) -> Any:
    entry = find_arch(name)
    data = DataSpec(SHAPE, fields={FIELD[name]: SHAPE}, count=count)
    return build(entry, configure(entry, ("jitter=0", "flip=false", *assignments), preset="tiny"), data)


def batch_of(name: str, n: int = 3, seed: int = 0) -> Batch:
    chance = torch.Generator().manual_seed(seed)
    x, second = (torch.rand(n, *SHAPE, generator=chance) * 2 - 1 for _ in range(2))
    return Batch({"x": x, FIELD[name]: second})


def value(terms: dict[str, Tensor]) -> float:
    return float(sum(term.detach() for term in terms.values()))


def apart(one: Tensor, other: Tensor) -> Tensor:
    return (one - other).abs().mean()


def test_pix2pix_is_half_of_the_logistic_loss_against_l1_and_its_other_half() -> None:
    game, batch = game_of("pix2pix", "dropout=0"), batch_of("pix2pix")
    context = StepContext(0)
    found = {phase: value(game(phase, batch, context)) for phase in ("discriminator", "generator")}
    fake = game.generator(batch["source"], Draws(0))
    real_scores, fake_scores = (game.discriminator(torch.cat([batch["source"], x], 1)) for x in (batch.x, fake))
    ones, zeros = torch.ones_like(real_scores), torch.zeros_like(real_scores)
    wanted = 0.5 * (bce(real_scores, ones) + bce(fake_scores, zeros))
    assert found["discriminator"] == pytest.approx(float(wanted.detach()), rel=1e-5)
    wanted = bce(fake_scores, ones) + 100 * apart(fake, batch.x)
    assert found["generator"] == pytest.approx(float(wanted.detach()), rel=1e-5)


def test_both_updates_of_pix2pix_see_one_fake() -> None:
    game, batch = game_of("pix2pix"), batch_of("pix2pix")
    made: list[Tensor] = []
    game.generator.register_forward_hook(lambda module, given, out: made.append(out))
    context = StepContext(0)
    game("discriminator", batch, context)
    terms = game("generator", batch, context)
    assert len(made) == 1
    assert float(terms["l1"]) == pytest.approx(100 * float(apart(made[0], batch.x)), rel=1e-5)
    assert [phase.name for phase in game.phases()] == ["discriminator", "generator"]
    assert game.phases()[0].keeps == ("generator",)


def test_the_discriminator_of_pix2pix_sees_the_source() -> None:
    game, batch = game_of("pix2pix"), batch_of("pix2pix")
    one, other = game.score(batch["source"], batch.x), game.score(-batch["source"], batch.x)
    assert not torch.equal(one.total(), other.total())


def test_cyclegan_is_least_squares_cycles_and_identities() -> None:
    game, batch = game_of("cyclegan", "pool=0"), batch_of("cyclegan")
    context = StepContext(0)
    found = {phase: value(game(phase, batch, context)) for phase in ("generators", "discriminators")}
    a, b = batch["other"], batch.x
    fake_b, fake_a = game.a_to_b(a), game.b_to_a(b)
    fooled = ((game.critic_b(fake_b) - 1) ** 2).mean() + ((game.critic_a(fake_a) - 1) ** 2).mean()
    cycle = apart(game.b_to_a(fake_b), a) + apart(game.a_to_b(fake_a), b)
    same = apart(game.a_to_b(b), b) + apart(game.b_to_a(a), a)
    assert found["generators"] == pytest.approx(float(fooled + 10 * cycle + 5 * same), rel=1e-5)
    sides = ((game.critic_a, a, fake_a), (game.critic_b, b, fake_b))
    wanted = sum(0.5 * (((critic(real) - 1) ** 2).mean() + (critic(fake) ** 2).mean()) for critic, real, fake in sides)
    assert found["discriminators"] == pytest.approx(float(wanted), rel=1e-5)


def test_cyclegan_has_one_optimiser_for_both_generators_and_the_discriminators_come_after() -> None:
    game = game_of("cyclegan")
    assert [phase.player for phase in game.phases()] == ["generators", "discriminators"]
    generators, discriminators = game.players()
    assert len(generators.parameters()) == sum(1 for part in (game.a_to_b, game.b_to_a) for _ in part.parameters())
    assert len(discriminators.parameters()) == sum(
        1 for part in (game.critic_a, game.critic_b) for _ in part.parameters()
    )
    assert game.a_to_b in game.sampled_parts()
    assert game.b_to_a in game.sampled_parts()


def test_without_identity_and_with_another_loss() -> None:
    game, batch = game_of("cyclegan", "identity=0", "loss.name=hinge", "g_weight=1"), batch_of("cyclegan")
    terms = game("generators", batch, StepContext(0))
    assert set(terms) == {"adversarial", "cycle"}
    wanted = -game.critic_b(game.a_to_b(batch["other"])).mean() - game.critic_a(game.b_to_a(batch.x)).mean()
    assert float(terms["adversarial"]) == pytest.approx(float(wanted), rel=1e-4, abs=1e-6)
    with pytest.raises(UsageError, match="takes no other penalty"):
        game_of("cyclegan", 'penalty=["r1"]')


def test_what_processes_cannot_share_is_said() -> None:
    assert game_of("pix2pix").notes_on_processes() == []
    assert "RelativisticAverage" in game_of("pix2pix", "loss.name=relativistic-average").notes_on_processes()[0]
    assert "pool" in game_of("cyclegan").notes_on_processes()[0]
    assert game_of("cyclegan", "pool=0").notes_on_processes() == []


class Plain:
    """A pool as a list, told which numbers are drawn."""

    def __init__(self, size: int) -> None:
        self.size, self.kept = size, list[float]()

    def exchange(self, fake: float, place: int, chance: float) -> float:
        if len(self.kept) < self.size:
            self.kept.append(fake)
            return fake
        if chance < 0.5:
            old, self.kept[place] = self.kept[place], fake
            return old
        return fake


def test_a_pool_is_a_list_of_earlier_fakes() -> None:
    pool, plain, draws, twin = ImagePool(4, (1, 1, 1)), Plain(4), Draws(5), Draws(5)
    swapped = 0
    for step in range(12):
        fakes = torch.arange(3.0).view(3, 1, 1, 1) + 3 * step
        places, chances = twin.integers(4, 3, stream="pool"), twin.uniform(3, stream="pool")
        wanted = [
            plain.exchange(float(fake), int(place), float(chance))
            for fake, place, chance in zip(fakes.flatten(), places, chances, strict=True)
        ]
        found = pool.exchange(fakes, draws)
        assert found.flatten().tolist() == wanted
        assert pool.pictures.flatten()[: len(plain.kept)].tolist() == plain.kept
        swapped += sum(fake != given for fake, given in zip(fakes.flatten().tolist(), wanted, strict=True))
    assert int(pool.count) == 4
    assert 5 < swapped < 25


def test_a_pool_is_in_the_checkpoint_and_may_be_empty() -> None:
    game = game_of("cyclegan", "pool=6")
    assert game.state_dict()["pool_b.pictures"].shape == (6, *SHAPE)
    x = torch.randn(2, *SHAPE)
    assert ImagePool(0, SHAPE).exchange(x, Draws(0)) is x


def test_discriminators_are_shown_what_the_pool_gives() -> None:
    game, batch = game_of("cyclegan", "pool=3"), batch_of("cyclegan")
    context = StepContext(0)
    game("generators", batch, context)
    game("discriminators", batch, context)
    assert int(game.pool_a.count) == int(game.pool_b.count) == 3
    assert torch.allclose(game.pool_b.pictures, game.a_to_b(batch["other"]), atol=1e-6)
    assert torch.allclose(game.pool_a.pictures, game.b_to_a(batch.x), atol=1e-6)


def test_jitter_changes_pairs_alike_and_gives_parts_of_the_enlarged_picture() -> None:
    ramp = torch.linspace(-1, 1, 16).expand(1, 16, 16)
    x = torch.stack([ramp, ramp.transpose(1, 2)] * 20)
    one, other = jittered([x, x.clone()], Draws(0), 0.25, True)
    assert torch.equal(one, other)
    assert one.shape == x.shape
    assert float(one.abs().max()) <= 1
    rising = one[0::2, 0, :, -1] > one[0::2, 0, :, 0]  # a mirrored ramp falls
    assert 3 < int(rising[:, 0].sum()) < 17
    assert len({round(float(first), 4) for first in one[1::2, 0, 0, 0]}) > 2  # several places
    assert torch.allclose(one[1::2], one[1::2, :, :, :1].expand_as(one[1::2]), atol=1e-5)  # rows stay rows
    same = jittered([x], Draws(0), 0.0, False)[0]
    assert same is x


def test_domains_are_changed_each_by_itself() -> None:
    game = game_of("cyclegan", "flip=true")
    batch = batch_of("cyclegan", n=32)
    batch["other"] = batch.x
    a, b = game._pictures(batch, StepContext(0))
    assert not torch.equal(a, b)
    pix2pix, pairs = game_of("pix2pix", "flip=true"), batch_of("pix2pix", n=32)
    pairs["source"] = pairs.x
    source, x, _ = pix2pix._made(pairs, StepContext(0))
    assert torch.equal(source, x)
    assert not torch.equal(x, pairs.x)


def test_rates_are_held_and_fall_to_0() -> None:
    for name in FIELD:
        game = game_of(name, "epochs=100", "decay_epochs=100", count=50)
        for player in game.players():
            rates = [value_at(player.optimizer.lr, images) for images in (0, 5000, 7500, 10_000, 20_000)]
            assert rates == pytest.approx([2e-4, 2e-4, 1e-4, 0, 0])
            assert (player.optimizer.beta1, player.optimizer.beta2) == (0.5, 0.999)
        assert game_of(name, "decay_epochs=0").players()[0].optimizer.lr == 2e-4


def test_samples_are_translations_of_kept_pictures() -> None:
    for name, field in FIELD.items():
        game = game_of(name)
        batches = [batch_of(name, 30, seed) for seed in range(3)]
        game.fit(iter(batches), StepContext(0))
        game.eval()
        first = torch.cat([batch[field] for batch in batches])[:KEPT]
        kept = (first + 1).mul(127.5).round().div(127.5) - 1
        found = game.sample(KEPT + 2, generator=torch.Generator().manual_seed(1))
        wanted = game.translate(torch.cat([kept, kept[:2]]), generator=torch.Generator().manual_seed(1))
        assert torch.allclose(found, wanted, atol=1e-5)
        with pytest.raises(TypeError, match="unknown sampling option interpolate"):
            game.sample(1, interpolate=3)


def test_few_pictures_are_kept_several_times() -> None:
    game = game_of("pix2pix")
    batch = batch_of("pix2pix", 5)
    game.fit(iter([batch]), StepContext(0))
    assert torch.equal(game.kept[:5], game.kept[5:10])
    assert len(game.kept) == KEPT


def test_translations_do_not_depend_on_the_pictures_beside_them() -> None:
    for name, field in FIELD.items():
        game = game_of(name, *(["dropout=0"] if name == "pix2pix" else [])).eval()
        pictures = batch_of(name, 4)[field]
        for direction in game.directions:
            whole = game.translate(pictures, direction)
            assert torch.allclose(game.translate(pictures[1:2], direction), whole[1:2], atol=1e-5)
            assert float(whole.abs().max()) <= 1


def test_directions_and_shapes_are_checked() -> None:
    game: Game = game_of("pix2pix")
    assert game.directions == ("a-to-b",)
    with pytest.raises(ValueError, match="translates a-to-b, and was asked for b-to-a"):
        game.translate(torch.zeros(1, *SHAPE), "b-to-a")
    with pytest.raises(ValueError, match=r"\(1, 1, 16, 16\) were given to translate a-to-b, wanted \(B, 1, 32, 32\)"):
        game.translate(torch.zeros(1, 1, 16, 16))
    both = game_of("cyclegan")
    assert both.directions == ("a-to-b", "b-to-a")
    x = torch.rand(1, *SHAPE)
    assert torch.equal(both.translate(x, "b-to-a"), both.b_to_a(x))
    assert torch.equal(both.translate(x), both.a_to_b(x))


@pytest.fixture(autouse=True)
def chance() -> Iterator[None]:
    before = random.getstate()
    torch.manual_seed(0)
    yield
    assert random.getstate() == before
