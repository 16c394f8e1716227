"""Main: runs a command line, and turns every error into words and an exit code."""

import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from wafs.cli.exitcodes import BUG, FAILED, INTERRUPTED, OK, USAGE, exit_code_of
from wafs.cli.hardening import drop_core_dumps
from wafs.cli.messages import message_of
from wafs.cli.program import program
from wafs.cli.screen import tell

_log = logging.getLogger(__name__)


def main() -> NoReturn:
    """Run the command line of this process and end it."""
    drop_core_dumps()
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code; what went wrong is said on standard error."""
    # Names that the terminal's character set lacks are shown as escapes; they are no reason to fail.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = program.main(list(arguments), prog_name="wafs", standalone_mode=False)
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        tell("", "interrupted")
        return INTERRUPTED
    except click.ClickException as error:
        return _usage(error)
    except BrokenPipeError:
        _end_output()
        return FAILED
    except Exception as error:  # noqa: BLE001  the one place where a bug becomes words
        _end_output()
        return _failed(error)
    return code if isinstance(code, int) else OK


def _end_output() -> None:
    """Write out what is still in the buffer, or drop it: the interpreter would fail over it again, in its own way."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _usage(error: click.ClickException) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return USAGE
    text = error.format_message().rstrip(".")
    tell("error", text[:1].lower() + text[1:])
    context = getattr(error, "ctx", None)
    if isinstance(context, click.Context):
        tell("hint", f"see: {context.command_path} --help")
    return USAGE


def _failed(error: Exception) -> int:
    code = exit_code_of(error)
    text, hint = message_of(error)
    if code != BUG:
        tell("error", text)
        if hint:
            tell("hint", hint)
        return code
    tell("error", f"this is a bug in wafs: {text}")
    if os.environ.get("WAFS_DEBUG") == "1":
        traceback.print_exception(error)
    else:
        tell("hint", "please report it, with what the same command prints when WAFS_DEBUG=1 is set")
    _log.debug("bug", exc_info=error)
    return code
