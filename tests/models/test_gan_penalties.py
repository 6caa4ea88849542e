"""The standard game with penalties of either player, and the combinations that it refuses."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ganzoo.config import PenaltyChoice
from ganzoo.errors import UsageError
from ganzoo.models import DataSpec, Discriminator, Gan, Generator, LatentPart, LatentSpec
from ganzoo.models.layers.dcgan import DcganDiscriminator


class Made(Generator):
    def __init__(self, latent: LatentSpec) -> None:
        super().__init__()
        self.latent = latent
        self.layer = torch.nn.Linear(latent.size, 2)

    def forward(self, z: Tensor) -> Tensor:
        made: Tensor = self.layer(z)
        return made


class Judge(Discriminator):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.layer(x)
        return scores


def gan(*penalty: PenaltyChoice | str, latent: LatentSpec | None = None) -> Gan:
    return Gan(Made(latent or LatentSpec.normal(3)), Judge(), penalty=penalty)


def test_each_player_has_its_own_lazy_phases_and_corrected_rates() -> None:
    game = gan(PenaltyChoice(name="mode-seeking", interval=4), PenaltyChoice(name="r1", interval=16))
    assert [phase.name for phase in game.phases()] == [
        "discriminator",
        "discriminator/r1",
        "generator",
        "generator/mode-seeking",
    ]
    rates = {player.name: player.optimizer.lr for player in game.players()}
    assert rates == {"generator": pytest.approx(2e-4 * 4 / 5), "discriminator": pytest.approx(2e-4 * 16 / 17)}


def test_a_penalty_of_both_players_is_a_phase_of_each() -> None:
    names = [phase.name for phase in gan(PenaltyChoice(name="zcr", interval=2)).phases()]
    assert names == ["discriminator", "discriminator/zcr", "generator", "generator/zcr"]


def test_a_state_is_in_the_checkpoint_and_goes_with_its_penalty() -> None:
    game = gan("lecam")
    assert [name for name in game.state_dict() if "lecam" in name] == [
        "kept_by_penalties.lecam.anchors",
        "kept_by_penalties.lecam.updates",
    ]
    game.use(penalty=[PenaltyChoice(name="drift")])
    assert not [name for name in game.state_dict() if "lecam" in name]


@pytest.mark.parametrize(
    ("penalty", "reason"),
    [
        ("cr", "is for samples of the kind image, and these are points"),
        ("feature-matching", "looks at features of the discriminator's inner layers, and Judge gives none"),
    ],
)
def test_a_combination_without_sense_is_refused_with_the_reason(penalty: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        gan(penalty).built_for(DataSpec((2,), "points"))


def test_latents_without_a_distance_are_refused() -> None:
    with pytest.raises(UsageError, match="wants a latent of real numbers"):
        gan("mode-seeking", latent=LatentSpec((LatentPart("class", (4,), "categorical"),)))


def test_an_augmentation_of_pictures_is_refused_for_points() -> None:
    game = Gan(Made(LatentSpec.normal(3)), Judge(), augment="diffaugment")
    with pytest.raises(UsageError, match="diffaugment is for samples of the kind image"):
        game.built_for(DataSpec((2,), "points"))


def test_dcgans_features_are_what_its_last_layer_sees() -> None:
    network = DcganDiscriminator(4, 1, 2, (4, 4), batch_norm=False)
    scores = network(torch.randn(3, 1, 16, 16))
    (features,) = scores.features
    assert features.shape == (3, 8, 4, 4)
    torch.testing.assert_close(network.layers[-1](features).view(-1), scores.logits)
