"""What an adversarial loss is held to: one number, no overflow, the right signs, and what its record says of it."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.models import Scores
from ganzoo.objectives import Loss
from ganzoo.testing.check import Checks, Failed, Skipped, want
from ganzoo.testing.component import (
    apart,
    check_gradient,
    check_one_number,
    check_options,
    check_unknown_refused,
    shuffled,
    without_global_chance,
)
from ganzoo.testing.host import HostReads
from ganzoo.testing.sides import BATCH, LossSubject, logits

FAR = 1e4  # a logit that overflows exp, and whose square does not overflow
STEP = 0.25  # of a logit, for the direction of a side
TOLERANCE = 1e-5  # of figures that are equal but for rounding

LOSS = Checks("loss")


@LOSS.check(
    "made",
    why="`--loss` makes it by its name, and --set gives its options.",
    hint="Make the target a subclass of objectives.Loss whose keyword arguments all have defaults.",
)
def made(subject: LossSubject) -> str:
    """It is made with its defaults, is a Loss, and takes named options alone."""
    loss = subject.made()
    want(isinstance(loss, Loss), f"it makes a {type(loss).__name__}, wanted a ganzoo.objectives.Loss")
    check_unknown_refused(subject)
    return check_options(subject)


@LOSS.check(
    "declared",
    why="The engine plans with what the class says, and readers with what the record says.",
    hint="Give `needs_real` and `separates` the same values in the class and in the record.",
)
def declared(subject: LossSubject) -> None:
    """The class says of itself what the record says."""
    for name in ("needs_real", "separates"):
        own, said = getattr(subject.own, name), getattr(subject.record, name)
        want(own == said, f"{name} is {own} in the class and {said} in the record")


@LOSS.check(
    "number",
    why="The engine adds the terms of a step up to one number.",
    hint="Take the mean over samples, and let every step stay finite.",
)
def number(subject: LossSubject) -> None:
    """Each side is one finite number in the type of the logits."""
    for dtype in (torch.float32, torch.float64):
        for side, loss in subject.sides.items():
            value = check_one_number(loss(*logits(BATCH, dtype=dtype)), f"the {side}'s side")
            want(value.dtype == dtype, f"the {side}'s side of {dtype} logits is {value.dtype}")


@LOSS.check(
    "far",
    why="Critics reach large scores, and one overflow makes an update worthless.",
    hint="Write log(1 + exp(t)) as softplus(t), and log(sigmoid(t)) as logsigmoid(t).",
)
def far(subject: LossSubject) -> None:
    """Logits of plus and minus 10,000 give finite losses with finite gradients, in float32."""
    signs = [(1.0, -1.0), (-1.0, 1.0), (1.0, 1.0), (-1.0, -1.0)]
    for real_sign, fake_sign in signs:
        for side, loss in subject.sides.items():
            real = torch.full((BATCH,), real_sign * FAR, requires_grad=True)
            fake = torch.full((BATCH,), fake_sign * FAR, requires_grad=True)
            where = f"the {side}'s side at real {real_sign * FAR:g}, fake {fake_sign * FAR:g}"
            value = check_one_number(loss(real, fake), where)
            for gradient in torch.autograd.grad(value, [real, fake], allow_unused=True):
                finite = gradient is None or bool(torch.isfinite(gradient).all())
                want(finite, f"{where} has a gradient that is not finite")


@LOSS.check(
    "shapes",
    why="Critics answer with (B,), (B, 1) or a map of patches, and all are to be trained alike.",
    hint="Take the mean over all numbers, and check shapes before subtracting: (B,) and (B, 1) make (B, B).",
)
def shapes(subject: LossSubject) -> None:
    """Logits (B, 1), and maps with one number at all places, give what (B,) gives."""
    real, fake = logits(BATCH)
    for side, loss in subject.sides.items():
        wanted = loss(real, fake)
        for shape in ((BATCH, 1), (BATCH, 1, 3, 2)):
            spread = [x.view(BATCH, *[1] * (len(shape) - 1)).expand(shape).contiguous() for x in (real, fake)]
            value = check_one_number(loss(*spread), f"the {side}'s side of logits {shape}")
            want(
                apart(value, wanted) < TOLERANCE,
                f"the {side}'s side is {value.item():.6g} for logits {shape} and {wanted.item():.6g} for ({BATCH},) "
                "of the same scores",
            )
        check_one_number(loss(*logits(BATCH, 1, 3, 2)), f"the {side}'s side of maps")


@LOSS.check(
    "critics",
    why="With several critics each has to be trained as if it were alone.",
    hint="Override discriminator_side and generator_side, and leave the sum over critics to objectives.Loss.",
)
def critics(subject: LossSubject) -> None:
    """A list of logits gives the sum over its critics."""
    one, other = logits(BATCH), tuple(x.view(BATCH, 1, 2, 2) for x in logits(BATCH * 4))
    loss = subject.own
    together = {
        "discriminator": loss.discriminator(Scores([one[0], other[0]]), Scores([one[1], other[1]])),
        "generator": loss.generator(Scores([one[1], other[1]]), Scores([one[0], other[0]])),
    }
    for side, value in together.items():
        wanted = subject.sides[side](*one) + subject.sides[side](other[0], other[1])
        found = check_one_number(value, f"the {side}'s side of two critics")
        want(
            apart(found, wanted) < TOLERANCE,
            f"the {side}'s side is {found.item():.6g} for two critics, and {wanted.item():.6g} as the sum over them",
        )


@LOSS.check(
    "precision",
    why="A mean in bfloat16 keeps two or three digits.",
    hint="Let objectives.Loss bring logits to float32, or do it first.",
)
def precision(subject: LossSubject) -> None:
    """Logits in bfloat16 are computed with in float32."""
    real, fake = logits(100, dtype=torch.bfloat16)
    for side, loss in subject.sides.items():
        value, wanted = loss(real, fake), loss(real.float(), fake.float())
        want(value.dtype == torch.float32, f"the {side}'s side of bfloat16 logits is {value.dtype}")
        want(
            apart(value, wanted) < TOLERANCE,
            f"the {side}'s side is {value.item():.6g} of bfloat16 logits and {wanted.item():.6g} of the same in float32",
        )


@LOSS.check(
    "gradient",
    why="A gradient that is not the loss's own minimises something else.",
    hint="Detach nothing but the real scores of the generator's side, and test hand-written derivatives.",
)
def gradient(subject: LossSubject) -> None:
    """Gradients are what differences of the loss say."""
    for side, loss in subject.sides.items():
        real, fake = (x.requires_grad_() for x in logits(BATCH))
        inputs = {"real scores": real, "fake scores": fake} if side == "discriminator" else {"fake scores": fake}
        length = check_gradient(lambda loss=loss, r=real, f=fake: loss(r, f), inputs, f"the {side}'s side")  # type: ignore[misc]
        want(length > 0, f"the {side}'s side has a gradient of 0 everywhere")


@LOSS.check(
    "real-fixed",
    why="The generator's update must not move the critic through real samples.",
    hint="Detach real scores in the generator's side, as objectives.Loss.generator does.",
)
def real_fixed(subject: LossSubject) -> None:
    """No gradient of the generator's side flows into real scores."""
    real, fake = (x.requires_grad_() for x in logits(BATCH))
    (found,) = torch.autograd.grad(subject.generator(real, fake), [real], allow_unused=True)
    want(
        found is None or not bool(found.any()),
        "the generator's side has a gradient with respect to the scores of real samples",
    )


@LOSS.check(
    "needs-real",
    why="Where real scores are not needed the step leaves them out, and where they are it computes them.",
    hint="Declare needs_real in class and record if, and only if, the generator's side uses real scores.",
)
def needs_real(subject: LossSubject) -> None:
    """The generator's side does without real scores, or refuses to and depends on them, as declared."""
    real, fake = logits(BATCH)
    given = subject.generator(real, fake)
    if not subject.record.needs_real:
        left_out = check_one_number(subject.own.generator(Scores(fake)), "the generator's side without real scores")
        want(apart(left_out, given) < TOLERANCE, "the generator's side depends on real scores, which it does not need")
        return
    want(
        apart(subject.generator(real + 1, fake), given) > TOLERANCE,
        "needs_real is declared, and real scores make no difference to the generator's side",
    )
    try:
        subject.own.generator(Scores(fake))
    except ValueError:
        return
    raise Failed("the generator's side takes None for the real scores that it needs, wanted a ValueError")


@LOSS.check(
    "order",
    why="The order of a batch is chance.",
    hint="Treat all samples of a kind alike.",
)
def order(subject: LossSubject) -> None:
    """Another order of the pairs of real and fake samples changes nothing."""
    real, fake = logits(BATCH)
    numbers = shuffled(BATCH)
    for side, loss in subject.sides.items():
        want(
            apart(loss(real, fake), loss(real[numbers], fake[numbers])) < TOLERANCE,
            f"the {side}'s side changes with the order of the samples",
        )


@LOSS.check(
    "separates",
    why="Processes and micro-batches each take a part of the batch, and their gradients are averaged.",
    hint="Let a sample's loss depend on its own scores, or declare separates=False.",
)
def separates(subject: LossSubject) -> None:
    """The mean of the losses of two halves is that of the whole, if that is declared."""
    if not subject.record.separates:
        raise Skipped("the record says that it looks at the whole batch")
    real, fake = logits(BATCH)
    half = BATCH // 2
    for side, loss in subject.sides.items():
        parts = (loss(real[:half], fake[:half]) + loss(real[half:], fake[half:])) / 2
        whole = loss(real, fake)
        want(
            apart(parts, whole) < TOLERANCE,
            f"the {side}'s side is {whole.item():.6g} for a batch and {parts.item():.6g} as the mean of its halves",
        )


@LOSS.check(
    "direction",
    why="With one side's sign turned the players work together, and nothing is learned.",
    hint="Higher scores are more real: the generator wants fake ones high, the discriminator real ones high and fake ones low.",
)
def direction(subject: LossSubject) -> str:
    """Around the best common score: better fakes cost the generator less, a clearer difference the discriminator."""
    score, loss = subject.best()
    same = torch.full((BATCH,), score, dtype=torch.float64)
    low = (same - STEP).requires_grad_()
    generator = subject.generator(same, low)
    want(
        generator.item() > subject.generator(same, same).item(),
        f"raising fake scores to {score:.3g} does not lower the generator's loss",
    )
    (slope,) = torch.autograd.grad(generator, [low])
    want(
        bool((slope <= 0).all()) and bool((slope < 0).any()),
        "the generator's gradient lowers the scores of its own samples",
    )
    for kind, real, fake in (("raising real", same + STEP, same), ("lowering fake", same, same - STEP)):
        want(
            subject.discriminator(real, fake).item() < loss,
            f"{kind} scores from {score:.3g} does not lower the discriminator's loss",
        )
    return f"best common score {score:.3g}"


@LOSS.check(
    "equilibrium",
    why="Curves are read against the loss of a discriminator that cannot tell real from fake.",
    hint="Compute the least discriminator's loss over one score for all samples, at the default options.",
)
def equilibrium(subject: LossSubject) -> str:
    """The discriminator's loss at the best common score is the record's equilibrium."""
    said = subject.record.equilibrium
    score, loss = subject.best()
    if said is None:
        raise Skipped(f"the record names no equilibrium; at a score of {score:.3g} it is {loss:.6g}")
    want(apart(loss, said) < TOLERANCE, f"the least common loss is {loss:.6g} and the record says {said:.6g}")
    return f"{loss:.6g}"


@LOSS.check(
    "pure",
    why="A step must be repeatable, and several phases share one loss.",
    hint="Keep no state and draw nothing in a loss: a controller is the game's.",
)
def pure(subject: LossSubject) -> None:
    """Equal scores give equal losses, whatever was asked before; scores and generators of chance stay as they are."""
    real, fake = logits(BATCH)
    kept = real.clone(), fake.clone()

    def ask() -> list[Tensor]:
        return [loss(real, fake) for loss in subject.sides.values()]

    first = without_global_chance(ask)
    for loss in subject.sides.values():
        loss(fake + 3, real - 2)
    second = ask()
    want(all(map(torch.equal, first, second)), "asked again for the same scores it answers with another number")
    want(torch.equal(real, kept[0]) and torch.equal(fake, kept[1]), "it changes the scores that it is given")


@LOSS.check(
    "no-wait",
    why="Reading a number makes the host wait for the device in every step.",
    hint="Use tensor operations (torch.where, clamp) in place of .item(), float(), if and boolean masks.",
)
def no_wait(subject: LossSubject) -> None:
    """Neither side reads a value on the host or leaves the device of the scores."""
    for side, loss in subject.sides.items():
        with HostReads() as reads:
            loss(*logits(BATCH))
        want(not reads.seen, f"the {side}'s side reads values on the host: {', '.join(reads.seen)}")
        value = loss(torch.zeros(BATCH, device="meta"), torch.zeros(BATCH, device="meta"))
        want(value.device.type == "meta", f"the {side}'s side leaves the device of the scores for {value.device}")


GROUPS = [LOSS]
SUBJECT = LossSubject
