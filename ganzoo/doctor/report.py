"""The document of facts as sections of two columns, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ganzoo.bench.units import bytes_text, digits, rate_text
from ganzoo.doctor.probe import UNKNOWN, Facts, at, mapping, rows
from ganzoo.doctor.software import VARIABLES

Row = tuple[str, str]


def sections(facts: Facts) -> Iterator[tuple[str, list[Row]]]:
    """Heading and rows of each section; a section that is unknown as a whole has one row that says so."""
    for name, write in WRITERS.items():
        section = facts.get(name)
        if isinstance(section, str):
            yield name, [("", section)]
        else:
            yield name, list(write(facts)) or [("", "none")]


def _said(value: Any, nothing: str = "none") -> str:
    """A value as a person reads it."""
    if value is None or value == []:
        return nothing
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _bytes(value: Any) -> str:
    return bytes_text(value) if isinstance(value, int | float) else _said(value, "no limit")


def _versions(facts: Facts) -> Iterator[Row]:
    versions = mapping(facts, "versions")
    yield "ganzoo", _said(versions.get("ganzoo"))
    yield "Python", f"{_said(versions.get('python'))}, {_said(versions.get('executable'))}"
    yield "system", _said(versions.get("system"))
    built_for = at(facts, "versions", "torch_built_for")
    yield "torch", _said(versions.get("torch")) + (f", built for {built_for}" if built_for else "")
    yield "numpy", _said(versions.get("numpy"))
    if isinstance(versions.get("extras"), str):
        yield "extras", versions["extras"]
    for name, packages in mapping(facts, "versions", "extras").items():
        yield f"[{name}]", ", ".join(f"{package} {version or '(missing)'}" for package, version in packages.items())
    if isinstance(versions.get("plugins"), str):
        yield "plugins", versions["plugins"]
    for plugin in rows(facts, "versions", "plugins"):
        if plugin["name"] != "ganzoo":
            yield "plugin", _plugin(plugin)


def _plugin(plugin: Facts) -> str:
    said = f"{plugin['name']}, of {plugin['distribution']} {plugin['version']}"
    if plugin["disabled"]:
        return f"{said}: disabled"
    problems = len(plugin["problems"])
    return said + (f": {problems} problem{'s' if problems > 1 else ''}" if problems else "")


def _devices(facts: Facts) -> Iterator[Row]:
    cpu = mapping(facts, "devices", "cpu")
    yield "CPU", _said(cpu.get("name"))
    yield "cores", f"{_said(cpu.get('cores'))} of {_said(cpu.get('cores_of_machine'))}"
    limit = f", {_bytes(cpu['memory_limit_bytes'])} for this process" if cpu.get("memory_limit_bytes") else ""
    yield "memory", _bytes(cpu.get("memory_bytes")) + limit
    yield "instructions", f"{_said(cpu.get('instructions'))}; torch's kernels: {_said(cpu.get('kernels'))}"
    if isinstance(at(facts, "devices", "cuda"), list):
        gpus = rows(facts, "devices", "cuda")
        for gpu in gpus:
            memory = f"{_bytes(gpu['memory_bytes'])}, {_bytes(gpu['free_bytes'])} free"
            yield f"cuda:{gpu['index']}", f"{gpu['name']}, {memory}, capability {gpu['capability']}"
        if not gpus:
            yield "CUDA", "none that torch can use"
    else:
        yield "CUDA", _said(mapping(facts, "devices").get("cuda"))
    mps = mapping(facts, "devices").get("mps")
    yield "MPS", f"{_bytes(mps['memory_bytes'])} memory" if isinstance(mps, Mapping) else _said(mps)
    yield "chosen", _chosen(facts, "devices")


def _chosen(facts: Facts, section: str) -> str:
    chosen, reason = (mapping(facts, section).get(name) for name in ("chosen", "reason"))
    return _said(chosen) if reason == chosen or not reason else f"{_said(chosen)}: {_said(reason)}"


def _precision(facts: Facts) -> Iterator[Row]:
    for place, fast in mapping(facts, "precision", "fast_bfloat16").items():
        yield place, "fast in bfloat16" if fast else "not faster in bfloat16 than in float32"
    yield "chosen", _chosen(facts, "precision")


def _compilers(facts: Facts) -> Iterator[Row]:
    compilers = mapping(facts, "compilers")
    yield "C++", _said(compilers.get("cpp_name"))
    yield "triton", _said(compilers.get("triton"))


def _threads(facts: Facts) -> Iterator[Row]:
    threads = mapping(facts, "threads")
    yield "OMP_NUM_THREADS", _said(threads.get("OMP_NUM_THREADS"), "not set")
    yield "cores", f"{_said(threads.get('cores'))} of {_said(threads.get('cores_of_machine'))}"
    yield "container", _said(threads.get("cgroup_cores"), "no limit")
    yield "torch", _said(threads.get("torch"))
    yield "chosen", _chosen(facts, "threads")


def _disk(facts: Facts) -> Iterator[Row]:
    for name, place in mapping(facts, "disk").items():
        whole = isinstance(place, Mapping)
        free = (
            f"{_bytes(place['free_bytes'])} of {_bytes(place['total_bytes'])} free: {place['path']}" if whole else place
        )
        yield name, str(free)


def _folders(facts: Facts) -> Iterator[Row]:
    for name, folder in mapping(facts, "folders").items():
        if not isinstance(folder, Mapping):
            yield name, str(folder)
            continue
        can = "writable" if folder["writable"] else f"cannot be written ({folder['why']})"
        yield name, f"{can}{'' if folder['exists'] else ', not there yet'}: {folder['path']}"


def _environment(facts: Facts) -> Iterator[Row]:
    for name, value in mapping(facts, "environment").items():
        yield name, f"{value!r}" + (f" ({VARIABLES[name]})" if name in VARIABLES else "")


def _step(facts: Facts) -> Iterator[Row]:
    step = mapping(facts, "step")
    if "milliseconds" not in step:
        yield "", UNKNOWN + "it was not timed"
        return
    shape = "x".join(map(str, step["shape"]))
    threads = f"{step['threads']} thread{'' if step['threads'] == 1 else 's'}"
    yield "game", f"{step['arch']}, batch {step['batch']}, samples of {shape}"
    yield "on", f"{step['device']}, {step['precision']}, {threads}"
    steps = f"{step['steps']} step{'' if step['steps'] == 1 else 's'}"
    rate = f"{rate_text(step['images_per_second'])} images/s"
    yield "time", f"{digits(step['milliseconds'])} ms a step, {rate} (median, {steps})"


WRITERS = {
    "versions": _versions,
    "devices": _devices,
    "precision": _precision,
    "compilers": _compilers,
    "threads": _threads,
    "disk": _disk,
    "folders": _folders,
    "environment": _environment,
    "step": _step,
}
