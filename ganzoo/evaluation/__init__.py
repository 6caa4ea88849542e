"""Figures with their protocol: what is measured, against what, and how."""
