"""A gradient penalty, a clip of weights, and the faults that penalties and projections have."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.models.inputs import PenaltyInputs
from ganzoo.objectives import Penalty


class Whole(Penalty):
    """E(|grad D| - target)^2 at mixes of real and fake samples."""

    def __init__(self, target: float = 1.0) -> None:
        self.target = target

    def mixes(self, inputs: PenaltyInputs) -> Tensor:
        share = inputs.draws.uniform(len(inputs.real), stream="penalty").to(inputs.real.dtype)
        share = share.view(-1, *[1] * (inputs.real.dim() - 1))
        return share * inputs.real + (1 - share) * inputs.fake

    def squares(self, inputs: PenaltyInputs) -> Tensor:
        slope = torch.func.grad(lambda x: inputs.critic(x).sum())(self.mixes(inputs))
        return slope.flatten(1).square().sum(1)

    def norms(self, inputs: PenaltyInputs) -> Tensor:
        return (self.squares(inputs) + 1e-12).sqrt()

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        return (self.norms(inputs) - self.target).square().mean()


class Detached(Whole):
    def squares(self, inputs: PenaltyInputs) -> Tensor:
        return super().squares(inputs).detach()


class FirstLayerAlone(Whole):
    """A gradient without create_graph: right in its value, and learnt from through the scores alone."""

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        mixed = self.mixes(inputs).requires_grad_()
        scores = inputs.critic(mixed)
        (slope,) = torch.autograd.grad(scores.sum(), [mixed], retain_graph=True)
        return (slope.flatten(1).norm(dim=1) - self.target).square().mean() + 0 * scores.sum()


class RootOfZero(Whole):
    def norms(self, inputs: PenaltyInputs) -> Tensor:
        return self.squares(inputs).sqrt()


class GlobalChance(Whole):
    def mixes(self, inputs: PenaltyInputs) -> Tensor:
        share = torch.rand(len(inputs.real), *[1] * (inputs.real.dim() - 1), device=inputs.real.device)
        return (share * inputs.real + (1 - share) * inputs.fake).to(inputs.real.dtype)


class LatentStream(Whole):
    def mixes(self, inputs: PenaltyInputs) -> Tensor:
        share = inputs.draws.uniform(len(inputs.real)).to(inputs.real.dtype)
        share = share.view(-1, *[1] * (inputs.real.dim() - 1))
        return share * inputs.real + (1 - share) * inputs.fake


class InPlace(Whole):
    def mixes(self, inputs: PenaltyInputs) -> Tensor:
        mixed = super().mixes(inputs)
        inputs.real.copy_(mixed)
        return mixed


class Waiting(Whole):
    def norms(self, inputs: PenaltyInputs) -> Tensor:
        norms = super().norms(inputs)
        return norms / max(1.0, norms.detach().max().item() / 1e6)


class WholeBatch(Whole):
    def norms(self, inputs: PenaltyInputs) -> Tensor:
        return (self.squares(inputs).sum() / len(inputs.real) + 1e-12).sqrt()


class NoDefault(Whole):
    def __init__(self, target: float) -> None:
        super().__init__(target)


class OtherNorm(Whole):
    def __init__(self, target: float = 2.0) -> None:
        super().__init__(target)


class SumOfPlaces(Whole):
    """The norm by sample and channel: of points that is the same, of pictures it is not."""

    def norms(self, inputs: PenaltyInputs) -> Tensor:
        slope = torch.func.grad(lambda x: inputs.critic(x).sum())(self.mixes(inputs))
        slope = slope.flatten(2) if slope.dim() > 2 else slope
        return (slope.square().sum(-1) + 1e-12).sqrt()


class OtherInClosedForm(Whole):
    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        term = super().__call__(inputs)
        return term / 2 if hasattr(inputs.critic, "chain") else term


class ScoresCountTwice(Penalty):
    """Of the scores at hand, whose shape it mistakes."""

    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        if inputs.real_scores is None:
            return inputs.critic(inputs.real).square().mean()
        return inputs.real_scores.square().sum()


class WholeClip(Penalty):
    is_projection = True

    @torch.no_grad()
    def project(self, module: nn.Module) -> None:
        for parameter in module.parameters():
            parameter.clamp_(-0.5, 0.5)


class Buffers(WholeClip):
    @torch.no_grad()
    def project(self, module: nn.Module) -> None:
        for value in module.state_dict().values():
            if value.is_floating_point():
                value.clamp_(-0.5, 0.5)


class Replacing(WholeClip):
    @torch.no_grad()
    def project(self, module: nn.Module) -> None:
        for parameter in module.parameters():
            parameter.data = parameter.clamp(-0.5, 0.5)


class Shrinking(WholeClip):
    @torch.no_grad()
    def project(self, module: nn.Module) -> None:
        for parameter in module.parameters():
            parameter.mul_(0.9)


class Looking(WholeClip):
    @torch.no_grad()
    def project(self, module: nn.Module) -> None:
        for parameter in module.parameters():
            if parameter.abs().max() > 0.5:
                parameter.clamp_(-0.5, 0.5)


class TermToo(WholeClip):
    def __call__(self, inputs: PenaltyInputs) -> Tensor:
        return inputs.real.new_zeros(())
