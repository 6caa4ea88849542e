"""What a mutated component is: a working one with a single fault, and the check that has to find it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Args:
        name: of the record in the plugin of mutants.
        fault: what is wrong with it, in a few words.
        caught_by: the check that has to fail, whatever else does.
    """

    name: str
    fault: str
    caught_by: str
