"""One way to print a table: no borders, so that it fits 80 columns and can be searched line by line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints columns to stdout; the last one wraps, the others are never cut.

    As wide as the terminal, or 80 columns where there is none.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(header))
    for name in header[:-1]:
        table.add_column(name, no_wrap=True, overflow="ignore")
    table.add_column(header[-1], overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))  # Text: a plugin's words are no markup
    Console(highlight=False).print(table)
