#!/usr/bin/env python3
"""Write docs/cli.md from the help texts, so that both always say the same.

scripts/docs_cli.py            write it
scripts/docs_cli.py --check    fail if it is not up to date
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from wafs.cli.exitcodes import MEANINGS
from wafs.cli.help_texts import commands_below
from wafs.cli.program import program

TARGET = Path(__file__).parents[1] / "docs/cli.md"
WIDTH = 90
HELP = program.context_settings["help_option_names"]

INTRODUCTION = """\
# The command line

Written by `scripts/docs_cli.py` from the help texts; change those.

## What opens a vault

Every command that opens a vault takes one of

- `--password-file FILE`: the first line of a file; `-` is standard input,
- `--password-command COMMAND`: the first line that a program prints; no shell is involved,
- `--recovery-file FILE`: the recovery key,

and asks for the password on the terminal if none is given. A password is never taken from an argument or the
environment, which other users of the machine and crash reports can see. Of a line only its end is removed; it must be
UTF-8 and is used in the Unicode form NFC, so that it does not matter on which system it was typed. It has 1 to 1024
bytes.

## What goes where

Standard output gets what was asked for. Standard error gets errors, hints, warnings, notes and, on a terminal,
progress. Where many files are copied or removed, one that fails does not stop the others; all that failed are listed at
the end, and the exit code is that of the worst: 5 before 7 before 1.

Ctrl-C, SIGTERM and SIGHUP stop `put`, `get`, `ls`, `cat`, `rm`, `backup`, `restore` and `snapshots` between two pieces
of work: no half file is left, and the exit code is 130. A second one stops at once.

Ctrl-C and SIGTERM end a mount as `wafs umount` does, but also one that is in use: what programs have written so far is
in the vault, memory-mapped files included; programs that go on hear that the mount is not connected any more. A second
signal does not wait for what is left in memory maps.

With `WAFS_DEBUG=1` in the environment a bug prints its traceback.

## Exit codes

| code | meaning |
|---|---|
"""


def main() -> int:
    """Write or check the document; return 1 if the check fails."""
    text = document()
    if "--check" in sys.argv[1:]:
        if TARGET.is_file() and TARGET.read_text("utf-8") == text:
            return 0
        print("docs/cli.md is not up to date: run scripts/docs_cli.py", file=sys.stderr)
        return 1
    TARGET.write_text(text, "utf-8")
    return 0


def document() -> str:
    """Return the whole document."""
    codes = "".join(f"| {code} | {meaning} |\n" for code, meaning in MEANINGS.items())
    top = click.Context(program, info_name="wafs", terminal_width=WIDTH, help_option_names=HELP)
    contexts: dict[tuple[str, ...], click.Context] = {(): top}
    for words, command in commands_below(program):
        contexts[words] = click.Context(command, info_name=words[-1], parent=contexts[words[:-1]])
    sections = [_section(context) for words, context in contexts.items() if words]
    return INTRODUCTION + codes + "\n" + "\n".join(sections)


def _section(context: click.Context) -> str:
    return f"## {context.command_path}\n\n```text\n{context.get_help()}\n```\n"


if __name__ == "__main__":
    sys.exit(main())
