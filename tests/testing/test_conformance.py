"""The kit in a plugin's own tests: each check is a test, and expected failures are strict."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ganzoo.errors import UsageError
from ganzoo.testing import conformance, targets
from ganzoo.testing.check import Check, Failed, Skipped, outcome

CASES = {
    "holds": ('conformance("classic/gan-2d")', 0, "passed"),
    "fails": ('conformance("mutants/no-tanh")', 1, "failed"),
    "expected": (
        'conformance("mutants/no-tanh", expected={"networks.range": "logits"})',
        0,
        "passed",
    ),
    "strict": ('conformance("classic/gan-2d", expected={"networks.range": "so far"})', 1, "1 failed"),
}


@pytest.mark.parametrize("case", CASES)
def test_in_pytest(case: str, tmp_path: Path) -> None:
    call, status, word = CASES[case]
    source = f"from ganzoo.testing import conformance\n\ntest_conformance = {call}\n"
    (tmp_path / "test_it.py").write_text(source)
    selected = ("-k", "networks or declaration", "-rs", "-p", "no:cacheprovider", "-p", "no:xdist")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *selected, "test_it.py"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status, done.stdout
    assert word in done.stdout
    if case == "fails":
        assert "How to mend it: End the generator with tanh" in done.stdout
        assert "Why it matters" in done.stdout
        assert "Traceback" not in done.stdout
    if case == "expected":
        assert "expected to fail, logits" in done.stdout


def test_names_are_wanted() -> None:
    with pytest.raises(UsageError, match="wants a name"):
        conformance()
    with pytest.raises(UsageError, match="Did you mean"):
        conformance("gan-2e")


def test_every_check_has_a_name_a_reason_and_a_hint() -> None:
    seen: set[tuple[type | None, str]] = set()
    for target in targets([]):
        kind = type(target.entry.record) if target.entry else None
        for check in target.checks(slow=True):
            if (kind, check.name) in seen:
                continue
            seen.add((kind, check.name))
            assert check.name.count(".") == 1
            for sentence in (check.why, check.hint, check.function.__doc__ or ""):
                text = " ".join(sentence.split())
                assert len(text) > 15, check.name
                assert text.endswith((".", "?")) or text.endswith(")"), (check.name, text)
    assert len(seen) > 60


def test_names_of_a_kind_are_unique() -> None:
    for target in targets(["dcgan", "hinge", "r1", "fashion-12k", "fd", "pixels", "jsonl"]):
        names = [check.name for check in target.checks(slow=True)]
        assert len(names) == len(set(names))


def made(function: object) -> Check:
    return Check("group.name", "Why it is so.", "Do this.", function)  # type: ignore[arg-type]


def test_what_a_check_raises_is_its_outcome() -> None:
    def failed(about: object) -> None:
        raise Failed("found this")

    def skipped(about: object) -> None:
        raise Skipped("no need")

    def broken(about: object) -> None:
        raise SystemExit(3)

    assert outcome(made(lambda about: "1.0"), "x", None).reason == "1.0"
    found = outcome(made(failed), "x", None)
    assert (found.status, found.reason, found.hint) == ("FAIL", "found this", "Do this.")
    assert outcome(made(skipped), "x", None).status == "skipped"
    assert outcome(made(broken), "x", None).status == "FAIL"
    assert outcome(made(failed), "x", None, "a reason").status == "skipped"
    assert outcome(made(lambda about: None), "x", None, "a reason").status == "FAIL"
    assert outcome(made(skipped), "x", None, "a reason").status == "skipped"


def test_the_interrupt_is_the_users() -> None:
    def interrupted(about: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        outcome(made(interrupted), "x", None)
