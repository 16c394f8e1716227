"""Help texts: commands whose help ends with examples."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import click

from wafs.cli.exitcodes import MEANINGS

NO_VALUES: Final[Mapping[str, str]] = MappingProxyType({})


class Example(NamedTuple):
    """A command line that works, and what it is for."""

    line: str
    purpose: str


class Command(click.Command):
    """A command with examples.

    `usual_values`: what an option means that is given without a value. Such an option takes one behind `=` only, so
    that the word after it stays what it is.
    """

    def __init__(
        self,
        *arguments: Any,  # noqa: ANN401  click's own
        examples: Sequence[Example] = (),
        usual_values: Mapping[str, str] = NO_VALUES,
        **options: Any,  # noqa: ANN401  click's own
    ) -> None:
        super().__init__(*arguments, **options)
        self.examples = tuple(examples)
        self.usual_values = usual_values

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give options without a value their usual one."""
        count = args.index("--") if "--" in args else len(args)
        usual = [f"{word}={self.usual_values[word]}" if word in self.usual_values else word for word in args[:count]]
        return super().parse_args(ctx, usual + args[count:])

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
