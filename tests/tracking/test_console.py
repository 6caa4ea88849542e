"""The progress display takes any text for what it is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from ganzoo.tracking import Progress
from ganzoo.tracking.console import Console


def test_brackets_in_names_and_messages_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.started(SimpleNamespace(arch="my/gan", folder=Path("runs/[old]"), game=None, reasons=("[/why] not",)))
    console.said("left out: pictures in [/data], of 3 [bold] channels")
    console.ended(Progress(8, 1, 0.1, 8, None), False, Path("runs/[old]/step.pt"))
    console.close()
    said = capsys.readouterr().err
    assert "my/gan into runs/[old]\n[/why] not\n" in said
    assert "left out: pictures in [/data], of 3 [bold] channels\n" in said
    assert "done: 8 images, 1 steps; checkpoint runs/[old]/step.pt\n" in said
