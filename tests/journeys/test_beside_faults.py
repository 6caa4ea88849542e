"""With broken plugins installed every healthy architecture still lists and trains, and each culprit is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.engine.worlds import zoo_names
from tests.journeys.console import ganzoo

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "registry"))
from handmade import HEAD, Site, witness_module

STAGES = {
    "absent-plugin": "import",
    "exit-plugin": "import",
    "syntax-plugin": "import",
    "record-plugin": "hook",
    "argument-plugin": "register",
    "old-plugin": "version",
    "evil-classic": "conflict",
    "raising-plugin": "hook",
}


TRAIN = """
import sys, ganzoo
for arch in eval(sys.argv[1]):
    run = ganzoo.train(arch.split("/")[1], images=16, preset="tiny", data_options={"size": 32})
    assert run.arch == arch and run.sample(2).shape == ((2, 2) if arch.endswith("-2d") else (2, 1, 32, 32))
"""


def faults(folder: Path) -> Site:
    site = Site(folder / "site")
    hook = "@hookimpl\ndef ganzoo_architectures({}):\n    {}\n"
    site.add("absent-plugin", {"absent": "fault_absent"}, {"fault_absent": "import no_such_module"})
    site.add("exit-plugin", {"exit": "fault_exit"}, {"fault_exit": "raise SystemExit('gone')"})
    site.add("syntax-plugin", {"syntax": "fault_syntax"}, {"fault_syntax": "def f(:"})
    site.add("record-plugin", {"record": "fault_record"}, {"fault_record": HEAD + hook.format("", "return [1]")})
    site.add("argument-plugin", {"argument": "fault_arg"}, {"fault_arg": HEAD + hook.format("config", "return []")})
    witness = witness_module(folder / "ran")
    site.add("old-plugin", {"old": "fault_old"}, {"fault_old": witness}, requires=("ganzoo<0.1",))
    site.add("evil-classic", {"classic": "fault_evil"}, {"fault_evil": witness})
    site.add(
        "raising-plugin", {"raising": "fault_raise"}, {"fault_raise": HEAD + hook.format("", "raise OSError('no')")}
    )
    return site


def test_eight_faults(tmp_path: Path) -> None:
    path = {"PYTHONPATH": os.pathsep.join([str(faults(tmp_path).folder), os.environ.get("PYTHONPATH", "")])}
    listed = ganzoo("list", "--json", cwd=tmp_path, **path)
    assert listed.returncode == 0, listed.stderr
    assert [row["id"] for row in json.loads(listed.stdout)] == zoo_names(fitted=True)
    plugins = json.loads(ganzoo("plugins", "--json", cwd=tmp_path, **path).stdout)
    found = {p["distribution"]: p["problems"][0] for p in plugins if p["problems"]}
    assert {name: problem["stage"] for name, problem in found.items()} == STAGES
    assert all(problem["cause"] and problem["remedy"] for problem in found.values())
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **path}
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, repr(zoo_names())],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()
    strict = ganzoo("list", "--strict", cwd=tmp_path, **path)
    assert strict.returncode == 1
    assert all(name in strict.stderr for name in STAGES)
