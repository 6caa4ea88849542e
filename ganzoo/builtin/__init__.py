"""The built-in components: losses, penalties, augmentations, data sets, metrics, feature extractors and trackers.

They are registered by the same hooks as a plugin's, under the plugin name `ganzoo`. Records only: no torch.
"""

from ganzoo.builtin.augmentations import ganzoo_augmentations
from ganzoo.builtin.components import ganzoo_datasets, ganzoo_losses, ganzoo_penalties, ganzoo_trackers
from ganzoo.builtin.metrics import ganzoo_feature_extractors, ganzoo_metrics

__all__ = [
    "ganzoo_augmentations",
    "ganzoo_datasets",
    "ganzoo_feature_extractors",
    "ganzoo_losses",
    "ganzoo_metrics",
    "ganzoo_penalties",
    "ganzoo_trackers",
]
