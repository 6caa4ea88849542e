"""What a tracker is held to: it takes every event of a run, writes into the run's folder alone, and never changes the game."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Any

from ganzoo.testing.check import Checks, Failed, want
from ganzoo.testing.component import Component, check_options, without_global_chance
from ganzoo.testing.host import HostReads
from ganzoo.testing.tracked import ROWS, STEPS, differing, events, progress, stage, tell, trained
from ganzoo.tracking import Tracker

THREAD_SECONDS = 0.5  # that a thread which was told to end may take to do so


class TrackerSubject(Component):
    """A tracker, made anew for each run."""

    def tracker(self) -> Tracker:
        """As a run makes it: without arguments."""
        made = self.target()
        if not isinstance(made, Tracker):
            raise Failed(f"it makes a {type(made).__name__}, wanted a ganzoo.tracking.Tracker")
        return made

    @cached_property
    def untracked(self) -> dict[str, Any]:
        """The state of the tiny run without a tracker."""
        return trained(None)


TRACKER = Checks("tracker")


@TRACKER.check(
    "made",
    why="`run.trackers` names it, and the run makes it without arguments.",
    hint="Make the target a subclass of tracking.Tracker whose arguments all have defaults.",
)
def made(subject: TrackerSubject) -> None:
    """It is made without arguments, opens nothing yet, and is a Tracker."""
    check_options(subject)
    with stage() as on:
        tracker = without_global_chance(subject.tracker)
        left = sorted(path.name for path in on.elsewhere.iterdir())
        tracker.close()
    want(not left, f"made, and no run begun, it writes {', '.join(left)}")


@TRACKER.check(
    "events",
    why="What a tracker raises ends the run.",
    hint="Expect rows without terms, runs without a total or a time limit, any text, and `advanced` before the first row.",
)
def told(subject: TrackerSubject) -> None:
    """It takes a whole run's events, of runs limited by images and by time, on a terminal and elsewhere."""
    for terminal in (False, True):
        for timed in (False, True):
            with stage(terminal=terminal) as on:
                tell(subject.tracker(), on, timed=timed)


@TRACKER.check(
    "close",
    why="A run that fails is closed without having ended, and perhaps without having started.",
    hint="Give back in `close` what is there, and remember that it has been given back.",
)
def close(subject: TrackerSubject) -> None:
    """It can be closed twice, without a start, and in the middle; no thread of it stays."""
    for terminal in (False, True):
        with stage(terminal=terminal) as on:
            before = set(threading.enumerate())
            for begun in (False, True):
                tracker = subject.tracker()
                if begun:
                    tracker.started(on.run)
                    tracker.advanced(progress(1))
                for time in ("", " a second time"):
                    try:
                        tracker.close()
                    except Exception as error:
                        where = "in the middle of a run" if begun else "before a run has started"
                        raise Failed(f"closed{time} {where} it raises {type(error).__name__}: {error}") from error
            new = [thread for thread in threading.enumerate() if thread not in before]
            for thread in new:
                thread.join(THREAD_SECONDS)
            left = [thread.name for thread in new if thread.is_alive()]
            want(not left, f"closed, it leaves the thread {', '.join(left)}")


@TRACKER.check(
    "row",
    why="All trackers of a run are given the same row.",
    hint="Build a new dict in place of changing the row.",
)
def row(subject: TrackerSubject) -> None:
    """It leaves the rows that it is given as they are."""
    with stage() as on:
        tracker = subject.tracker()
        tracker.started(on.run)
        for name, values in ROWS.items():
            given = dict(values)
            tracker.logged(given)
            same = given.keys() == values.keys() and all(given[key] is values[key] for key in values)
            want(same, f"it changes a row {name}")
        tracker.close()


@TRACKER.check(
    "game",
    why="A run must be the same with it and without it.",
    hint="Read from the game and write nothing to it; draw from no global generator.",
)
def game(subject: TrackerSubject) -> None:
    """A run with it ends with the same weights, averages, optimisers and generators, bit for bit, as one without."""
    found = differing(subject.untracked, trained(subject.tracker))
    want(found is None, f"with it a run of {STEPS} steps ends with another {found}")


@TRACKER.check(
    "folder",
    why="A run is its folder: what lies elsewhere is lost, or in the way of another run.",
    hint="Write below Path(run.folder), which `started` is given.",
)
def folder(subject: TrackerSubject) -> str:
    """It writes below the run's folder alone."""
    with stage() as on:
        before = {path for path in on.run.folder.rglob("*") if path.is_file()}
        tell(subject.tracker(), on)
        left = sorted(path.name for path in on.elsewhere.iterdir())
        beside = {path.name for path in on.run.folder.parent.iterdir()} - {"run", "elsewhere"}
        own = sorted(path.name for path in on.run.folder.rglob("*") if path.is_file() and path not in before)
    want(not left, f"it writes {', '.join(left)} into the folder that the process works in")
    want(not beside, f"it writes {', '.join(sorted(beside))} beside the run's folder")
    return ", ".join(own) or "no file"


@TRACKER.check(
    "stdout",
    why="stdout carries a command's answer, which scripts read.",
    hint="Print to stderr.",
)
def stdout(subject: TrackerSubject) -> None:
    """It prints nothing to stdout."""
    for terminal in (False, True):
        with stage(terminal=terminal) as on:
            tell(subject.tracker(), on)
            want(not on.out.getvalue(), f"it prints {on.out.getvalue().strip()[:80]!r} to stdout")


@TRACKER.check(
    "no-wait",
    why="Reading a number of the game makes the host wait for the device, ten times a second.",
    hint="Use what the row holds: it was fetched in one copy.",
)
def no_wait(subject: TrackerSubject) -> None:
    """It reads no value of the game as it is told of progress and rows."""
    with stage() as on:
        for name, call in events(subject.tracker(), on):
            with HostReads() as reads:
                call()
            if name.startswith(("advanced", "logged")):
                want(not reads.seen, f"{name} reads values of the game: {', '.join(reads.seen)}")


GROUPS = [TRACKER]
SUBJECT = TrackerSubject
