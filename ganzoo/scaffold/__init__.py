"""Writes the first version of a plugin's project: `ganzoo new`."""
