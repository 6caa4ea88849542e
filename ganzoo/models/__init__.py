"""Networks, latents, scores and games: what an architecture is made of."""

from ganzoo.models.batch import Batch, DataSpec
from ganzoo.models.context import StepContext
from ganzoo.models.draws import Draws
from ganzoo.models.game import Change, Game, Phase, Player, Terms
from ganzoo.models.gan import Gan
from ganzoo.models.latent import Latent, LatentPart, LatentSpec
from ganzoo.models.networks import Discriminator, Generator
from ganzoo.models.scores import Scores

__all__ = [
    "Batch",
    "Change",
    "DataSpec",
    "Discriminator",
    "Draws",
    "Game",
    "Gan",
    "Generator",
    "Latent",
    "LatentPart",
    "LatentSpec",
    "Phase",
    "Player",
    "Scores",
    "StepContext",
    "Terms",
]
