"""Two pictures a sample: pairs, two domains, and the order in which a feed hands them out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from ganzoo.data import DataChoice, Feed, Source, StoredImages, open_source
from ganzoo.data.adapted import Adapted
from ganzoo.data.embedded import FASHION_CLASSES, edges, fashion, fashion_edges, fashion_trousers_dresses
from ganzoo.data.joined import seed_of
from ganzoo.data.sampler import permutation
from ganzoo.data.twofold import Domains, Pairs
from ganzoo.errors import GanzooError, UsageError
from ganzoo.models.draws import Draws

X, OTHER = 7, 5  # samples of each domain


def numbered(count: int, start: int = 0, channels: int = 1, size: tuple[int, int] = (4, 6)) -> StoredImages:
    """Pictures that are filled with their number."""
    values = np.arange(start, start + count, dtype=np.uint8)[:, None, None, None]
    return StoredImages(np.broadcast_to(values, (count, *size, channels)).copy())


def domains() -> Domains:
    return Domains(numbered(X), numbered(OTHER, 100), "two")


def feed(source: Source, **given: Any) -> Feed:
    facts: dict[str, Any] = {"seed": 3, "device": "cpu", "draws": Draws(3), "value_range": (0.0, 255.0)}
    return Feed(source, **{**facts, **given})


def numbers(*parts: torch.Tensor) -> list[int]:
    return [round(value) for x in parts for value in x[:, 0, 0, 0].tolist()]


def test_pairs_belong_together_and_are_described() -> None:
    pairs = Pairs(numbered(X), numbered(X, 100, channels=3), "both")
    assert pairs.spec.fields == {"source": (3, 4, 6)}
    assert pairs.spec.second == (3, 4, 6)
    assert (pairs.spec.count, pairs.spec.name) == (X, "both")
    batch = pairs.gather(np.array([4, 0, 4]))
    assert numbers(batch.x) == [4, 0, 4]
    assert numbers(batch["source"]) == [104, 100, 104]
    assert batch.second is batch["source"]
    smaller = pairs.at((2, 3))
    assert smaller is pairs.at((2, 3))
    assert smaller.gather(np.array([1]))["source"].shape == (1, 3, 2, 3)
    assert pairs.at((4, 6)) is pairs
    swapped = Pairs(numbered(X, 100), numbered(X), "both")
    assert len({pairs.digest, swapped.digest, pairs.apart().digest}) == 3


@pytest.mark.parametrize("other", [numbered(X + 1), numbered(X, size=(4, 4))])
def test_pairs_of_other_numbers_or_sizes_are_refused(other: StoredImages) -> None:
    with pytest.raises(ValueError, match=r"7 pictures of shape \(1, 4, 6\)"):
        Pairs(numbered(X), other, "both")


def test_a_feed_hands_out_each_domain_in_an_order_of_its_own() -> None:
    mine = feed(domains())
    seen = [mine.next(5) for _ in range(7)]
    x = numbers(*(batch.x for batch in seen))
    other = numbers(*(batch["other"] for batch in seen))
    own = seed_of(3, "other")
    assert own != 3
    assert x == [int(n) for epoch in range(5) for n in permutation(X, 3, epoch)]
    assert other == [100 + int(n) for epoch in range(7) for n in permutation(OTHER, own, epoch)]


def test_it_goes_on_where_a_checkpoint_was_taken() -> None:
    mine = feed(domains())
    for _ in range(3):
        mine.next(4)
    state = mine.state_dict()
    wanted = [mine.next(4) for _ in range(5)]
    again = feed(domains())
    again.load_state_dict(state)
    for batch in wanted:
        found = again.next(4)
        assert torch.equal(found.x, batch.x)
        assert torch.equal(found["other"], batch["other"])
    with pytest.raises(GanzooError, match="does not hold the samples"):
        feed(Domains(numbered(X), numbered(OTHER, 90), "two")).load_state_dict(state)


@pytest.mark.parametrize("room", [None, 0])
def test_several_processes_share_each_domains_batch(room: int | None) -> None:
    whole = feed(domains(), resident_bytes=room)
    parts = [feed(domains(), rank=rank, world=2, resident_bytes=room) for rank in range(2)]
    for _ in range(4):
        batch, pieces = whole.next(6), [part.next(6) for part in parts]
        for name in ("x", "other"):
            assert torch.equal(batch[name], torch.cat([piece[name] for piece in pieces]))


@pytest.mark.parametrize("room", [None, 0, 7 * 24])  # all resident, none, and x alone
def test_steps_that_make_their_batches_get_the_same_ones(room: int | None) -> None:
    plain, ahead = feed(domains()), feed(domains(), resident_bytes=room)
    example = ahead.example(4, 3)
    parts = ahead.ahead(4, 3)
    assert example.keys() == parts.keys()
    assert all(example[name].shape == parts[name].shape for name in parts)
    for i in range(3):
        made = ahead.made(parts.map(lambda value: value[i]), 4, ahead.held, ahead.draws)  # noqa: B023
        batch = plain.next(4)
        assert made.keys() == batch.keys()
        assert all(torch.equal(made[name], batch[name]) for name in batch)


def test_a_pass_has_every_x_once_and_the_others_by_their_number() -> None:
    mine = feed(domains())
    found = list(mine.epoch(3))
    assert numbers(*(batch.x for batch in found)) == list(range(X))
    assert numbers(*(batch["other"] for batch in found)) == [100, 101, 102, 103, 104, 100, 101]
    some = mine.some(3)
    assert len(some.x) == len(some["other"]) == 3
    assert numbers(domains().gather(np.array([6, 0]))["other"]) == [101, 100]


def test_another_size_is_for_both() -> None:
    mine = feed(domains())
    first = mine.next(3)
    mine.resize((2, 2))
    second = mine.next(3)
    assert second.x.shape[2:] == second["other"].shape[2:] == (2, 2)
    whole = feed(domains())
    assert numbers(whole.next(3).x) == numbers(first.x)
    assert numbers(whole.next(3)["other"]) == numbers(second["other"])


def test_second_pictures_are_brought_into_the_value_range_and_order_of_memory() -> None:
    source = Pairs(numbered(X, channels=3), StoredImages(np.full((X, 4, 6, 3), 255, np.uint8)), "both")
    for room in (None, 0):
        batch = feed(source, value_range=(-1.0, 1.0), resident_bytes=room).next(2)
        assert batch["source"].dtype == torch.float32
        assert torch.allclose(batch["source"], torch.ones(()), atol=1e-6)
        assert batch["source"].is_contiguous(memory_format=torch.channels_last)


def test_other_channels_are_for_both() -> None:
    colour = Adapted(domains(), 3, False)
    assert colour.spec.shape == colour.spec.fields["other"] == (3, 4, 6)
    assert colour.gather(np.array([2]))["other"].shape == (1, 3, 4, 6)
    mine = feed(colour)
    plain = feed(domains())
    for _ in range(3):
        batch, wanted = mine.next(4), plain.next(4)
        assert batch["other"].shape == (4, 3, 4, 6)
        assert numbers(batch["other"]) == numbers(wanted["other"])
        assert numbers(batch.x) == numbers(wanted.x)


def test_edges_are_where_neighbours_differ() -> None:
    flat = np.full((1, 6, 6), 90, np.uint8)
    assert not edges(flat).any()
    step = flat.copy()
    step[:, :, 3:] = 190
    found = edges(step)[0]
    assert set(np.unique(found)) == {0, 255}
    assert (found[:, 2:4] == 255).all()
    assert not found[:, [0, 1, 4, 5]].any()
    step[:, :, 3:] = 150  # a gradient of 240
    assert not edges(step).any()
    assert np.array_equal(edges(step.transpose(0, 2, 1)), edges(step).transpose(0, 2, 1))


def test_the_embedded_pairs_are_fashion_12k_and_its_edges() -> None:
    pairs = fashion_edges()
    clothes = fashion()
    batch = pairs.gather(np.array([5, 17]))
    assert torch.equal(batch.x, clothes.gather(np.array([5, 17])).x)
    assert np.array_equal(batch["source"][:, 0].numpy(), edges(clothes.images[[5, 17], ..., 0]))
    assert 0.1 < float((pairs.second.gather(np.arange(500)).x > 0).float().mean()) < 0.5
    assert fashion_edges("test").spec.count == 2000
    assert fashion_edges(count=10).spec.count == 10
    assert pairs.spec.classes == 0


def test_the_embedded_domains_are_two_classes() -> None:
    for split, count in (("train", 1000), ("test", 200)):
        both, clothes = fashion_trousers_dresses(split), fashion(split)  # type: ignore[arg-type]
        assert (len(both.x), len(both.second)) == (count, count)
        assert clothes.labels is not None
        for side, name in ((both.x, "Dress"), (both.second, "Trouser")):
            first = int(np.flatnonzero(clothes.labels == FASHION_CLASSES.index(name))[0])
            assert torch.equal(side.gather(np.array([0])).x, clothes.gather(np.array([first])).x)


def test_the_architectures_layout_names_the_default_data() -> None:
    assert DataChoice().resolved("image", "pairs").path == "fashion-edges"
    assert DataChoice().resolved("image", "domains").path == "fashion-trousers-dresses"
    chosen = DataChoice(path="fashion-12k", layout="samples").resolved("image", "pairs")
    assert (chosen.path, chosen.layout) == ("fashion-12k", "samples")
    assert chosen.resolved("image", "domains") == chosen


def test_pairs_are_domains_if_that_is_asked_for_and_nothing_else_is_pairs() -> None:
    apart = open_source(DataChoice(path="fashion-edges", layout="domains"), modality="image")
    assert set(apart.spec.fields) == {"other"}
    assert set(apart.others) == {"other"}
    for path, layout in (("fashion-12k", "pairs"), ("fashion-trousers-dresses", "pairs"), ("fashion-12k", "domains")):
        with pytest.raises(UsageError, match=f"{path} holds no {layout}.*Data that fit: fashion-"):
            open_source(DataChoice(path=path, layout=layout), modality="image")
