"""Three digits and the right unit, at the edges too."""

from __future__ import annotations

import pytest

from ganzoo.bench.units import bytes_text, operations_text, rate_text, seconds_text


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (seconds_text(0.99999), "1.00 s"),
        (seconds_text(0.5), "500 ms"),
        (seconds_text(12.34), "12.3 s"),
        (seconds_text(0.00123), "1.23 ms"),
        (seconds_text(4.2e-6), "4.20 us"),
        (bytes_text(999_990), "1.00 MB"),
        (bytes_text(12), "12.0 B"),
        (bytes_text(0), "0.00 B"),
        (operations_text(9.996e9), "10.0 Gop"),
        (operations_text(2.5e13), "25.0 Top"),
        (rate_text(1549.4), "1,549"),
        (rate_text(14.52), "14.5"),
    ],
)
def test_numbers(said: str, wanted: str) -> None:
    assert said == wanted
