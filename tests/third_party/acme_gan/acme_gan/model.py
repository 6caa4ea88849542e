"""A fully connected GAN. B batch, L latent, F numbers of a sample."""

from math import prod

from torch import nn

from ganzoo import DataSpec, Gan, GanConfig, LatentSpec, option


class MlpConfig(GanConfig):
    width: int = option(256, "hidden units a layer", ge=1)
    latent: int = option(32, "numbers in a latent", ge=1)


def layers(inputs: int, width: int, outputs: int) -> list[nn.Module]:
    hidden = [nn.Linear(inputs, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2)]
    return [*hidden, nn.Linear(width, outputs)]


def build(config: MlpConfig, data: DataSpec) -> Gan:
    numbers = prod(data.shape)  # F: of a picture or of a point
    bound = [nn.Tanh()] if data.modality == "image" else []  # pictures lie in [-1, 1]
    generator = nn.Sequential(*layers(config.latent, config.width, numbers), *bound, nn.Unflatten(1, data.shape))
    discriminator = nn.Sequential(nn.Flatten(), *layers(numbers, config.width, 1))
    return Gan(generator, discriminator, config, latent=LatentSpec.normal(config.latent))
