"""Help texts: commands whose help ends with examples."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import click

from wafs.cli.exitcodes import MEANINGS


class Example(NamedTuple):
    """A command line that works, and what it is for."""

    line: str
    purpose: str


class Command(click.Command):
    """A command with examples."""

    def __init__(self, *arguments: Any, examples: Sequence[Example] = (), **options: Any) -> None:  # noqa: ANN401  click's own
        super().__init__(*arguments, **options)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples after the options."""
        del ctx
        if not self.examples:
            return
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"  {example.line}\n")
                formatter.write_text(f"  {example.purpose}")


class CommandGroup(click.Group):
    """The commands, in the order in which a person needs them, and the exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which they were added."""
        del ctx
        return list(self.commands)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the exit codes after the commands."""
        del ctx
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in MEANINGS.items()])
        formatter.write_paragraph()
        formatter.write_text("wafs COMMAND --help shows the options of a command, and examples.")
