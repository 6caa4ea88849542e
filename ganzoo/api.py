"""What the command line calls and a notebook would: train, and load, whose runs sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ganzoo import plugin
from ganzoo.build import build, config_class, configure, data_assignments, find_arch
from ganzoo.card import document_of, write_card
from ganzoo.config import override, validate
from ganzoo.data import DataChoice, Source, open_source
from ganzoo.data.opening import held_out
from ganzoo.engine import device
from ganzoo.engine.folder import RunFolder, next_free
from ganzoo.engine.processes import Processes
from ganzoo.engine.runner import Runner
from ganzoo.engine.settings import TrainSettings
from ganzoo.engine.training import Training
from ganzoo.engine.watch import Watching
from ganzoo.errors import GanzooError, UsageError
from ganzoo.evaluation.judge import judge_of, metric_for
from ganzoo.models import Game
from ganzoo.registry import Entry, registry
from ganzoo.runs import Run, load
from ganzoo.tracking import Tracker

Say = Callable[[str], None]
Reading = Callable[[int, int], None]


def train(
    arch: str | None = None,
    *,
    preset: str | None = None,
    data: str | None = None,
    images: int | None = None,
    minutes: float | None = None,
    seed: int | None = None,
    seeds: int = 1,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    loss: str | None = None,
    penalty: str | Sequence[str] | None = None,
    augment: str | None = None,
    set: Sequence[str] = (),
    data_options: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    trackers: Sequence[str] | None = ("jsonl",),
    say: Say = lambda text: None,
    progress: Reading | None = None,
) -> Run:
    """Train an architecture, or go on with a run; the finished run (of several seeds the first).

    Args:
        arch: name or id, for a new run.
        preset: one of the architecture's named configurations.
        data: a data set's name, a folder of pictures, an .npz, .npy or .csv file; None: the architecture's default.
        images: total of real samples, also on a resume. minutes: time, counted from now. Without both 500,000 images.
        seeds: runs at once, of the seeds `seed`, `seed` + 1, ..., each as if it were alone; for small games, whose steps
            then cost little more than those of one. Their folders are seed-N below `out`.
        out: the run's folder; None: the next free one below runs/.
        resume: the folder of a run to go on with; then arch, data and the architecture's options are the run's own.
        loss, penalty, augment: components by name instead of the architecture's own.
        set: assignments "field=value" for the architecture's configuration; "data.field=value" and "run.field=value" reach
            the data's and the run's.
        data_options: fields of DataChoice besides the path. settings: fields of TrainSettings.
        trackers: names of trackers. say: receives warnings, such as pictures that were left out.
        progress: told (done, all) while pictures are read for the first time.

    Raises:
        UsageError: a name, field, value or path is wrong. GanzooError: the run failed; the message says why.
    """
    own_settings: dict[str, Any] = {
        name: value for name, value in {"images": images, "minutes": minutes, "seed": seed}.items() if value is not None
    }
    own_settings |= settings or {}
    if trackers is not None:
        own_settings["trackers"] = tuple(trackers)
    processes = Processes.from_environment()
    if not processes.leads:
        say = _silent
    if resume is not None:
        given = (
            preset,
            data,
            loss,
            penalty,
            augment,
            seed,
            seeds if seeds > 1 else None,
            out,
            data_options or None,
            arch,
        )
        names = ("preset", "data", "loss", "penalty", "augment", "seed", "seeds", "out", "data options", "arch")
        runner = _resumed(
            Path(resume), dict(zip(names, given, strict=True)), set, own_settings, processes, say, progress
        )
    else:
        if arch is None:
            raise UsageError("no architecture was given: ganzoo train --arch NAME; ganzoo list shows them")
        penalties = [penalty] if isinstance(penalty, str) else penalty
        runner = _new(
            find_arch(arch),
            preset,
            data,
            out,
            loss,
            penalties,
            augment,
            set,
            data_options or {},
            own_settings,
            seeds,
            processes,
            say,
            progress,
        )
    _run(runner, processes)
    return load(runner.folder, interrupted=runner.interrupted)


def _new(
    entry: Entry[plugin.Arch],
    preset: str | None,
    data: str | None,
    out: str | Path | None,
    loss: str | None,
    penalty: Sequence[str] | None,
    augment: str | None,
    assignments: Sequence[str],
    data_options: dict[str, Any],
    own_settings: dict[str, Any],
    seeds: int,
    processes: Processes,
    say: Say,
    progress: Reading | None,
) -> Runner:
    if seeds < 1 or (seeds > 1 and processes.world > 1):
        raise UsageError(f"seeds is {seeds}: wanted 1 or more, and 1 with several processes")
    kinds = _sorted_assignments(assignments)
    settings = override(validate(TrainSettings, own_settings, "training settings"), kinds["run"], "training settings")
    config = configure(entry, kinds["arch"], preset=preset, loss=loss, penalty=penalty, augment=augment)
    preset_data = [f"{field}={value}" for field, value in data_assignments(entry.record, preset)]
    usual = override(DataChoice(), preset_data, "data").model_dump() | {"path": data}
    choice = override(validate(DataChoice, {**usual, **data_options}, "data"), kinds["data"], "data")
    choice = _absolute(choice.resolved(entry.record.modality, entry.record.layout))
    chosen = device.choose(
        settings.device,
        settings.precision,
        settings.threads,
        entry.record.modality,
        processes.local_rank,
        processes.local_world,
    )
    device.apply(chosen, settings.allocator)
    source = _open(entry.record, choice, say, progress)
    settings = _with_metric(settings, source)
    processes.join(chosen.device)
    whole = Path(out) if out is not None else next_free(Path("runs"), entry.record.name)
    whole = Path(processes.agree(str(whole)))
    if seeds > 1 and whole.is_dir() and any(whole.iterdir()):
        raise UsageError(
            f"{whole} is not empty, and {seeds} runs want a folder of their own there: choose another --out"
        )
    runners: list[Runner] = []
    for number in reversed(range(seeds)):
        seed = settings.seed + number
        own = settings.model_copy(update={"precision": chosen.precision, "seed": seed})
        game = build(entry, config, source.spec, seed=seed)
        path = whole / f"seed-{seed}" if seeds > 1 else whole
        document = document_of(entry, config, choice, own, source)
        folder = RunFolder.create(path, document) if processes.leads else RunFolder(path)
        processes.agree(None)  # nobody goes on before the folder is there
        watching = _watching(entry.record, choice, source, own, game, say)
        training = Training(
            entry.id, entry.version, game, source, config.batch, own, chosen, folder, processes, watching
        )
        runners.append(Runner(training, beside=() if number else runners[::-1]))
        if processes.leads:
            write_card(folder, entry, config, source, game, document)
    return runners[-1]


def _resumed(
    path: Path,
    given: dict[str, Any],
    assignments: Sequence[str],
    own_settings: dict[str, Any],
    processes: Processes,
    say: Say,
    progress: Reading | None,
) -> Runner:
    folder = RunFolder.open(path)
    document = folder.read_config()
    arch = document["arch"]
    asked = given.pop("arch")
    if asked is not None and find_arch(asked).id != arch.get("id"):
        raise UsageError(
            f"{path} is a run of {arch.get('id')}, and --arch asks for {asked}; leave --arch out to go on with it"
        )
    fixed = [name for name, value in given.items() if value is not None]
    kinds = _sorted_assignments(assignments)
    if fixed or kinds["arch"] or kinds["data"]:
        what = ", ".join([*fixed, *kinds["arch"], *kinds["data"]])
        raise UsageError(
            f"--resume goes on with the run's own configuration, and {what} would change it; "
            "only --images, --minutes, --set run.*, device and threads can be given"
        )
    folder.check_writable()
    entry = find_arch(str(arch.get("id")))
    if entry.version != arch.get("version"):
        say(f"the run was begun with {entry.distribution} {arch.get('version')}; this is {entry.version}")
    config = validate(config_class(entry), arch.get("config") or {}, f"{folder.config}: configuration of {entry.id}")
    stored = validate(TrainSettings, document.get("settings") or {}, f"{folder.config}: settings")
    # The time of an earlier part does not limit this one, and images are the total.
    values = stored.model_dump() | {"minutes": None} | own_settings
    if "images" not in own_settings and "minutes" in own_settings:
        values["images"] = None
    settings = override(validate(TrainSettings, values, "training settings"), kinds["run"], "training settings")
    choice = validate(DataChoice, (document.get("data") or {}).get("choice") or {}, f"{folder.config}: data")
    modality = entry.record.modality
    chosen = device.choose(
        settings.device, settings.precision, settings.threads, modality, processes.local_rank, processes.local_world
    )
    device.apply(chosen, settings.allocator)
    source = _open(entry.record, choice, say, progress)
    stored_digest = document["data"].get("digest")
    if source.digest != stored_digest:
        raise GanzooError(
            f"the data at {choice.path} is not what the run was trained on (digest {source.digest}, then {stored_digest}); "
            "start a new run, or restore the data"
        )
    game = build(entry, config, source.spec, seed=settings.seed)
    processes.join(chosen.device)
    settings = _with_metric(settings, source)
    watching = _watching(entry.record, choice, source, settings, game, say)
    runner = Runner(
        Training(entry.id, entry.version, game, source, config.batch, settings, chosen, folder, processes, watching)
    )
    path = runner.resume(say)
    if processes.leads:
        document["settings"] = settings.model_copy(update={"precision": chosen.precision}).model_dump(mode="json")
        folder.write_config(document)
    total = runner.total
    if total is not None and runner.context.images >= total:
        say(f"the run has seen {runner.context.images:,} images already, and {total:,} is the total: nothing to train")
    say(f"going on from {path}")
    return runner


def _silent(text: str) -> None:
    """What every process but the first says."""


def _run(runner: Runner, processes: Processes) -> None:
    trackers: list[Tracker] = []
    for each in runner.together:
        own: list[Tracker] = []
        for entry in registry().callbacks(each):
            if not isinstance(entry, Tracker):
                raise GanzooError(f"a callback plugin gave {type(entry).__name__}, wanted a ganzoo.tracking.Tracker")
            own.append(entry)
        if processes.leads:
            for name in each.tracker_names:
                if name == "console" and each is not runner:
                    continue  # one display; the others' measurements are in their folders
                found = registry().find(plugin.Tracker, name)
                own.append(registry().load(found)())
        each.trackers = own
        trackers += own
    try:
        runner.run()
        processes.agree(None)  # the checkpoint is written before anybody reads it
    finally:
        for tracker in trackers:
            tracker.close()
        processes.leave()


def _open(record: plugin.Arch, choice: DataChoice, say: Say, progress: Reading | None) -> Source:
    size = (record.resolution, record.resolution) if record.resolution else None
    return open_source(choice, modality=record.modality, resolution=size, report=say, progress=progress)


def _with_metric(settings: TrainSettings, source: Source) -> TrainSettings:
    """The settings with the metric that the run is judged by, if it is judged."""
    if settings.evaluate_every is None:
        return settings
    return settings.model_copy(update={"evaluate_metric": metric_for(settings.evaluate_metric, source.spec.modality)})


def _watching(
    record: plugin.Arch, choice: DataChoice, source: Source, settings: TrainSettings, game: Game, say: Say
) -> Watching:
    """What a run is watched with: samples that it is not trained on, if the data have some, and its figures, if asked for."""
    if settings.evaluate_every is None and not settings.health_seconds:
        return Watching()
    apart = held_out(choice)
    part = _open(record, apart, say, None) if apart is not None else None
    if settings.evaluate_every is None:
        return Watching(part)
    split = "test" if part is not None else "train"
    judge, lower = judge_of(part or source, split, settings.evaluate_metric, game.value_range, settings.seed)
    return Watching(part, judge, lower)


def _absolute(choice: DataChoice) -> DataChoice:
    """A path that a resume finds from any folder; a data set's name stays a name."""
    if choice.path is None or not Path(choice.path).exists():
        return choice
    if choice.path in {name for e in registry().entries(plugin.Dataset) for name in (e.id, e.record.name)}:
        return choice
    return choice.model_copy(update={"path": str(Path(choice.path).absolute())})


def _sorted_assignments(assignments: Sequence[str]) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {"arch": [], "data": [], "run": []}
    for assignment in assignments:
        prefix, dot, rest = assignment.partition(".")
        if dot and prefix in ("data", "run") and "=" not in prefix:
            kinds[prefix].append(rest)
        else:
            kinds["arch"].append(assignment)
    return kinds
