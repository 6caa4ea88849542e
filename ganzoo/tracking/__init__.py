"""Where a run's measurements and pictures go. Importing it loads no torch, so that a plugin's light module may."""

from ganzoo.tracking.base import Progress, Tracker

__all__ = ["Progress", "Tracker"]
