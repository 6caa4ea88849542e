"""The conformance kit: what `ganzoo check` and the tests of a plugin hold a component to. Importing it loads no torch."""

from ganzoo.testing.check import Check, Failed, Outcome, Skipped
from ganzoo.testing.conformance import conformance
from ganzoo.testing.suite import Target, run, targets

__all__ = ["Check", "Failed", "Outcome", "Skipped", "Target", "conformance", "run", "targets"]
