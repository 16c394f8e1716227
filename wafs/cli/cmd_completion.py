"""`wafs completion`: the script that lets a shell complete commands."""

import click
from click.shell_completion import get_completion_class

from wafs.cli.help_texts import Command, Example
from wafs.cli.screen import say

VARIABLE = "_WAFS_COMPLETE"
"""Environment variable by which the script asks wafs for completions."""

_EXAMPLES = (
    Example('eval "$(wafs completion bash)"', "in ~/.bashrc; with zsh likewise in ~/.zshrc"),
    Example("wafs completion fish > ~/.config/fish/completions/wafs.fish", "once, for fish"),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(*, shell: str) -> None:
    """Print the script that completes commands in SHELL."""
    root = click.get_current_context().find_root()
    kind = get_completion_class(shell)
    if kind is None:
        msg = f"{shell} is not known"
        raise click.BadParameter(msg)
    say(kind(root.command, {}, "wafs", VARIABLE).source().rstrip("\n"))
