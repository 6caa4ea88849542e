"""The command `ganzoo`: its verbs, imported when they are invoked, and the one place that reports errors.

A command raises `GanzooError`; exit status and text are settled here: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import rich_click as click

import ganzoo
from ganzoo.errors import GanzooError, did_you_mean

# verb: (module:command, one line of help). The help is here, so that `ganzoo --help` imports no verb.
VERBS: dict[str, tuple[str, str]] = {
    "list": ("ganzoo.cli.list:command", "List architectures and components."),
    "show": ("ganzoo.cli.show:command", "Show one architecture: facts, parameters, options."),
    "train": ("ganzoo.cli.train:command", "Train an architecture, or resume a run."),
    "sample": ("ganzoo.cli.sample:command", "Draw samples from a trained run."),
    "translate": ("ganzoo.cli.translate:command", "Translate the pictures of a folder with a trained run."),
    "evaluate": ("ganzoo.cli.evaluate:command", "Measure how good the samples of a run or a folder are."),
    "compare": ("ganzoo.cli.compare:command", "Compare runs by figures that were measured alike."),
    "report": ("ganzoo.cli.report:command", "Write a page on a run: curves, samples, nearness to the data."),
    "bench": ("ganzoo.cli.bench:command", "Measure how fast architectures train and sample here."),
    "plugins": ("ganzoo.cli.plugins:command", "List plugins, what they bring, and their problems."),
    "check": ("ganzoo.cli.check:command", "Check that components do what the contract says."),
    "new": ("ganzoo.cli.new:command", "Write the project of a new plugin."),
    "doctor": ("ganzoo.cli.doctor:command", "Look at this machine and installation, and say what to mend."),
}
INTERRUPTED = 130  # 128 + SIGINT


class Verbs(click.RichGroup):
    """A group whose commands are imported when they are invoked or completed, not when they are listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A stand-in with the verb's help line; `resolve_command` gives the command itself."""
        return click.RichCommand(name=cmd_name, help=VERBS[cmd_name][1]) if cmd_name in VERBS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        verb = args[0]
        if verb in VERBS:
            module, _, attribute = VERBS[verb][0].partition(":")
            return verb, getattr(importlib.import_module(module), attribute), args[1:]
        if ctx.resilient_parsing:  # completion of a half-typed verb
            return None, None, args[1:]
        raise click.UsageError(f"There is no command {verb!r}. {did_you_mean(verb, VERBS)}", ctx)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GanzooError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(error.exit_status)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(INTERRUPTED)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            try:
                return super().__call__(*args, **kwargs)
            finally:
                sys.stdout.flush()  # here, where a reader that has gone can be met in silence, not at shutdown
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)


@click.group(cls=Verbs, context_settings={"help_option_names": ["--help", "-h"]})
@click.version_option(ganzoo.__version__, prog_name="ganzoo", message="%(prog)s %(version)s")
def main() -> None:
    """A zoo of generative adversarial networks: list, train, sample and judge them."""
