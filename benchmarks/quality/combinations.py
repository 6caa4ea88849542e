"""Every loss with every penalty on two backbones, and every augmentation on five architectures: 20 steps, finite or refused.

    python -m benchmarks.quality.combinations            # DCGAN's networks on pictures, the network of gan-2d on points

A cell is "ok", the reason for which the combination is refused before it is built, or what went wrong. Nothing here knows a
combination: what makes no sense is refused by what the components declare.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator

import torch

from ganzoo import plugin
from ganzoo.build import configure, find_arch
from ganzoo.errors import UsageError
from ganzoo.registry import registry
from ganzoo.testing.subject import ArchSubject

STEPS = 20
BACKBONES = ("classic/dcgan", "classic/gan-2d")
AUGMENTED = ("classic/dcgan", "wasserstein/wgan-gp", "resnet/sngan", "style/stylegan2", "style/r3gan")


def outcome(arch: str, *assignments: str) -> str:
    """What 20 steps of the smallest configuration come to: "ok", or why not."""
    entry = find_arch(arch)
    subject = ArchSubject(entry)
    try:
        config = configure(entry, (*subject.assignments, *assignments))
        world = subject.world(config=config)
    except UsageError as reason:
        return f"refused: {reason}"
    for _ in range(STEPS):
        world.step()
    values = world.game.state_dict()
    bad = [name for name, value in values.items() if value.is_floating_point() and not bool(value.isfinite().all())]
    return f"not finite: {bad[0]}" if bad else "ok"


def names(kind: type[plugin.Record]) -> list[str]:
    """Ids of the built-in components of a kind."""
    return [entry.id for entry in registry().entries(kind) if entry.plugin == "ganzoo"]


def cells() -> Iterator[tuple[str, str, str, str]]:
    """Architecture, first component, second one, outcome."""
    for arch in BACKBONES:
        for loss in names(plugin.Loss):
            for penalty in names(plugin.Penalty):
                yield arch, loss, penalty, outcome(arch, f"loss={loss}", f"penalty={penalty}")
    for arch in AUGMENTED:
        for augmentation in names(plugin.Augmentation):
            yield arch, augmentation, "", outcome(arch, f"augment={augmentation}")


def main() -> int:
    """Print a line a cell that is not ok, and the counts; 1 if something went wrong."""
    parser = argparse.ArgumentParser(description="combinations of components")
    parser.parse_args()
    torch.set_num_threads(1)
    counts: Counter[tuple[str, str]] = Counter()
    wrong = False
    for arch, one, other, found in cells():
        word = found.partition(":")[0]
        counts[arch, word] += 1
        wrong |= word not in ("ok", "refused")
        if found != "ok":
            print(f"{arch} {one} {other}: {found}", flush=True)
    for (arch, word), number in sorted(counts.items()):
        print(f"{arch}: {number} {word}")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
