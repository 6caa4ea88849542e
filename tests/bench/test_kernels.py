"""Kinds of kernel by the profiler's names, syncs and allocations of small steps whose answers are known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from ganzoo.bench.kernels import KINDS, Syncs, allocations, kind_of, kind_of_kernel, time_by_kind, trace, with_compiled

CPU = torch.device("cpu")


def nothing() -> None:
    """The CPU is always done."""


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("aten::mkldnn_convolution", "convolution forward"),
        ("aten::_convolution", "convolution forward"),
        ("aten::conv_transpose2d", "convolution forward"),
        ("aten::cudnn_convolution", "convolution forward"),
        ("aten::convolution_backward", "convolution backward"),
        ("aten::addmm", "matrix product"),
        ("aten::_scaled_dot_product_flash_attention", "matrix product"),
        ("aten::native_batch_norm", "normalisation"),
        ("aten::native_batch_norm_backward", "normalisation"),
        ("aten::native_layer_norm", "normalisation"),
        ("aten::leaky_relu_backward", "pointwise"),
        ("aten::mul", "pointwise"),
        ("aten::sum", "pointwise"),
        ("aten::linalg_vector_norm", "pointwise"),
        ("aten::_fused_adam_", "optimiser"),
        ("aten::_foreach_lerp_", "optimiser"),
        ("Optimizer.step#RMSprop.step", "optimiser"),
        ("aten::copy_", "copies"),
        ("aten::_to_copy", "copies"),
        ("aten::t", "copies"),
        ("aten::tanh", "pointwise"),
        ("aten::index_select", "copies"),
        ("aten::bernoulli_", "random"),
        ("aten::randn", "random"),
        ("aten::native_dropout", "random"),
        ("triton_poi_fused_add_0", "compiled"),
        ("autograd::engine::evaluate_function: ConvolutionBackward0", "rest"),
    ],
)
def test_names(name: str, kind: str) -> None:
    assert kind_of(name) == kind
    assert kind in KINDS


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sm90_xmma_fprop_implicit_gemm_bf16bf16_bf16f32_f32_nhwckrsc_nhwc", "convolution forward"),
        ("void cudnn::ops::nchwToNhwcKernel<bf16>", "copies"),
        ("void cutlass__5x_cudnn::Kernel<cutlass_tensorop_bf16_s16816dgrad_optimized_bf16>", "convolution backward"),
        ("sm80_xmma_wgrad_implicit_gemm_indexed_tf32f32", "convolution backward"),
        ("ampere_bf16_s16816gemm_bf16_128x128_ldg8_f2f_tn", "matrix product"),
        ("Memcpy DtoD (Device -> Device)", "copies"),
        ("void at::native::multi_tensor_apply_kernel<at::native::FusedAdamMathFunctor>", "optimiser"),
        ("void at::native::(anonymous namespace)::distribution_elementwise_grid_stride_kernel", "random"),
        ("void cudnn::bn_fw_tr_1C11_kernel_NCHW", "normalisation"),
        ("triton_poi_fused_add_0", "compiled"),
        ("void at::native::vectorized_elementwise_kernel<4>", "pointwise"),
    ],
)
def test_kernels_of_a_gpu(name: str, kind: str) -> None:
    assert kind_of_kernel(name) == kind


def test_compiled_code_is_taken_from_the_rest() -> None:
    seconds = {"convolution forward": 1.0, "matrix product": 2.0, "random": 1.0, "compiled": 0.0, "rest": 10.0}
    assert with_compiled(seconds, 9.0) == seconds | {"compiled": 6.0, "rest": 4.0}
    assert with_compiled(seconds, 1.0) == seconds
    assert with_compiled(seconds, 99.0)["rest"] == 0.0


def test_what_an_optimiser_calls_is_the_optimisers() -> None:
    assert kind_of("aten::mul_", ["aten::_foreach_mul_"]) == "optimiser"
    assert kind_of("aten::sqrt", ["aten::add", "Optimizer.step#Adam.step"]) == "optimiser"
    assert kind_of("aten::mul_", ["aten::native_batch_norm"]) == "pointwise"


def test_the_time_of_a_step_by_kind() -> None:
    x, weight = torch.randn(4, 16, 16, 16), torch.randn(32, 16, 3, 3, requires_grad=True)
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        torch.autograd.grad(F.conv2d(x, weight).square().sum(), weight)

    found = time_by_kind(step, CPU, nothing, 0.02)
    assert list(found.seconds) == list(KINDS)
    assert steps > found.calls >= 1
    assert sum(found.seconds.values()) == pytest.approx(found.whole)
    for kind in ("convolution forward", "convolution backward", "pointwise"):
        assert found.seconds[kind] > 0
    for kind in ("matrix product", "normalisation", "optimiser", "random", "compiled"):
        assert found.seconds[kind] == 0


def test_syncs() -> None:
    x = torch.arange(4.0)

    def syncs(*runs: object) -> int:
        counter = Syncs()
        with counter:
            for run in runs:
                run()  # type: ignore[operator]
        return counter.count

    assert syncs(lambda: (x + 1).exp().sum()) == 0
    assert syncs(lambda: x.sum().item()) == 1
    assert syncs(lambda: float(x[0]), lambda: bool(x.sum() > 1), x.nonzero) == 3
    assert syncs(lambda: x[x > 1]) == 1
    assert syncs(lambda: x.to(torch.bfloat16), lambda: x.clone().copy_(x)) == 0


def test_allocations_and_their_bytes() -> None:
    x = torch.ones(1000)
    assert allocations(lambda: (x + x, x.exp(), x.view(10, 100)), CPU) == (2, 2 * 4000)


def test_a_trace_is_one_that_perfetto_reads(tmp_path: Path) -> None:
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        torch.ones(3).exp()

    trace(step, CPU, tmp_path / "trace.json", calls=2)
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert sum(event.get("name") == "aten::exp" for event in events) == steps == 2
