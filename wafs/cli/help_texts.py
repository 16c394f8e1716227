"""Help texts: commands whose help ends with examples."""

from collections.abc import Iterator, Sequence
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


class CommandFolder(click.Group):
    """Commands about one thing, in the order in which a person needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which they were added."""
        del ctx
        return list(self.commands)


class CommandGroup(CommandFolder):
    """All commands, and the exit codes."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the exit codes after the commands."""
        del ctx
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in MEANINGS.items()])
        formatter.write_paragraph()
        formatter.write_text("wafs COMMAND --help shows the options of a command, and examples.")


class Placed(NamedTuple):
    """A command, and the words by which it is called."""

    words: tuple[str, ...]
    command: click.Command


def commands_below(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[Placed]:
    """Yield all commands of a group, folders of commands before what is in them."""
    for name, command in group.commands.items():
        place = (*words, name)
        yield Placed(place, command)
        if isinstance(command, click.Group):
            yield from commands_below(command, place)
