"""What a feature extractor is held to: pictures in, float32 features out, whatever the batch, the size and the day."""

from __future__ import annotations

import inspect
from functools import cached_property
from typing import Any, cast

import torch
from torch import Tensor

from ganzoo.errors import UsageError
from ganzoo.metrics.features import Extractor
from ganzoo.metrics.papers import WeightsMissing
from ganzoo.testing.check import Checks, Failed, Skipped, want
from ganzoo.testing.component import (
    Component,
    apart,
    check_options,
    check_unknown_refused,
    shuffled,
    without_global_chance,
)

PICTURES = 6
SIDE = 32  # pixels
SIZES = ((32, 32), (64, 64), (24, 40))  # height and width in pixels
CONSTANTS = (0, 127, 255)
TOLERANCE = 1e-4  # of features that are equal but for the order of sums


class ExtractorSubject(Component):
    """A feature extractor, made once: weights take their time to load."""

    def made(self, **options: Any) -> Any:
        """As Component.made, but that nothing is downloaded.

        Raises:
            Skipped: it needs an option that only its user can give, or weights or a package that are not on this machine.
        """
        wanted = [name for name, parameter in self.parameters.items() if parameter.default is inspect.Parameter.empty]
        if wanted:
            raise Skipped(f"it is made from what a user gives: {', '.join(wanted)}")
        if "download" in self.parameters:
            options = {"download": False, **options}
        try:
            return super().made(**options)
        except UsageError as error:
            if isinstance(error.__cause__, WeightsMissing):
                raise Skipped(str(error)) from error
            raise

    @cached_property
    def extractor(self) -> Extractor:
        """It.

        Raises:
            Skipped: it is for another modality, cannot be made, or needs a package that is not installed.
        """
        if self.record.modality != "image":
            raise Skipped(f"no {self.record.modality} can be made up for it")
        return cast(Extractor, self.own)

    @cached_property
    def features(self) -> Tensor:
        """Of `pictures()`."""
        return self.extractor(pictures())


def pictures(n: int = PICTURES, channels: int = 3, size: tuple[int, int] = (SIDE, SIDE), seed: int = 0) -> Tensor:
    """Different pictures with shapes and noise in them."""
    chance = torch.Generator().manual_seed(seed)
    coarse = torch.randint(0, 236, (n, channels, -(-size[0] // 8), -(-size[1] // 8)), generator=chance)
    shapes = coarse.repeat_interleave(8, 2).repeat_interleave(8, 3)[:, :, : size[0], : size[1]]
    return (shapes + torch.randint(0, 20, shapes.shape, generator=chance)).to(torch.uint8)


FEATURES = Checks("features")


@FEATURES.check(
    "made",
    why="A figure is named with its extractor and the digest of the weights.",
    hint="Give it `name` and `digest`, strings: the sha256 of the weights in hexadecimal, empty where there are none.",
)
def made(subject: ExtractorSubject) -> str:
    """It is made with its defaults, has a name and a digest, and takes named options alone."""
    extractor: Extractor = subject.made()
    for what in ("name", "digest"):
        value = getattr(extractor, what, None)
        want(isinstance(value, str), f"its {what} is {value!r}, wanted a string")
    want(bool(extractor.name.strip()), "its name is empty")
    hexadecimal = all(letter in "0123456789abcdef" for letter in extractor.digest)
    want(
        not extractor.digest or (hexadecimal and len(extractor.digest) >= 32),
        f"its digest is {extractor.digest!r}, wanted 32 hexadecimal digits or more, or nothing",
    )
    check_unknown_refused(subject)
    check_options(subject)
    return extractor.name + (f", weights {extractor.digest[:8]}" if extractor.digest else ", without weights")


@FEATURES.check(
    "maps",
    why="Metrics take (N, F) in float32 on the CPU.",
    hint="Flatten, convert to float32, and bring the features to the CPU, under torch.no_grad().",
)
def maps(subject: ExtractorSubject) -> str:
    """Pictures uint8 (N, C, H, W) become finite float32 (N, F) on the CPU without a graph; the pictures stay as they are."""
    given = pictures()
    kept, gradients = given.clone(), torch.is_grad_enabled()
    features = subject.extractor(given)
    want(features.dim() == 2 and len(features) == PICTURES, f"{PICTURES} pictures become {tuple(features.shape)}")
    want(features.dtype == torch.float32, f"the features are {features.dtype}, wanted torch.float32")
    want(features.device.type == "cpu", f"the features lie on {features.device}, wanted the CPU")
    want(not features.requires_grad, "the features have a graph")
    want(bool(torch.isfinite(features).all()), "the features are not finite")
    want(torch.equal(given, kept), "it changes the pictures that it is given")
    want(torch.is_grad_enabled() == gradients, "it leaves gradients switched off")
    return f"{features.shape[1]} features"


@FEATURES.check(
    "width",
    why="Reports and memory are planned with it.",
    hint="Declare in `width` how many features there are; None where it depends on the pictures.",
)
def width(subject: ExtractorSubject) -> str:
    """As many features as the record says."""
    said = subject.record.width
    if said is None:
        raise Skipped("the record says that it depends on the pictures")
    found = subject.features.shape[1]
    want(found == said, f"there are {found} features, the record says {said}")
    return str(said)


@FEATURES.check(
    "batches",
    why="A picture's features must not depend on the pictures beside it.",
    hint="Put the network into eval mode, and normalise by fixed numbers.",
)
def batches(subject: ExtractorSubject) -> None:
    """In any order and any parts each picture has the same features."""
    features, given = subject.features, pictures()
    numbers = shuffled(PICTURES)
    found = {
        "in another order": (subject.extractor(given[numbers]), features[numbers]),
        "one by one": (torch.cat([subject.extractor(given[i : i + 1]) for i in range(PICTURES)]), features),
        "in parts": (torch.cat([subject.extractor(part) for part in torch.split(given, 4)]), features),
    }
    for how, (one, other) in found.items():
        difference = apart(one, other)
        want(difference < TOLERANCE, f"the same pictures {how} have features that differ by up to {difference:.3g}")


@FEATURES.check(
    "colours",
    why="Data are grey or RGB.",
    hint="Repeat a grey picture to three channels, or take both as they are.",
)
def colours(subject: ExtractorSubject) -> None:
    """Grey and RGB pictures are taken."""
    for channels in (1, 3):
        features = subject.extractor(pictures(2, channels))
        want(features.dim() == 2 and len(features) == 2, f"2 pictures of {channels} channels: {tuple(features.shape)}")
        want(bool(torch.isfinite(features).all()), f"the features of {channels} channels are not finite")
        said = subject.record.width
        want(said in (None, features.shape[1]), f"{features.shape[1]} features of {channels} channels, wanted {said}")


@FEATURES.check(
    "sizes",
    why="Samples have any resolution, and need not be square.",
    hint="Resize to the network's own size first.",
)
def sizes(subject: ExtractorSubject) -> None:
    """Pictures of several sizes are taken, in any order in memory."""
    for size in SIZES:
        given = pictures(2, size=size)
        features = subject.extractor(given)
        want(features.dim() == 2 and len(features) == 2, f"2 pictures of {size}: {tuple(features.shape)}")
        want(bool(torch.isfinite(features).all()), f"the features of pictures of {size} are not finite")
        said = subject.record.width
        want(said in (None, features.shape[1]), f"{features.shape[1]} features of pictures of {size}, wanted {said}")
        other = subject.extractor(given.contiguous(memory_format=torch.channels_last))
        want(apart(features, other) < TOLERANCE, f"pictures of {size} in another order of memory have other features")


@FEATURES.check(
    "constant",
    why="Generators begin with pictures of one colour.",
    hint="Divide by no statistic of the picture.",
)
def constant(subject: ExtractorSubject) -> None:
    """Black, grey and white pictures have finite features, and not the same ones."""
    found = []
    for value in CONSTANTS:
        features = subject.extractor(torch.full((2, 3, SIDE, SIDE), value, dtype=torch.uint8))
        want(bool(torch.isfinite(features).all()), f"a picture of the value {value} has features that are not finite")
        found.append(features)
    want(not torch.equal(found[0], found[-1]), "black and white pictures have the same features")


@FEATURES.check(
    "tells-apart",
    why="What gives different pictures one row of features measures nothing.",
    hint="Look for a clamp or a scale that sends all values to one.",
)
def tells_apart(subject: ExtractorSubject) -> None:
    """Different pictures have different features."""
    features = subject.features
    for i in range(PICTURES):
        for j in range(i):
            want(not torch.equal(features[i], features[j]), f"pictures {j} and {i} differ, and their features do not")


@FEATURES.check(
    "again",
    why="Figures of today and of tomorrow are compared by the extractor's name and digest.",
    hint="Load weights from a file of known digest, or draw them from a generator with a fixed seed.",
)
def again(subject: ExtractorSubject) -> None:
    """A second object gives the same features, bit for bit; no global generator is used."""
    own = subject.extractor
    made = without_global_chance(subject.made, seed=1)
    found = without_global_chance(lambda: made(pictures()), seed=2)
    difference = apart(found, subject.features) if found.shape == subject.features.shape else float("inf")
    want(torch.equal(found, subject.features), f"a second object gives features that differ by up to {difference:.3g}")
    want(
        (made.name, made.digest) == (own.name, own.digest),
        "a second object is named otherwise",
    )


@FEATURES.check(
    "refuses",
    why="Pictures in -1..1, taken for 0..255, give a figure that looks like one.",
    hint="Raise ValueError for anything but uint8 (N, C, H, W) with 1 or 3 channels and at least one picture.",
)
def refuses(subject: ExtractorSubject) -> None:
    """Floats, a single picture without its batch, and no pictures are refused."""
    extractor = subject.extractor
    wrong = {
        "pictures in float32": pictures().float() / 127.5 - 1,
        "a picture (C, H, W)": pictures()[0],
        "pictures of 2 channels": pictures(channels=2),
        "no pictures": pictures()[:0],
    }
    for what, given in wrong.items():
        try:
            extractor(given)
        except (ValueError, TypeError) as error:
            want(" " in str(error), f"{what}: {type(error).__name__} says {str(error)!r}, wanted what is wrong")
            continue
        except Exception as error:
            raise Failed(f"{what}: {type(error).__name__}, wanted a ValueError that says what is wrong") from error
        raise Failed(f"{what} are taken, wanted a ValueError")


GROUPS = [FEATURES]
SUBJECT = ExtractorSubject
