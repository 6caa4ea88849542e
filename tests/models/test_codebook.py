"""Codebook and counted prior of codes: nearest entries, which term moves what, and shares that come back."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ganzoo.models import Draws
from ganzoo.models.layers.code_prior import CodePrior
from ganzoo.models.layers.codebook import Codebook, perplexity

B, F, H, W, K = 3, 5, 2, 4, 7


def made(**options: object) -> tuple[Codebook, Tensor]:
    torch.manual_seed(0)
    book = Codebook(K, F, **options)  # type: ignore[arg-type]
    return book, torch.randn(B, F, H, W).mul(0.2).requires_grad_()


def test_entries_begin_within_one_over_their_number() -> None:
    weight = Codebook(50, 40).weight
    assert weight.shape == (50, 40)
    assert 0.0195 < weight.abs().max() <= 0.02


def test_codes_are_those_of_the_nearest_entries() -> None:
    book, z = made()
    distance = (z.movedim(1, -1).unsqueeze(-2) - book.weight).square().sum(-1)
    codes = book.nearest(z)
    assert codes.shape == (B, H, W)
    assert torch.equal(codes, distance.argmin(-1))
    assert torch.equal(book.entries(codes), book.weight[codes].movedim(-1, 1))


def test_the_gradient_passes_straight_through() -> None:
    book, z = made()
    entries, _, codes = book(z)
    torch.testing.assert_close(entries, book.entries(codes))
    weight = torch.randn_like(entries)
    (by_z, by_book) = torch.autograd.grad((entries * weight).sum(), [z, book.weight], allow_unused=True)
    assert torch.equal(by_z, weight)
    assert by_book is None


@pytest.mark.parametrize("legacy", [False, True])
def test_beta_weighs_the_commitment_and_in_the_published_code_the_other_term(legacy: bool) -> None:
    book, z = made(beta=0.25, legacy=legacy)
    _, term, codes = book(z)
    by_z, by_book = torch.autograd.grad(term, [z, book.weight])
    difference = (z - book.entries(codes)).detach()
    own, commitment = (0.25, 1.0) if legacy else (1.0, 0.25)
    torch.testing.assert_close(by_z, commitment * 2 * difference / difference.numel())
    wanted = torch.zeros_like(book.weight).index_add_(
        0, codes.flatten(), -own * 2 * difference.movedim(1, -1).reshape(-1, F) / difference.numel()
    )
    torch.testing.assert_close(by_book, wanted)
    torch.testing.assert_close(term.detach(), 1.25 * difference.square().mean())


def test_nearest_entries_are_found_in_float32_under_autocast() -> None:
    book, z = made()
    with torch.autocast("cpu", torch.bfloat16):
        entries, _, codes = book(z)
    assert torch.equal(codes, book.nearest(z))
    assert entries.dtype == torch.float32


def test_perplexity() -> None:
    assert float(perplexity(torch.arange(8).view(2, 4), 10)) == pytest.approx(8, rel=1e-5)
    assert float(perplexity(torch.zeros(2, 4, dtype=torch.int64), 10)) == pytest.approx(1)


def test_an_empty_codebook_is_refused() -> None:
    with pytest.raises(ValueError, match="1 entry"):
        Codebook(0, 3)


def chance_of(prior: CodePrior, n: int = 20_000) -> Tensor:
    return prior.sample(n, Draws(generator=torch.Generator().manual_seed(0)))


def test_a_new_prior_is_uniform() -> None:
    codes = chance_of(CodePrior((1, 2), 4))
    assert codes.shape == (20_000, 1, 2)
    shares = torch.bincount(codes.flatten(), minlength=4) / codes.numel()
    assert (shares - 0.25).abs().max() < 0.015


def test_places_have_their_own_shares() -> None:
    prior = CodePrior((2, 2), 3, trust=0)
    maps = torch.tensor([[[0, 1], [2, 0]], [[0, 1], [2, 1]]])
    prior.count(maps)
    codes = chance_of(prior)
    assert float((codes[:, 0, 0] == 0).float().mean()) > 0.98
    assert float((codes[:, 1, 1] == 0).float().mean()) == pytest.approx(0.5, abs=0.02)


def test_neighbours_decide_where_they_are_trusted() -> None:
    """Rows are all 0 or all 1 with equal chance: the place alone does not know which."""
    together = {}
    for trust in (0.0, 1.0):
        prior = CodePrior((1, 3), 2, trust=trust)
        prior.count(torch.tensor([[[0, 0, 0]], [[1, 1, 1]]]).repeat(50, 1, 1))
        codes = chance_of(prior)
        together[trust] = float((codes[:, 0, 0] == codes[:, 0, 2]).float().mean())
    assert together[0.0] == pytest.approx(0.5, abs=0.02)
    assert together[1.0] > 0.98


def test_counts_are_of_the_code_to_the_left_and_the_one_above_and_forget() -> None:
    prior = CodePrior((2, 2), 4, half_life=1)
    prior.count(torch.tensor([[[0, 1], [2, 3]]]))
    assert prior.left.nonzero().tolist() == [[0, 1], [2, 3]]
    assert prior.above.nonzero().tolist() == [[0, 2], [1, 3]]
    prior.count(torch.tensor([[[0, 0], [0, 0]]]))
    assert float(prior.left[0, 1]) == 0.5
    assert float(prior.places[3, 3]) == 0.5


def test_counting_runs_on_meta() -> None:
    prior = CodePrior((2, 2), 4).to("meta")
    prior.count(torch.zeros(3, 2, 2, dtype=torch.int64, device="meta"))
