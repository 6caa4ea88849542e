"""`ganzoo check` as it is called: what it prints, what it refuses, and its exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.journeys.console import ganzoo, refused

QUICK = ("--only", "declaration")


def test_json_is_one_document_with_all_rows(tmp_path: Path) -> None:
    done = ganzoo("check", "gan-2d", "--only", "build.", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    whole = json.loads(done.stdout)
    assert {"rows", "passed", "failed", "skipped"} <= whole.keys()
    assert all({"subject", "check", "status", "reason", "hint", "seconds"} <= row.keys() for row in whole["rows"])
    assert whole["passed"] == sum(row["status"] == "ok" for row in whole["rows"]) > 5
    assert whole["failed"] == 0


def test_a_failure_is_told_with_a_hint_and_status_1(tmp_path: Path) -> None:
    done = ganzoo("check", "mutants/no-tanh", "--only", "networks.", cwd=tmp_path)
    assert done.returncode == 1
    assert "FAIL    networks.range" in done.stdout
    assert "-> End the generator with tanh" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "1 failed" in done.stdout or "2 failed" in done.stdout


def test_an_expected_failure_is_skipped_with_its_reason(tmp_path: Path) -> None:
    reason = "the outputs are logits"
    arguments = ("check", "mutants/no-tanh", "--only", "networks.range", "--expect", f"networks.range={reason}")
    done = ganzoo(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert reason in done.stdout
    assert "0 failed, 1 skipped" in done.stdout


def test_an_expected_failure_that_holds_is_a_failure(tmp_path: Path) -> None:
    done = ganzoo("check", "gan-2d", "--only", "networks.scores", "--expect", "networks.scores=so far", cwd=tmp_path)
    assert done.returncode == 1
    assert "it holds" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("gan-3d",), ("no architecture 'gan-3d'", "gan-2d")),
        (("no-plugin/",), ("no plugin 'no-plugin'", "Is it installed?")),
        (("gan-2d", "--expect", "networks.rnge=x"), ("no check 'networks.rnge'", "networks.range")),
        (("gan-2d", "--expect", "networks.range="), ("has no reason",)),
        (("gan-2d", "--expect", "networks.range"), ("wanted CHECK=REASON",)),
        (("gan-2d", "--only", "nothing-like-it"), ("no check has",)),
        (("gan-2d", "--data", "no/such/folder"), ("no/such/folder",)),
    ],
)
def test_a_wrong_request_is_refused(arguments: tuple[str, ...], words: tuple[str, ...], tmp_path: Path) -> None:
    refused(ganzoo("check", *arguments, cwd=tmp_path), 2, *words)


def test_a_name_is_a_component_first_and_a_plugin_with_a_slash(tmp_path: Path) -> None:
    rows = json.loads(ganzoo("check", "hinge", "r1", "classic/", *QUICK, "--json", cwd=tmp_path).stdout)["rows"]
    subjects = {row["subject"] for row in rows}
    assert {"ganzoo/hinge", "ganzoo/r1", "classic/dcgan"} <= subjects


def test_help_imports_no_torch(tmp_path: Path) -> None:
    done = ganzoo("check", "--help", cwd=tmp_path, PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    assert "ganzoo check my-gan/" in done.stdout
    assert "| torch\n" not in done.stderr
