"""Numbers with units, as tables and pictures show them. No torch."""

from __future__ import annotations

_THOUSANDS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_ROUNDED = 0.9995  # three digits of a number from here on make the next unit


def scaled(value: float) -> str:
    """Three digits and a prefix: 12.3 G."""
    for size, letter in _THOUSANDS:
        if value >= _ROUNDED * size:
            return f"{digits(value / size)} {letter}"
    return f"{digits(value)} "


def operations_text(value: float) -> str:
    """Operations: 12.3 Gop; a multiplication and an addition are two."""
    return f"{scaled(value)}op"


def bytes_text(value: float) -> str:
    """Bytes in powers of ten: 12.3 MB."""
    return f"{scaled(value)}B"


def rate_text(value: float) -> str:
    """Images a second: 1,549, or 14.5 where there are few."""
    return f"{value:,.0f}" if value >= 100 else digits(value)


def seconds_text(value: float) -> str:
    """12.3 s, 12.3 ms or 12.3 us."""
    for size, unit in ((1.0, "s"), (1e-3, "ms")):
        if value >= _ROUNDED * size:
            return f"{digits(value / size)} {unit}"
    return f"{digits(value * 1e6)} us"


def digits(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
