"""The command line: thin. Every command opens what it needs when it is called, so that help is quick."""

from __future__ import annotations

import signal
import sys

import click

from silolake import __version__
from silolake.errors import Interrupted, SilolakeError

COMMANDS = {
    "up": "local:up",
    "down": "local:down",
    "status": "local:status",
    "reset": "local:reset",
    "env": "local:env",
    "doctor": "doctor:doctor",
    "init": "start:init",
    "import": "importing:import_",
    "bootstrap": "lake:bootstrap",
    "plan": "lake:plan",
    "apply": "lake:apply",
    "drift": "drifting:drift",
    "rollback": "serving:rollback",
    "run": "running:run",
    "runs": "running:runs",
    "query": "asking:query",
    "why": "asking:why",
    "lint": "linting:lint",
    "test": "linting:test",
    "graph": "drawing:graph",
    "demo": "showing:demo",
}


class _Lazy(click.Group):
    """A group whose commands are imported when they are named."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        from importlib import import_module

        module, _, attribute = COMMANDS[name].partition(":")
        command: click.Command = getattr(import_module(f"{__name__}.{module}"), attribute)
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        from silolake.cli.words import SENTENCES

        with formatter.section("Commands"):
            formatter.write_dl([(name, SENTENCES[name]) for name in COMMANDS])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="silolake")
def cli() -> None:
    """Run a lake of AWS accounts from one repository of notebooks, and all of it on this laptop.

    The first minute: silolake up, silolake bootstrap, silolake apply; or all of it: silolake demo.
    """


def main() -> None:
    """The program: what goes wrong on purpose is one plain sentence and exit code 1.

    SIGTERM ends it as Ctrl-C does: what goes on is cancelled, and recorded as such.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = cli.main(prog_name="silolake", standalone_mode=False)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort as error:
        # click makes Ctrl-C an Abort too; a question answered with no has no cause.
        by_hand = isinstance(error.__cause__, KeyboardInterrupt)
        click.echo(str(Interrupted("the command")) if by_hand else "nothing was done", err=True)
        sys.exit(130)
    except SilolakeError as error:
        click.echo(f"{click.style('error', fg='red')}: {error}", err=True)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
