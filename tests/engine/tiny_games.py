"""One tiny game for each shape that the contract must hold, each trained through the real engine by the tests beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, l1_loss, mse_loss, softplus

from ganzoo.config import Adam, PenaltyChoice, RMSprop, Schedule, Sgd
from ganzoo.models import (
    Batch,
    Change,
    Discriminator,
    Draws,
    Game,
    Gan,
    Generator,
    LatentPart,
    LatentSpec,
    Phase,
    Player,
    Scores,
    StepContext,
    Terms,
)
from ganzoo.models.guard import checked_labels
from ganzoo.models.layers import one_hot

FEATURES = 2
LATENT = 4
CLASSES = 3
LENGTH = 5  # tokens of the text game
VOCABULARY = 6


def mlp(*sizes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for size_in, size_out in pairwise(sizes):
        layers += [nn.Linear(size_in, size_out), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])


class TinyGenerator(Generator):
    def __init__(self, latent: int = LATENT, features: int = FEATURES) -> None:
        super().__init__()
        self.latent = LatentSpec.normal(latent)
        self.net = mlp(latent, 16, features)

    def forward(self, z: Tensor) -> Tensor:
        return self.net(z)


class TinyCritic(Discriminator):
    def __init__(self, features: int = FEATURES) -> None:
        super().__init__()
        self.net = mlp(features, 16, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


def simultaneous() -> Game:
    return Gan(TinyGenerator(), TinyCritic(), update="simultaneous")


def five_critic_phases() -> Game:
    return Gan(
        TinyGenerator(),
        TinyCritic(),
        loss="wasserstein",
        penalty=["gradient-penalty"],
        d_steps=5,
        generator_optimizer=Adam(lr=1e-3, beta1=0.0, beta2=0.9),
        discriminator_optimizer=RMSprop(lr=1e-3),
    )


def lazy_penalty() -> Game:
    return Gan(TinyGenerator(), TinyCritic(), penalty=[PenaltyChoice(name="r1", interval=4)])


def needs_reals() -> Game:
    return Gan(TinyGenerator(), TinyCritic(), loss="relativistic", penalty=["r1", "r2"])


def shared_fakes() -> Game:
    generator = TinyGenerator()
    generator.net = nn.Sequential(nn.Linear(LATENT, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, FEATURES))
    critic = TinyCritic()
    critic.net = nn.Sequential(nn.Linear(FEATURES, 16), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(16, 1))
    return Gan(generator, critic, fakes="shared")


class CodeGame(Game):
    """InfoGAN's shape: the code's player has the generator and the critic's second head."""

    def __init__(self) -> None:
        super().__init__()
        self.latent = LatentSpec((LatentPart("z", (LATENT,)), LatentPart("code", (CLASSES,), "categorical")))
        self.generator = mlp(LATENT + CLASSES, 16, FEATURES)
        self.trunk = mlp(FEATURES, 16)
        self.head = nn.Linear(16, 1)
        self.code_head = nn.Linear(16, CLASSES)

    def players(self) -> Sequence[Player]:
        return [
            Player("discriminator", [self.trunk, self.head]),
            Player("generator", [self.generator]),
            Player("code", [self.generator, self.code_head], Adam(lr=1e-3), shares=("generator",)),
        ]

    def phases(self) -> Sequence[Phase]:
        return [
            Phase("discriminator", "discriminator"),
            Phase("generator", "generator", batch="same"),
            Phase("code", "code", batch="same"),
        ]

    def _fake(self, n: int, context: Draws) -> tuple[Tensor, Tensor]:
        z = self.latent.sample(n, context)
        assert isinstance(z, dict)
        return self.generator(torch.cat([z["z"], z["code"]], 1)), z["code"]

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        fake, code = self._fake(batch.size, context)
        hidden = self.trunk(fake.detach() if phase == "discriminator" else fake)
        if phase == "discriminator":
            return {
                "real": softplus(-self.head(self.trunk(batch.x))).mean(),
                "fake": softplus(self.head(hidden)).mean(),
            }
        if phase == "generator":
            return {"fool": softplus(-self.head(hidden)).mean()}
        return {"code": cross_entropy(self.code_head(hidden), code.argmax(1))}

    def sample(self, n: int, *, condition: Tensor | None = None, generator: Any = None, **options: Any) -> Tensor:
        return self._fake(n, Draws(device=self.head.weight.device, generator=generator))[0]


class AutoencoderGame(Game):
    """The adversarial autoencoder's shape: the encoder's parameters belong to two players."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder, self.critic = (
            mlp(FEATURES, 16, LATENT),
            mlp(LATENT, 16, FEATURES),
            mlp(LATENT, 16, 1),
        )

    def players(self) -> Sequence[Player]:
        return [
            Player("autoencoder", [self.encoder, self.decoder], Adam(lr=1e-3)),
            Player("critic", [self.critic], Sgd(lr=0.05, momentum=0.5)),
            Player("encoder", [self.encoder], Adam(lr=5e-4), clip_norm=1.0, shares=("autoencoder",)),
        ]

    def phases(self) -> Sequence[Phase]:
        return [
            Phase("autoencoder", "autoencoder"),
            Phase("critic", "critic", batch="same"),
            Phase("encoder", "encoder", batch="same"),
        ]

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        code = self.encoder(batch.x)
        if phase == "autoencoder":
            return {"reconstruction": mse_loss(self.decoder(code), batch.x)}
        if phase == "critic":
            prior = context.normal(batch.size, LATENT)
            return {"critic": softplus(-self.critic(prior)).mean() + softplus(self.critic(code.detach())).mean()}
        return {"fool": softplus(-self.critic(code)).mean()}

    def sample(self, n: int, *, condition: Tensor | None = None, generator: Any = None, **options: Any) -> Tensor:
        z = torch.randn(n, LATENT, generator=generator, device=self.decoder[0].weight.device)
        return self.decoder(z)


class BalanceGame(Game):
    """BEGAN's shape: the critic returns samples, and a controller in a buffer balances the players."""

    balance: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.generator = TinyGenerator()
        self.critic = mlp(FEATURES, 3, FEATURES)
        self.register_buffer("balance", torch.full((), 0.5))

    def players(self) -> Sequence[Player]:
        return [Player("critic", [self.critic]), Player("generator", [self.generator])]

    def phases(self) -> Sequence[Phase]:
        return [Phase("critic", "critic"), Phase("generator", "generator", batch="same")]

    def _error(self, x: Tensor) -> Tensor:
        return (Scores(x, reconstruction=self.critic(x)).reconstruction - x).abs().mean()

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        fake = self.generator(self.generator.latent.sample(batch.size, context))
        if phase == "generator":
            return {"error": self._error(fake)}
        real_error, fake_error = self._error(batch.x), self._error(fake.detach())
        context.note("convergence", real_error + (0.5 * real_error - fake_error).abs())
        context.note("gap", 0.5 * real_error - fake_error)
        return {"real": real_error, "fake": -self.balance * fake_error}

    def after_phase(self, phase: str, context: StepContext) -> None:
        if phase == "critic":
            self.balance.add_(0.1 * context.notes["gap"]).clamp_(0, 1)

    def sample(self, n: int, *, condition: Tensor | None = None, generator: Any = None, **options: Any) -> Tensor:
        draws = Draws(device=self.balance.device, generator=generator)
        return self.generator(self.generator.latent.sample(n, draws))


class UnpairedGame(Game):
    """CycleGAN's shape: two domains, two generators under one optimiser, two critics, and a pool of earlier fakes."""

    pool: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.to_b, self.to_a = mlp(FEATURES, 16, FEATURES), mlp(FEATURES, 16, FEATURES)
        self.critic_a, self.critic_b = mlp(FEATURES, 16, 1), mlp(FEATURES, 16, 1)
        self.register_buffer("pool", torch.zeros(32, 2, FEATURES))

    def players(self) -> Sequence[Player]:
        return [
            Player("generators", [self.to_b, self.to_a]),
            Player("critic a", [self.critic_a]),
            Player("critic b", [self.critic_b]),
        ]

    def phases(self) -> Sequence[Phase]:
        return [
            Phase("generators", "generators"),
            Phase("critic a", "critic a", batch="same"),
            Phase("critic b", "critic b", batch="same"),
        ]

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        a, b = batch.x, batch["b"]
        if phase == "generators":
            fake_b, fake_a = self.to_b(a), self.to_a(b)
            context.shared["fakes"] = torch.stack([fake_a, fake_b], 1).detach()
            return {
                "fool": ((self.critic_b(fake_b) - 1) ** 2).mean() + ((self.critic_a(fake_a) - 1) ** 2).mean(),
                "cycle": 10 * (l1_loss(self.to_a(fake_b), a) + l1_loss(self.to_b(fake_a), b)),
            }
        side = 0 if phase == "critic a" else 1
        critic, real = (self.critic_a, a) if side == 0 else (self.critic_b, b)
        fakes = context.shared["fakes"][:, side]
        old = self.pool[context.integers(len(self.pool), batch.size, stream="pool"), side]
        use_old = context.uniform(batch.size, 1, stream="pool") < 0.5
        fake = torch.where(use_old, old, fakes)
        return {"critic": 0.5 * (((critic(real) - 1) ** 2).mean() + (critic(fake) ** 2).mean())}

    def after_phase(self, phase: str, context: StepContext) -> None:
        if phase == "critic b":
            fakes = context.shared["fakes"]
            self.pool.copy_(torch.cat([fakes, self.pool])[: len(self.pool)])

    def notes_on_processes(self) -> list[str]:
        return [NOT_SEPARATING["unpaired data and a pool"]]

    def sample(self, n: int, *, condition: Tensor | None = None, generator: Any = None, **options: Any) -> Tensor:
        return self.to_b(torch.randn(n, FEATURES, generator=generator, device=self.pool.device))


class GrowingGame(Game):
    """ProGAN's shape: at 256 images both networks gain a block, the pictures double, batch and rates change."""

    GROWS_AT = 256

    def __init__(self) -> None:
        super().__init__()
        self.to_4 = nn.Linear(LATENT, 16)
        self.from_4 = nn.Linear(16, 1)
        self.grown = False

    def on_progress(self, images: int) -> Change | None:
        if self.grown or images < self.GROWS_AT:
            return None
        device = self.to_4.weight.device
        self.up = nn.Conv2d(1, 1, 3, padding=1, device=device)
        self.down = nn.Conv2d(1, 1, 3, padding=1, device=device)
        self.grown = True
        return Change(resolution=(8, 8), batch=16, reset=("critic",))

    def players(self) -> Sequence[Player]:
        rate = 1e-3 if self.grown else 2e-3
        generator, critic = (
            ([self.to_4, self.up], [self.from_4, self.down]) if self.grown else ([self.to_4], [self.from_4])
        )
        return [Player("generator", generator, Adam(lr=rate)), Player("critic", critic, Adam(lr=rate))]

    def phases(self) -> Sequence[Phase]:
        return [Phase("critic", "critic"), Phase("generator", "generator", batch="same")]

    def _make(self, z: Tensor) -> Tensor:
        x = self.to_4(z).view(-1, 1, 4, 4)
        return self.up(nn.functional.interpolate(x, scale_factor=2)) if self.grown else x

    def _score(self, x: Tensor) -> Tensor:
        x = nn.functional.avg_pool2d(self.down(x), 2) if self.grown else x
        return self.from_4(x.reshape(len(x), -1))

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        fake = self._make(context.normal(batch.size, LATENT))
        if phase == "generator":
            return {"fool": softplus(-self._score(fake)).mean()}
        return {"critic": softplus(-self._score(batch.x)).mean() + softplus(self._score(fake.detach())).mean()}

    def sample(self, n: int, *, condition: Tensor | None = None, generator: Any = None, **options: Any) -> Tensor:
        return self._make(torch.randn(n, LATENT, generator=generator, device=self.to_4.weight.device))


class AdaptiveGame(Game):
    """VQ-GAN's shape: the adversarial weight is the ratio of two gradients at the decoder's last layer; a late critic."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder, self.critic = (
            mlp(FEATURES, 16, LATENT),
            mlp(LATENT, 16, FEATURES),
            mlp(FEATURES, 16, 1),
        )

    def players(self) -> Sequence[Player]:
        return [Player("autoencoder", [self.encoder, self.decoder]), Player("critic", [self.critic])]

    def phases(self) -> Sequence[Phase]:
        return [Phase("autoencoder", "autoencoder"), Phase("critic", "critic", batch="same", start=128)]

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        fake = self.decoder(self.encoder(batch.x))
        if phase == "critic":
            real, other = self.critic(batch.x), self.critic(fake.detach())
            return {"critic": torch.relu(1 - real).mean() + torch.relu(1 + other).mean()}
        reconstruction, fool = mse_loss(fake, batch.x), -self.critic(fake).mean()
        last = self.decoder[-1].weight
        norms = [torch.autograd.grad(term, last, retain_graph=True)[0].norm() for term in (reconstruction, fool)]
        weight = (norms[0] / (norms[1] + 1e-4)).clamp(0, 1e4).detach()
        context.note("adaptive weight", weight)
        return {"reconstruction": reconstruction, "fool": weight * fool}

    def notes_on_processes(self) -> list[str]:
        return [NOT_SEPARATING["adaptive weight"]]

    def sample(self, n: int, *, condition: Tensor | None = None, generator: Any = None, **options: Any) -> Tensor:
        return self.decoder(torch.randn(n, LATENT, generator=generator, device=self.decoder[0].weight.device))


class PolicyGame(Game):
    """SeqGAN's shape: a stage of maximum likelihood, then a policy gradient without gradient through the samples."""

    def __init__(self) -> None:
        super().__init__()
        self.policy = nn.Linear(VOCABULARY, VOCABULARY)
        self.critic = mlp(LENGTH * VOCABULARY, 16, 1)

    def players(self) -> Sequence[Player]:
        return [Player("policy", [self.policy], Adam(lr=1e-2)), Player("critic", [self.critic])]

    def phases(self) -> Sequence[Phase]:
        return [
            Phase("likelihood", "policy", until=128),
            Phase("critic", "critic", start=128),
            Phase("reward", "policy", batch="same", start=128),
        ]

    @staticmethod
    def _tokens(x: Tensor) -> Tensor:
        """Tokens from points: what matters is that samples are discrete, (B, LENGTH, VOCABULARY) one-hot."""
        index = ((x[:, :1] + x[:, 1:] * torch.arange(1, LENGTH + 1, device=x.device)).abs() * 3).long() % VOCABULARY
        return one_hot(index, VOCABULARY, x.dtype)

    def _write(self, n: int, context: Draws) -> tuple[Tensor, Tensor]:
        chance = context.uniform(n, LENGTH, VOCABULARY, low=1e-6, high=1.0, stream="tokens").to(
            self.policy.weight.dtype
        )
        token = torch.zeros_like(chance[:, 0])
        tokens, log_p = [], []
        for t in range(LENGTH):
            scores = self.policy(token).log_softmax(1)
            token = one_hot((scores - (-chance[:, t].log()).log()).argmax(1), VOCABULARY, scores.dtype)
            tokens.append(token)
            log_p.append((scores * token).sum(1))
        return torch.stack(tokens, 1), torch.stack(log_p, 1).sum(1)

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        if phase == "likelihood":
            tokens = self._tokens(batch.x)
            before = torch.cat([torch.zeros_like(tokens[:, :1]), tokens[:, :-1]], 1)
            return {"likelihood": -(self.policy(before).log_softmax(2) * tokens).sum((1, 2)).mean()}
        with torch.set_grad_enabled(phase == "reward"):
            tokens, log_p = self._write(batch.size, context)
        score = self.critic(tokens.flatten(1)).squeeze(1)
        if phase == "critic":
            real = self.critic(self._tokens(batch.x).flatten(1)).squeeze(1)
            return {"critic": softplus(-real).mean() + softplus(score).mean()}
        return {"reward": -(log_p * torch.sigmoid(score.detach())).mean()}

    def sample(self, n: int, *, condition: Tensor | None = None, generator: Any = None, **options: Any) -> Tensor:
        draws = Draws(device=self.policy.weight.device, generator=generator)
        return self._write(n, draws)[0].argmax(2).float()


class UnrolledGame(Game):
    """Unrolled GAN's shape: the generator's loss is differentiated through three steps of the critic."""

    def __init__(self) -> None:
        super().__init__()
        self.generator, self.critic = TinyGenerator(), mlp(FEATURES, 16, 1)

    def players(self) -> Sequence[Player]:
        return [Player("generator", [self.generator]), Player("critic", [self.critic])]

    def phases(self) -> Sequence[Phase]:
        return [Phase("critic", "critic"), Phase("generator", "generator", batch="same", keeps=("critic",))]

    def _value(self, parameters: dict[str, Tensor], real: Tensor, fake: Tensor) -> Tensor:
        real_score, fake_score = (functional_call(self.critic, parameters, (x,)) for x in (real, fake))
        return softplus(-real_score).mean() + softplus(fake_score).mean()

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        fake = self.generator(self.generator.latent.sample(batch.size, context))
        parameters: dict[str, Tensor] = dict(self.critic.named_parameters())
        if phase == "critic":
            return {"critic": self._value(parameters, batch.x, fake.detach())}
        for _ in range(3):
            gradients = torch.autograd.grad(
                self._value(parameters, batch.x, fake), list(parameters.values()), create_graph=True
            )
            parameters = {name: p - 0.1 * g for (name, p), g in zip(parameters.items(), gradients, strict=True)}
        return {"fool": softplus(-functional_call(self.critic, parameters, (fake,))).mean()}

    def notes_on_processes(self) -> list[str]:
        return [NOT_SEPARATING["inner unrolled loop"]]

    def sample(self, n: int, *, condition: Tensor | None = None, generator: Any = None, **options: Any) -> Tensor:
        draws = Draws(device=self.critic[0].weight.device, generator=generator)
        return self.generator(self.generator.latent.sample(n, draws))


class GaussianGame(Game):
    """A baseline: it is fitted and sampled, and has no phase."""

    mean: Tensor
    root: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("root", torch.eye(FEATURES))

    def fit(self, batches: Iterator[Batch], context: StepContext) -> None:
        x = torch.cat([batch.x for batch in batches])
        self.mean.copy_(x.mean(0))
        self.root.copy_(torch.linalg.cholesky(torch.cov(x.T)))

    def sample(self, n: int, *, condition: Tensor | None = None, generator: Any = None, **options: Any) -> Tensor:
        return self.mean + torch.randn(n, FEATURES, generator=generator, device=self.mean.device) @ self.root.T


class LabelGame(Game):
    """A game on labelled data without help from Gan: a classifier as the critic, labels to the generator."""

    def __init__(self) -> None:
        super().__init__()
        self.generator, self.critic = mlp(LATENT + CLASSES, 16, FEATURES), mlp(FEATURES + CLASSES, 16, 1)

    def players(self) -> Sequence[Player]:
        return [Player("critic", [self.critic]), Player("generator", [self.generator])]

    def phases(self) -> Sequence[Phase]:
        return [Phase("critic", "critic", repeats=lambda step: 3 if step < 2 else 1), Phase("generator", "generator")]

    def forward(self, phase: str, batch: Batch, context: StepContext) -> Terms:
        assert batch.y is not None
        label = one_hot(batch.y, CLASSES, batch.x.dtype)
        fake = self.generator(torch.cat([context.normal(batch.size, LATENT).to(label.dtype), label], 1))
        score = self.critic(torch.cat([fake if phase == "generator" else fake.detach(), label], 1))
        if phase == "generator":
            return {"fool": binary_cross_entropy_with_logits(score, torch.ones_like(score))}
        real = self.critic(torch.cat([batch.x, label], 1))
        return {"critic": softplus(-real).mean() + softplus(score).mean()}

    def sample(self, n: int, *, condition: Tensor | None = None, generator: Any = None, **options: Any) -> Tensor:
        condition = checked_labels(n, condition, CLASSES)
        z = torch.randn(n, LATENT, generator=generator, device=condition.device)
        return self.generator(torch.cat([z, one_hot(condition, CLASSES)], 1))


def penalties_of_both() -> Game:
    """Penalties of both players: one with a state, one that both have, one that is lazy for the generator alone."""
    penalty = [
        PenaltyChoice(name="lecam", options={"start": 1}),
        PenaltyChoice(name="zcr", options={"std": 0.5}, interval=2),
        PenaltyChoice(name="orthogonal", weight=Schedule(points=((0, 0.01), (512, 0.1)), shape="geometric")),
    ]
    return Gan(TinyGenerator(), TinyCritic(), penalty=penalty)


GAMES: dict[str, Callable[[], Game]] = {
    "simultaneous update": simultaneous,
    "five critic phases": five_critic_phases,
    "lazy penalty": lazy_penalty,
    "penalties of both players": penalties_of_both,
    "shared fakes": shared_fakes,
    "player over parts of two networks": CodeGame,
    "one parameter set in two players": AutoencoderGame,
    "critic that returns samples": BalanceGame,
    "generator's loss needs reals": needs_reals,
    "unpaired data and a pool": UnpairedGame,
    "growth": GrowingGame,
    "adaptive weight": AdaptiveGame,
    "stage without gradient through samples": PolicyGame,
    "inner unrolled loop": UnrolledGame,
    "fit and sample only": GaussianGame,
    "labels": LabelGame,
}

NOT_SEPARATING = {
    "adaptive weight": "the ratio of two gradients' norms is taken of each process's part",
    "inner unrolled loop": "the inner steps follow each process's part of the batch",
    "unpaired data and a pool": "the pool holds each process's fakes in another order",
}
