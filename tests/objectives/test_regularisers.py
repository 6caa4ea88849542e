"""Penalties beyond input gradients, against closed forms and the definitions written out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.models import Draws, Scores, StepContext
from ganzoo.models.inputs import PenaltyInputs
from ganzoo.objectives import (
    BalancedConsistency,
    Consistency,
    FeatureMatching,
    LatentConsistency,
    LeCam,
    ModeSeeking,
    Orthogonal,
)
from ganzoo.objectives.views import flipped_and_shifted

B = 6


def inputs(critic: Callable[[Tensor], Tensor], **changes: Any) -> PenaltyInputs:
    gen = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(B, 3, 8, 9, generator=gen, dtype=torch.float64) for _ in range(2))
    return PenaltyInputs(**{"critic": critic, "real": real, "fake": fake, "draws": Draws(1), **changes})


def mean(x: Tensor) -> Tensor:
    return x.flatten(1).mean(1)


def test_views_only_move_pixels_and_mirror_at_the_edge() -> None:
    x_BCHW = torch.arange(64 * 5 * 7.0).view(64, 1, 5, 7)
    seen = flipped_and_shifted(x_BCHW, Draws(0), 2)
    padded = torch.nn.functional.pad(x_BCHW, (2, 2, 2, 2), mode="reflect")
    found = set()
    for i in range(64):
        crops = {
            (down, right, flip): crop.flip(-1) if flip else crop
            for down in range(5)
            for right in range(5)
            for flip in (False, True)
            for crop in [padded[i, :, down : down + 5, right : right + 7]]
        }
        hits = [key for key, crop in crops.items() if torch.equal(crop, seen[i])]
        assert len(hits) == 1
        found.add(hits[0])
    assert len(found) > 20  # of 50


def test_a_shift_as_large_as_a_side_is_refused() -> None:
    with pytest.raises(ValueError, match="shift is 8, wanted 0 to 7"):
        flipped_and_shifted(torch.zeros(1, 1, 8, 9), Draws(), 8)


def test_consistency_is_the_squared_change_of_the_scores() -> None:
    def left(x: Tensor) -> Tensor:
        return x[:, :, :, 0].flatten(1).sum(1)

    given = inputs(left)
    seen = flipped_and_shifted(given.real, Draws(1), 4)
    torch.testing.assert_close(Consistency()(given), (left(given.real) - left(seen)).square().mean())
    assert float(Consistency()(given)) > 0.1
    still = inputs(left)
    draws = Draws(1)
    real = (left(still.real) - left(flipped_and_shifted(still.real, draws, 4))).square().mean()
    fake = (left(still.fake) - left(flipped_and_shifted(still.fake, draws, 4))).square().mean()
    torch.testing.assert_close(BalancedConsistency(fake=3.0)(still), real + 3 * fake)


def test_a_critic_that_sees_no_change_pays_nothing() -> None:
    given = inputs(lambda x: (x - x.mean()).abs().flatten(1).sum(1) * 0 + 1)
    assert float(Consistency()(given)) == 0


def test_latent_consistency_has_both_sides() -> None:
    z = torch.randn(B, 4, dtype=torch.float64)
    weight = torch.randn(4, 5, dtype=torch.float64)
    given = {"critic": lambda x: x.sum(1), "real": z @ weight, "fake": z @ weight, "latent": z}
    given["generate"] = lambda z: z @ weight
    moved = 0.05 * Draws(1).normal(B, 4, stream="penalty").double() @ weight
    scores = LatentConsistency()(PenaltyInputs(**given, draws=Draws(1)))
    torch.testing.assert_close(scores, moved.sum(1).square().mean())
    samples = LatentConsistency()(PenaltyInputs(**given, draws=Draws(1), player="generator"))
    torch.testing.assert_close(samples, -0.5 / 20 * moved.square().mean())


def test_categorical_parts_of_a_latent_are_not_moved() -> None:
    seen = {}
    z = {"z": torch.zeros(B, 4), "class": torch.eye(B)}

    def generate(z: Any) -> Tensor:
        seen.update(z)
        return torch.zeros(B, 2)

    given = PenaltyInputs(mean, torch.zeros(B, 2), torch.zeros(B, 2), Draws(), latent=z, generate=generate)
    LatentConsistency(std=1.0)(PenaltyInputs(**{**given.__dict__, "categorical": frozenset({"class"})}))
    assert torch.equal(seen["class"], torch.eye(B))
    assert bool((seen["z"] != 0).any())


def test_a_penalty_on_latents_says_what_it_misses() -> None:
    with pytest.raises(ValueError, match="wants latents and a generator"):
        LatentConsistency()(inputs(mean))


def updated(penalty: LeCam, real: float, fake: float) -> None:
    context = StepContext()
    context.notes = {"real": torch.tensor(real), "fake": torch.tensor(fake)}
    penalty.after_phase(context)


def test_lecam_follows_the_means_and_waits_for_its_start() -> None:
    penalty = LeCam(decay=0.9, start=2)
    scores = {"real_scores": torch.tensor([1.0, -2.0]), "fake_scores": torch.tensor([0.5, -1.0])}
    given = inputs(mean, **scores)
    for number in range(3):
        assert float(penalty(given)) == 0
        updated(penalty, 0.3 + number, -0.2)
    updated(penalty, 0.3, 0.8)
    real, fake = 0.9 * 2.3 + 0.1 * 0.3, 0.9 * -0.2 + 0.1 * 0.8
    torch.testing.assert_close(penalty.anchors, torch.tensor([real, fake]))
    above = (max(0, 1 - fake) ** 2 + max(0, -2 - fake) ** 2) / 2
    below = (max(0, real - 0.5) ** 2 + max(0, real + 1) ** 2) / 2
    torch.testing.assert_close(penalty(given), torch.tensor(above + below))


def test_feature_matching_is_the_distance_of_means_and_teaches_the_generator_alone() -> None:
    def judge(x: Tensor) -> Scores:
        return Scores(x.flatten(1).sum(1), features=[x, 2 * x.flatten(1)])

    given = inputs(mean, player="generator", judge=judge)
    given.fake.requires_grad_(), given.real.requires_grad_()
    value = FeatureMatching()(given)
    apart = given.real.mean(0) - given.fake.mean(0)
    torch.testing.assert_close(value, apart.square().sum() * 5)
    fake, real = torch.autograd.grad(value, [given.fake, given.real], allow_unused=True)
    assert real is None
    assert fake is not None
    with pytest.raises(ValueError, match="gives none"):
        FeatureMatching()(inputs(mean, judge=lambda x: Scores(mean(x))))


@pytest.mark.parametrize("parts", [False, True])
def test_mode_seeking_is_the_inverse_ratio_of_distances(parts: bool) -> None:
    z = torch.randn(B, 4, dtype=torch.float64)
    latent: Any = {"a": z[:, :1], "b": z[:, 1:]} if parts else z

    def generate(z: Any) -> Tensor:
        return 3 * (torch.cat([z["a"], z["b"]], 1) if parts else z)

    given = PenaltyInputs(mean, z, generate(latent), Draws(), player="generator", latent=latent, generate=generate)
    torch.testing.assert_close(ModeSeeking()(given), torch.tensor(1 / (3 + 1e-5), dtype=torch.float64))


def test_orthogonal_has_biggans_gradient_and_leaves_embeddings_out() -> None:
    network = nn.Sequential(nn.Embedding(5, 3), nn.Conv2d(3, 4, 2), nn.Linear(6, 5)).double()
    value = Orthogonal()(inputs(mean, player="generator", network=network))
    parameters = dict(network.named_parameters())
    gradients = torch.autograd.grad(value, list(parameters.values()), allow_unused=True)
    for (name, weight), gradient in zip(parameters.items(), gradients, strict=True):
        if weight.ndim < 2 or name == "0.weight":
            assert gradient is None
            continue
        rows = weight.detach().flatten(1)
        wanted = 2 * ((rows @ rows.T) * (1 - torch.eye(len(rows), dtype=rows.dtype))) @ rows
        assert gradient is not None
        torch.testing.assert_close(gradient.flatten(1), wanted)
    square = nn.Linear(4, 4).double()
    nn.init.orthogonal_(square.weight)
    assert float(Orthogonal()(inputs(mean, network=square))) < 1e-25
