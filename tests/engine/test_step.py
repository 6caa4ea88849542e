"""The step: every tiny game through the real engine, its rates, its order, and what it must not do."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from ganzoo.config import Adam
from ganzoo.engine.step import Stepper
from ganzoo.errors import GanzooError, UsageError
from ganzoo.models import Batch, Game, Gan, Phase, Player, StepContext, Terms
from ganzoo.testing.host import HostReads
from tests.engine.tiny_games import GAMES, BalanceGame, TinyCritic, TinyGenerator
from tests.engine.worlds import BATCH, batches, stepper

# A loss of differences of scores does not change with the critic's last bias: its gradient is 0.
# Hinge: the same while every sample lies inside both margins.
CANCELS = {
    "adaptive weight": ["critic.2.bias"],
    "five critic phases": ["discriminator.net.2.bias"],
    "generator's loss needs reals": ["discriminator.net.2.bias"],
}
TRAINED = [name for name in GAMES if name != "fit and sample only"]


@pytest.mark.parametrize("name", TRAINED)
def test_every_player_moves(name: str) -> None:
    engine = stepper(name)  # 8 steps of 32 images reach the phases that begin at 128
    before = {n: p.detach().clone() for n, p in engine.game.named_parameters()}
    for _ in range(8):
        engine.step()
    means, faults = engine.gauges.fetch()
    assert not faults
    assert not any(value for name, value in means.items() if name.endswith("skipped"))
    unmoved = [n for n, p in engine.game.named_parameters() if n in before and torch.equal(p, before[n])]
    assert unmoved == CANCELS.get(name, [])
    assert all(value == value for value in means.values())


@pytest.mark.parametrize("name", TRAINED)
def test_two_steps_on_meta_find_no_host_sync_and_no_forgotten_device(name: str) -> None:
    engine = stepper(name, "meta")
    engine.step()
    engine.step()


@pytest.mark.parametrize("name", TRAINED)
def test_no_host_read_between_rows(name: str) -> None:
    engine = stepper(name)
    engine.step()
    with HostReads() as reads:
        engine.step()
        engine.step()
    assert not reads.seen
    with HostReads() as reads:
        engine.gauges.fetch()
    # tolist copies the whole tensor at once: it reads no single number.
    assert sum(reads.seen.values()) <= 1


def test_host_reads_are_seen_when_they_happen() -> None:
    with HostReads() as reads:
        torch.ones(2).sum().item()
    assert reads.seen


def test_five_critic_updates_each_on_fresh_samples() -> None:
    engine = stepper("five critic phases")
    shown = engine.step()
    assert shown == 5 * BATCH == engine.context.images
    assert engine.context.step == 1


def test_repeats_may_follow_the_step() -> None:
    engine = stepper("labels")
    # 3, 3, then 1 critic updates, and one fresh batch for the generator each time.
    assert [engine.step() // BATCH for _ in range(3)] == [4, 4, 2]


def test_lazy_penalty_is_due_at_its_interval_with_corrected_rates() -> None:
    engine = stepper("lazy penalty")
    seen = []
    for _ in range(8):
        engine.step()
        seen.append("discriminator/r1.r1" in engine.gauges.fetch()[0])
    assert seen == [True, False, False, False] * 2
    player = engine.seats["discriminator"].player
    plain = Adam()
    assert player.optimizer.lr == pytest.approx(plain.lr * 4 / 5)
    assert player.optimizer.beta2 == pytest.approx(plain.beta2 ** (4 / 5))
    assert engine.seats["generator"].player.optimizer.lr == plain.lr


def test_lazy_penalty_equals_its_interval_times_the_weight() -> None:
    game = GAMES["lazy penalty"]()
    batch, context = batches("cpu", torch.float32)(BATCH), StepContext(0)
    lazy = game("discriminator/r1", batch, context)["r1"]
    plain = Gan(game.generator, game.discriminator, penalty=["r1"])
    assert float(lazy.detach()) == pytest.approx(
        4 * float(plain("discriminator", batch, StepContext(0))["r1"].detach()), rel=1e-5
    )


def test_simultaneous_gradients_are_taken_at_the_same_point() -> None:
    """Each player's move equals a move computed by hand from the weights before the step."""
    engine = stepper("simultaneous update")
    game = engine.game
    batch, context = batches("cpu", torch.float32)(BATCH), StepContext(0)
    terms = game("both", batch, context)
    expected = {}
    for player in ("generator", "discriminator"):
        parameters = list(getattr(game, player).parameters())
        gradients = torch.autograd.grad(terms[f"{player}/adversarial"], parameters, retain_graph=True)
        optimizer = torch.optim.Adam(
            copies := [p.detach().clone().requires_grad_() for p in parameters], 2e-4, (0.5, 0.999)
        )
        for copy, gradient in zip(copies, gradients, strict=True):
            copy.grad = gradient
        optimizer.step()
        expected[player] = copies
    engine.step()
    for player, copies in expected.items():
        for p, copy in zip(getattr(game, player).parameters(), copies, strict=True):
            torch.testing.assert_close(p, copy)


def test_shared_fakes_are_generated_once() -> None:
    engine = stepper("shared fakes")
    calls = 0

    def count(*_: Any) -> None:
        nonlocal calls
        calls += 1

    engine.game.generator.register_forward_hook(count)
    engine.step()
    assert calls == 1
    assert not any(engine._shared)


def test_shared_fakes_equal_fresh_ones_from_the_same_latents() -> None:
    """The generator's gradient through kept fakes is the one that a second forward at the same latents gives."""
    game = GAMES["shared fakes"]().eval()  # eval: no dropout, so that the critic scores both alike
    batch, context = batches("cpu", torch.float32)(BATCH), StepContext(0)
    state = context.state_dict()
    game("discriminator", batch, context)
    parameters = list(game.generator.parameters())
    shared = torch.autograd.grad(game("generator", batch, context)["adversarial"], parameters)
    context.load_state_dict(state)
    assert "fake" not in context.shared
    fresh = torch.autograd.grad(game("generator", batch, context)["adversarial"], parameters)
    torch.testing.assert_close(shared, fresh)


def test_micro_batches_give_the_gradients_of_the_whole() -> None:
    whole, parts = (
        stepper("one parameter set in two players"),
        stepper("one parameter set in two players", micro_batches=4),
    )
    for engine in (whole, parts):
        engine._apply = lambda phase, seat, found, engine=engine: _remember(engine, seat, found)
        engine.step()
    for name, gradients in whole.seen.items():
        torch.testing.assert_close(parts.seen[name], gradients, rtol=1e-4, atol=1e-6)


def _remember(engine: Any, seat: Any, found: list[Any]) -> tuple[torch.Tensor, torch.Tensor]:
    engine.__dict__.setdefault("seen", {})[seat.player.name] = found
    return torch.zeros(()), torch.zeros(())


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])
def test_an_update_that_is_not_finite_is_skipped_and_counted(optimizer: str) -> None:
    from ganzoo.config import RMSprop, Sgd

    config = {"adam": Adam(), "rmsprop": RMSprop(), "sgd": Sgd()}[optimizer]
    game = Gan(TinyGenerator(), TinyCritic(), generator_optimizer=config, discriminator_optimizer=config)
    poison = False
    source = batches("cpu", torch.float32)

    def next_batch(n: int) -> Batch:
        batch = source(n)
        if poison:
            batch["x"][0, 0] = float("nan")
        return batch

    engine = Stepper(game, next_batch, StepContext(0), batch=BATCH)
    engine.step()
    before = [p.detach().clone() for p in game.discriminator.parameters()]
    poison = True
    engine.step()
    assert all(torch.equal(p, b) for p, b in zip(game.discriminator.parameters(), before, strict=True))
    means, faults = engine.gauges.fetch()
    assert faults["discriminator.adversarial"] == 1
    assert means["discriminator.skipped"] == 0.5
    poison = False
    engine.step()
    assert all(torch.isfinite(p).all() for p in game.parameters())
    assert not torch.equal(next(game.discriminator.parameters()), before[0])


def test_the_balance_controller_is_a_buffer_that_moves() -> None:
    engine = stepper("critic that returns samples")
    assert isinstance(engine.game, BalanceGame)
    for _ in range(5):
        engine.step()
    assert 0 < float(engine.game.balance) <= 1
    assert "critic.convergence" in engine.gauges.fetch()[0]


def test_only_the_players_own_parameters_get_gradients() -> None:
    engine = stepper("simultaneous update")
    engine.game.update = "alternating"
    engine.follow()
    seen: dict[str, set[str]] = {}

    def spy(module: Game, args: tuple[Any, ...]) -> None:
        seen[args[0]] = {n.split(".")[0] for n, p in module.named_parameters() if p.requires_grad}

    engine.game.register_forward_pre_hook(spy)
    engine.step()
    assert seen == {"discriminator": {"discriminator"}, "generator": {"generator"}}


def test_clipping_bounds_the_whole_gradient() -> None:
    engine = stepper("one parameter set in two players")
    seat = engine.seats["encoder"]
    found = [torch.full_like(p, 3.0) for p in seat.parameters]
    seen: list[torch.Tensor] = []
    seat.optimizer.step = lambda: seen.extend(p.grad.clone() for p in seat.parameters)  # type: ignore[method-assign]
    engine._apply("encoder", seat, found)
    assert float(torch.cat([g.flatten() for g in seen]).norm()) == pytest.approx(1.0, rel=1e-4)


class Broken(Game):
    def __init__(self, phases: list[Phase], terms: Any) -> None:
        super().__init__()
        self.net, self.other = TinyCritic(), TinyCritic()
        self._phases, self._terms = phases, terms

    def players(self) -> list[Player]:
        return [Player("net", [self.net])]

    def phases(self) -> list[Phase]:
        return self._phases

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        return self._terms(self, batch)


@pytest.mark.parametrize(
    ("phases", "terms", "words"),
    [
        ([Phase("a", "nobody")], None, "nobody"),
        ([Phase("a", "net")], lambda game, batch: {}, "no term"),
        ([Phase("a", "net")], lambda game, batch: {"t": batch.x.sum()}, "do not depend on the parameters"),
    ],
)
def test_a_wrong_game_is_named(phases: list[Phase], terms: Any, words: str) -> None:
    with pytest.raises(GanzooError, match=words):
        Stepper(Broken(phases, terms), batches("cpu", torch.float32), StepContext(0), batch=BATCH).step()


def test_more_parts_than_samples_are_refused() -> None:
    with pytest.raises(UsageError, match="micro_batches is 64, and a process has 32"):
        stepper("simultaneous update", micro_batches=64)


def test_release_turns_on_what_players_own_and_nothing_else() -> None:
    engine = stepper("five critic phases")
    engine.game.frozen = torch.nn.Parameter(torch.zeros(1), requires_grad=False)
    engine.step()
    engine.release()
    off = [name for name, p in engine.game.named_parameters() if not p.requires_grad]
    assert off == ["frozen"]
    engine.step()


def test_seconds_by_phase_are_since_the_last_fetch() -> None:
    engine = stepper("five critic phases")
    engine.step()
    assert set(engine.fetch_phase_seconds()) == {"discriminator", "generator"}
    assert engine.fetch_phase_seconds() == {}


def test_critic_updates_of_a_simultaneous_game_are_refused() -> None:
    with pytest.raises(UsageError, match="both players at once"):
        Gan(TinyGenerator(), TinyCritic(), update="simultaneous", d_steps=3)


@pytest.mark.parametrize("update", ["alternating", "simultaneous"])
def test_scoring_in_one_batch_is_the_same(update: Any) -> None:
    found = []
    for per_sample in (False, True):
        torch.manual_seed(0)
        game = Gan(TinyGenerator(), TinyCritic(), update=update, penalty=["gradient-penalty", "drift"])
        game.discriminator.per_sample = per_sample
        phase = "both" if update == "simultaneous" else "discriminator"
        terms = game(phase, batches("cpu", torch.float32)(BATCH), StepContext(0))
        found.append({name: term.detach() for name, term in terms.items()})
    torch.testing.assert_close(found[0], found[1])


def test_a_penalty_is_the_same_in_closed_form() -> None:
    found = []
    for closed in (False, True):
        torch.manual_seed(0)
        game = Gan(TinyGenerator(), TinyCritic(), penalty=["gradient-penalty"])
        calls = []
        if closed:
            game.discriminator.piecewise_linear = lambda game=game, calls=calls: (
                calls.append(1) or game.discriminator.net
            )
        term = game("discriminator", batches("cpu", torch.float32)(BATCH), StepContext(0))["gradient-penalty"]
        found.append(torch.autograd.grad(term, game.discriminator.net[0].weight)[0])
        assert bool(calls) == closed
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("lowers", "chained", "expected"),
    [
        (False, False, torch.float32),
        (True, False, torch.bfloat16),
        (None, False, torch.float32),
        (False, True, torch.float32),
        (None, True, torch.bfloat16),
    ],
)
def test_penalties_with_second_derivatives_are_float32_unless_the_run_wants_otherwise(
    lowers: bool | None, chained: bool, expected: torch.dtype
) -> None:
    class Spy(TinyCritic):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            score = super().forward(x)
            seen.append(score.dtype)
            return score

        def piecewise_linear(self) -> nn.Sequential | None:
            return self.net if chained else None

    seen: list[torch.dtype] = []
    spy = Spy()
    game = Gan(TinyGenerator(), spy, penalty=["gradient-penalty"])
    if chained:
        first = spy.net[0]
        first.register_forward_hook(lambda layer, x, y: seen.append(y.dtype))
    context = StepContext(0)
    context.lowers_penalties = lowers
    with torch.autocast("cpu", dtype=torch.bfloat16):
        term = game("discriminator", batches("cpu", torch.float32)(BATCH), context)["gradient-penalty"]
    assert seen[-1] == expected
    assert term.dtype == torch.float32
