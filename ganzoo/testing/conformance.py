"""The kit's checks as tests for pytest: one test a check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ganzoo.testing.check import Check
from ganzoo.testing.suite import Target, targets


def conformance(
    *names: str, slow: bool = False, data: str | None = None, expected: Mapping[str, str] | None = None
) -> Callable[..., None]:
    """A test function with one case a check, to be bound to a name that pytest collects.

        test_conformance = conformance("my-gan/")

    Args:
        names: ids of components; "name/" is all that the plugin of that name brings. The plugin has to be installed.
        slow: the long checks too.
        data: what architectures are trained on, as for `ganzoo train --data`; None: made-up pictures or points.
        expected: reasons of known failures, by the check's name or by "id:check". They are strict: a check that holds
            although it is expected to fail is a failure.

    Raises:
        UsageError: a name is unknown or missing, or an expected failure names no check.
    """
    import pytest

    from ganzoo.errors import UsageError

    if not names:
        raise UsageError('conformance() wants a name: "my-gan/" is all that the plugin my-gan brings')
    cases = [
        pytest.param(target, check, id=f"{target.name}-{check.name}")
        for target in targets(names, data=data, expected=expected)
        for check in target.checks(slow=slow)
    ]

    @pytest.mark.parametrize(("target", "check"), cases)
    def test(target: Target, check: Check) -> None:
        found = target.do(check)
        if found.status == "skipped":
            pytest.skip(found.reason)
        if found.status == "FAIL":
            pytest.fail(f"{found.reason}\nWhy it matters: {check.why}\nHow to mend it: {found.hint}", pytrace=False)

    test.__doc__ = "A check of ganzoo's conformance kit."
    result: Callable[..., Any] = test
    return result
