"""Layers and initialisations that several plugins share."""

from ganzoo.models.layers.one_hot import one_hot

__all__ = ["one_hot"]
