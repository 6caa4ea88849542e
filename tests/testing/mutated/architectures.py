"""The records of mutated architectures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ganzoo import Arch, hookimpl
from tests.testing.architecture_mutants import MUTANTS

FACTS: dict[str, Any] = {
    "paper": "https://example.org/mutants",
    "year": 2026,
    "licence": "Apache-2.0",
    "conditional": True,
    "resolution": 8,
    "channels": 1,
}
OWN: dict[str, dict[str, Any]] = {  # facts of single records
    "wrong-count": {"parameters": {"generator": 1, "discriminator": 2}},
    "bad-preset": {"presets": {"tiny": ("batch=8",), "large": ("widht=64",)}},
    "default-too-deep": {"presets": {"tiny": ("batch=8", "depth=1")}},
    "bad-licence": {"licence": "Apache 2"},
    "bad-paper": {"paper": "Goodfellow et al. 2014"},
    "name-again": {"summary": "Name again"},
    "other-chain": {"conditional": False},
    "folds-shapes": {"conditional": False},
    "translates-anything": {"conditional": False, "layout": "pairs"},
}
WHOLE = ("whole", "whole-with-penalty")
RECORDS_ALONE = ("wrong-count", "bad-preset", "bad-licence", "bad-paper", "name-again", "dcgan")  # of whole code


@hookimpl
def ganzoo_architectures() -> Iterator[Arch]:
    """One for each fault, and two without."""
    for name in (*WHOLE, *(mutant.name for mutant in MUTANTS)):
        code = "whole" if name in RECORDS_ALONE else name.replace("-", "_")
        facts = {"summary": f"A mutant or none: {name}", **FACTS, **OWN.get(name, {})}
        yield Arch(name=name, target=f"tests.testing.mutated.games:{code}", **facts)
