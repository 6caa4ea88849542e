"""What to mend, by rules: each looks at the document of facts alone, says nothing where facts are unknown, and gives its reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ganzoo.doctor.probe import Facts, at, mapping, number, rows, text, why_unknown

OLDEST_TORCH = (2, 11)  # of pyproject.toml
ROOM_BYTES = 5e9  # a run with its checkpoints, prepared pictures and compiled steps
ZOO = 'pip install "ganzoo[zoo]"'


@dataclass(frozen=True)
class Advice:
    """What is wrong, and what to do. `about` is the section of the document."""

    about: str
    advice: str


Rule = Callable[[Facts], Iterator[str]]


def advise(facts: Facts) -> list[Advice]:
    """The advice of all rules."""
    return [Advice(about, sentence) for about, rules in RULES.items() for rule in rules for sentence in rule(facts)]


def nothing_trains(facts: Facts) -> str | None:
    """Why no architecture at all could be trained here; None: some can."""
    if reason := why_unknown(facts, "versions", "torch"):
        return f"torch cannot be imported ({reason})"
    known = [folder for folder in mapping(facts, "folders").values() if isinstance(folder, dict)]
    if known and not any(folder.get("writable") for folder in known):
        return "no folder can be written: not the working folder, the cache, nor the temporary folder"
    return None


def _torch_is_missing(facts: Facts) -> Iterator[str]:
    if reason := why_unknown(facts, "versions", "torch"):
        yield f"torch cannot be imported ({reason}), so nothing can train: pip install torch"


def _torch_is_old(facts: Facts) -> Iterator[str]:
    version = text(facts, "versions", "torch")
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST_TORCH:
        oldest = ".".join(map(str, OLDEST_TORCH))
        yield f"torch {version} is older than {oldest}, which ganzoo needs: pip install --upgrade torch"


def _numpy_is_missing(facts: Facts) -> Iterator[str]:
    if reason := why_unknown(facts, "versions", "numpy"):
        yield f"numpy cannot be imported ({reason}), so no data can be read: pip install numpy"


def _nothing_is_installed(facts: Facts) -> Iterator[str]:
    plugins = rows(facts, "versions", "plugins")
    if at(facts, "versions", "plugins") is None or any(number(plugin, "counts", "architecture") for plugin in plugins):
        return
    off = [text(plugin, "name") for plugin in plugins if plugin.get("disabled")]
    if off:
        yield f"no architecture is at hand, since GANZOO_DISABLE switches off {', '.join(off)}: unset it to use them"
    else:
        yield f"no architecture is installed, so there is nothing to train: {ZOO}"


def _a_plugin_has_a_problem(facts: Facts) -> Iterator[str]:
    for plugin in rows(facts, "versions", "plugins"):
        for problem in rows(plugin, "problems"):
            who = f"{text(problem, 'source')} ({text(problem, 'distribution')} {text(problem, 'version')})"
            yield f"plugin {who}, {text(problem, 'stage')}: {text(problem, 'cause').rstrip('.')}. {text(problem, 'remedy')}"


def _cuda_is_not_built_in(facts: Facts) -> Iterator[str]:
    gpus = at(facts, "devices", "nvidia_driver")
    built_for = text(facts, "versions", "torch_built_for")
    if not gpus or at(facts, "devices", "cuda"):
        return
    if built_for == "CPU":
        yield (
            f"there is an NVIDIA GPU, and torch {text(facts, 'versions', 'torch')} is built for CPUs alone: install a torch "
            "that is built for CUDA"
        )
    elif built_for and at(facts, "environment", "CUDA_VISIBLE_DEVICES") is not None:
        hidden = text(facts, "environment", "CUDA_VISIBLE_DEVICES")
        yield f"torch sees no GPU because CUDA_VISIBLE_DEVICES={hidden!r} hides it: unset the variable to use the GPU"
    elif built_for:
        yield (
            f"there is an NVIDIA GPU that torch, built for {built_for}, cannot use: the driver is probably older than that; "
            "upgrade the driver, or install a torch that is built for an older CUDA"
        )


def _bfloat16_is_slow(facts: Facts) -> Iterator[str]:
    device = text(facts, "devices", "chosen")
    if at(facts, "precision", "fast_bfloat16", device) is False:
        wanted = "a CPU with AVX512-BF16 or AMX" if device == "cpu" else "a GPU of compute capability 8.0 or later"
        yield f"{device} is not faster in bfloat16 than in float32, so networks run in float32; {wanted} would be"


def _there_is_no_compiler(facts: Facts) -> Iterator[str]:
    if at(facts, "compilers", "cpp") is False:
        yield "there is no C++ compiler, so long runs of small games will not be compiled: install g++ or clang++"


def _cxx_is_wrong(facts: Facts) -> Iterator[str]:
    if at(facts, "compilers", "cxx_found") is False:
        named = text(facts, "environment", "CXX")
        yield f"CXX={named} is not found, and the compiler of steps would call it: correct it, or unset it"


def _the_compiler_is_broken(facts: Facts) -> Iterator[str]:
    reason = why_unknown(facts, "compilers", "cpp_name")
    if reason is None and text(facts, "compilers", "cpp_name").endswith("does not answer to --version"):
        reason = text(facts, "compilers", "cpp_name")
    if reason:
        yield f"the C++ compiler does not run ({reason}), so compiling steps would fail: mend it, or set CXX to another"


def _triton_is_missing(facts: Facts) -> Iterator[str]:
    compilers = mapping(facts, "compilers")
    if text(facts, "devices", "chosen").startswith("cuda") and "triton" in compilers and compilers["triton"] is None:
        yield "triton is missing, so run.steps=compiled will not work on the GPU (CUDA graphs do): pip install triton"


def _more_threads_than_cores(facts: Facts) -> Iterator[str]:
    asked, cores = text(facts, "threads", "OMP_NUM_THREADS"), _usable(facts)
    if asked and not asked.isdigit():
        yield f"OMP_NUM_THREADS={asked!r} is no number, and ganzoo passes over it: set it to a number of threads, or unset it"
    elif asked and cores is not None and int(asked) > max(1, cores):
        yield (
            f"OMP_NUM_THREADS={asked} is above the {cores:g} cores that this process may use, and threads would wait for one "
            f"another: set it to {max(1, int(cores))}, or unset it"
        )


def _quota_is_below_the_cores(facts: Facts) -> Iterator[str]:
    chosen, quota = number(facts, "threads", "chosen"), number(facts, "threads", "cgroup_cores")
    if (
        chosen is not None
        and quota is not None
        and chosen > max(1, quota)
        and not text(facts, "threads", "OMP_NUM_THREADS")
    ):
        yield (
            f"the container gives this process the time of {quota:g} cores, and ganzoo would take {chosen:g} threads: set "
            f"OMP_NUM_THREADS={max(1, int(quota))}"
        )


def _usable(facts: Facts) -> float | None:
    limits = [number(facts, "threads", name) for name in ("cores", "cgroup_cores")]
    return min((limit for limit in limits if limit is not None), default=None)


def _processes_are_awaited(facts: Facts) -> Iterator[str]:
    world = text(facts, "environment", "WORLD_SIZE")
    if world not in ("", "1"):
        yield f"WORLD_SIZE={world} is set, so ganzoo train would wait for other processes: unset it where torchrun is not used"


def _the_disk_is_full(facts: Facts) -> Iterator[str]:
    by_free: dict[float, list[str]] = {}
    for name in mapping(facts, "disk"):
        free = number(facts, "disk", name, "free_bytes")
        if free is not None and free < ROOM_BYTES:
            by_free.setdefault(free, []).append(f"{text(facts, 'disk', name, 'path')} ({name})")
    for free, places in by_free.items():
        yield (
            f"{free / 1e9:.1f} GB are free in {' and '.join(places)}, and {ROOM_BYTES / 1e9:g} GB are soon used by checkpoints, "
            "prepared pictures and compiled steps: make room"
        )


REMEDIES = {
    "cache": "pictures are prepared and steps compiled anew in each run: set GANZOO_CACHE to another folder",
    "runs": "runs cannot be made there: name another folder by --out",
    "working": "runs and samples cannot be written here: name another folder by --out",
    "temporary": "compilers and libraries need it: set TMPDIR to another folder",
}


def _a_folder_is_closed(facts: Facts) -> Iterator[str]:
    for name, remedy in REMEDIES.items():
        folder = mapping(facts, "folders", name)
        if folder.get("writable") is False and not (
            name == "runs" and at(facts, "folders", "working", "writable") is False
        ):
            yield f"the {name} folder {folder.get('path')} cannot be written ({folder.get('why')}); {remedy}"


def _the_step_failed(facts: Facts) -> Iterator[str]:
    reason = why_unknown(facts, "step")
    if reason and not why_unknown(facts, "versions", "torch"):
        yield f"a small step could not be timed ({reason}): training will probably fail in the same way"
    for arch, reason in mapping(facts, "step", "passed_over").items():
        yield f"a step of {arch} fails ({reason}): reinstall its family, {ZOO}"


RULES: dict[str, tuple[Rule, ...]] = {
    "versions": (_torch_is_missing, _torch_is_old, _numpy_is_missing, _nothing_is_installed, _a_plugin_has_a_problem),
    "devices": (_cuda_is_not_built_in,),
    "precision": (_bfloat16_is_slow,),
    "compilers": (_there_is_no_compiler, _cxx_is_wrong, _the_compiler_is_broken, _triton_is_missing),
    "threads": (_more_threads_than_cores, _quota_is_below_the_cores),
    "environment": (_processes_are_awaited,),
    "disk": (_the_disk_is_full,),
    "folders": (_a_folder_is_closed,),
    "step": (_the_step_failed,),
}
"""By the section that they are about."""
