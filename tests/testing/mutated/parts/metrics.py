"""The energy distance, of all samples and of classes, a share of copies, and the faults that metrics have."""

from __future__ import annotations

import torch
from torch import Tensor


def check(real: Tensor, fake: Tensor, *, finite: bool = True, widths: bool = True, least: int = 1) -> None:
    for x in (real, fake):
        if x.dim() != 2 or len(x) < least:
            raise ValueError(f"features must be a matrix of {least} samples or more, got {tuple(x.shape)}")
        if finite and not bool(torch.isfinite(x).all()):
            raise ValueError("features are NaN or infinite")
    if widths and real.shape[1] != fake.shape[1]:
        raise ValueError(f"the sets have {real.shape[1]} and {fake.shape[1]} features")


def mean_distance(a: Tensor, b: Tensor, chunk: int, *, drop_rest: bool = False) -> float:
    total, count = 0.0, 0
    for part in a.split(chunk):
        if drop_rest and len(part) < chunk and count:
            break
        total += float(torch.cdist(part, b, compute_mode="donot_use_mm_for_euclid_dist").sum())
        count += len(part) * len(b)
    return total / count


def whole(real: Tensor, fake: Tensor, chunk: int = 100) -> float:
    check(real, fake)
    a, b = real.double(), fake.double()
    return 2 * mean_distance(a, b, chunk) - mean_distance(a, a, chunk) - mean_distance(b, b, chunk)


def lopsided(real: Tensor, fake: Tensor) -> float:
    check(real, fake)
    a, b = real.double(), fake.double()
    return whole(a, b) + max(0.0, float(b.var() - a.var()))


def rest_dropped(real: Tensor, fake: Tensor, chunk: int = 100) -> float:
    check(real, fake)
    a, b = real.double(), fake.double()
    within = mean_distance(a, a, 100) + mean_distance(b, b, 100)
    return 2 * mean_distance(a, b, chunk, drop_rest=True) - within


def nan_passes(real: Tensor, fake: Tensor) -> float:
    check(real, fake, finite=False)
    return whole(torch.nan_to_num(real), torch.nan_to_num(fake))


def wrong_way(real: Tensor, fake: Tensor) -> float:
    return whole(real, fake)


def single_precision(real: Tensor, fake: Tensor) -> float:
    check(real, fake)
    variances = [x.square().mean(0) - x.mean(0).square() for x in (real, fake)]
    spread = float((variances[0] - variances[1]).square().sum())
    return whole(real, fake) + spread


def random_subset(real: Tensor, fake: Tensor) -> float:
    check(real, fake)
    return whole(real[torch.randperm(len(real))[:100]], fake)


def first_hundred(real: Tensor, fake: Tensor) -> float:
    return whole(real[:100], fake[:100])


def centred_in_place(real: Tensor, fake: Tensor) -> float:
    check(real, fake)
    centre = real.mean(0)
    return whole(real.sub_(centre), fake.sub_(centre))


def no_default(real: Tensor, fake: Tensor, chunk: int) -> float:
    return whole(real, fake, chunk)


def a_tensor(real: Tensor, fake: Tensor) -> Tensor:
    return torch.tensor(whole(real, fake))


def empty_is_nan(real: Tensor, fake: Tensor) -> float:
    if not len(real) or not len(fake):
        return float("nan")
    return whole(real, fake)


def stretched(real: Tensor, fake: Tensor) -> float:
    check(real, fake, widths=False)
    shift = float((real.double().mean(0) - fake.double().mean(0)).square().sum())
    return shift + abs(float(real.double().std() - fake.double().std()))


def not_nothing(real: Tensor, fake: Tensor) -> float:
    check(real, fake, least=2)
    a, b = real.double(), fake.double()
    own = [mean_distance(x, x, 100) * len(x) / (len(x) - 1) for x in (a, b)]
    return 2 * mean_distance(a, b, 100) - sum(own)


def by_class(real: Tensor, fake: Tensor, real_labels: Tensor, fake_labels: Tensor) -> dict[str, float]:
    classes = sorted({*real_labels.tolist(), *fake_labels.tolist()})
    values = [whole(real[real_labels == k], fake[fake_labels == k]) for k in classes]
    return {"mean": sum(values) / len(values), "worst": max(values)}


def whole_several(real: Tensor, fake: Tensor, real_labels: Tensor, fake_labels: Tensor) -> dict[str, float]:
    check(real, fake)
    if (len(real), len(fake)) != (len(real_labels), len(fake_labels)):
        raise ValueError("there must be one label for each sample")
    return by_class(real, fake, real_labels, fake_labels)


def labels_cut(real: Tensor, fake: Tensor, real_labels: Tensor, fake_labels: Tensor) -> dict[str, float]:
    check(real, fake)
    return by_class(real[: len(real_labels)], fake[: len(fake_labels)], real_labels, fake_labels)


def other_figures(real: Tensor, fake: Tensor) -> dict[str, float]:
    return {"average": whole(real, fake), "worst": whole(real, fake)}


def near(fake: Tensor, train: Tensor) -> float:
    distances = torch.cdist(fake.double(), train.double(), compute_mode="donot_use_mm_for_euclid_dist")
    return float((distances.amin(1) < 1e-6).double().mean())


def whole_copies(fake: Tensor, train: Tensor) -> float:
    check(train, fake)
    return near(fake, train)


def copies_wanted(fake: Tensor, train: Tensor) -> float:
    return whole_copies(fake, train)


def nan_in_training(fake: Tensor, train: Tensor) -> float:
    check(fake, fake)
    check(train, fake, finite=False)
    return near(fake, torch.nan_to_num(train))


def inputs_exchanged(fake: Tensor, real: Tensor) -> float:
    return whole(real, fake)


def seeding_torch(real: Tensor, fake: Tensor, *, seed: int = 0) -> float:
    check(real, fake)
    torch.manual_seed(seed)
    return whole(real[torch.randperm(len(real))[:100]], fake)
