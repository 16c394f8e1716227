"""`wafs ls`: list what is in a vault, without mounting."""

import os
import stat
import sys
from typing import TYPE_CHECKING

import click

from wafs.cli.help_texts import Command, Example
from wafs.cli.parameters import LOCAL_PATH, vault_path
from wafs.cli.screen import escape, time_words
from wafs.cli.unlock_options import SecretSource, unlock_options

if TYPE_CHECKING:
    from wafs.cli.failures import Failures
    from wafs.cli.opening import Session
    from wafs.fs.attrs import Entry

_EXAMPLES = (
    Example("wafs ls vault", "list the top folder"),
    Example("wafs ls -l vault /Media", "with permissions, sizes and times"),
    Example("wafs ls -R --json vault | jq .path", "everything, one JSON object for each entry"),
)
_TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "symlink"}


@click.command(cls=Command, examples=_EXAMPLES)
@click.option("-l", "long", is_flag=True, help="Show permissions, size in bytes, time and the target of symlinks.")
@click.option("-R", "--recursive", is_flag=True, help="List everything below, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each entry.")
@click.argument("vault", type=LOCAL_PATH)
@click.argument("path", default="/", callback=vault_path)
@unlock_options
def ls(*, vault: str, path: bytes, long: bool, recursive: bool, as_json: bool, source: SecretSource) -> None:
    """List the folder PATH of VAULT, or the one file PATH.

    Names that begin with a dot are shown, too. A slash marks folders. On a terminal, characters in names that do not
    print are shown as escapes; elsewhere names come out byte by byte as they are.
    """
    from wafs.cli.failures import Failures
    from wafs.cli.opening import opened
    from wafs.fs.walk import found, walk

    failures = Failures()
    with opened(vault, source, read_only=True) as session:
        lister = _Lister(session, failures, long=long, as_json=as_json)
        with found(session.vfs, path, follow=True) as entry:
            if not stat.S_ISDIR(entry.attrs.mode):
                lister.show(path, entry)
            else:
                for step in walk(session.vfs, entry.ino, b"", failures.add):
                    session.interrupts.check()
                    if not step.leaving:
                        lister.show(step.path, step.entry)
                        step.prune = not recursive
        sys.stdout.buffer.flush()
    failures.finish()


class _Lister:
    """Writes lines about entries."""

    def __init__(self, session: "Session", failures: "Failures", *, long: bool, as_json: bool) -> None:
        self._vfs = session.vfs
        self._failures = failures
        self._long = long
        self._as_json = as_json
        self._on_terminal = sys.stdout.isatty()

    def show(self, path: bytes, entry: "Entry") -> None:
        target = self._target(path, entry)
        if self._as_json:
            self._write(_json_line(path, entry, target))
            return
        line = path + b"/" if stat.S_ISDIR(entry.attrs.mode) else path
        if self._long:
            attrs = entry.attrs
            when = time_words(attrs.mtime_ns // 10**9, "%Y-%m-%d %H:%M")
            line = f"{stat.filemode(attrs.mode)} {attrs.size:>14} {when} ".encode() + line
            if target is not None:
                line += b" -> " + target
        self._write(line)

    def _target(self, path: bytes, entry: "Entry") -> bytes | None:
        from wafs.errors import WafsError

        if not stat.S_ISLNK(entry.attrs.mode) or not (self._long or self._as_json):
            return None
        try:
            return self._vfs.tree.readlink(entry.ino)
        except (WafsError, OSError) as error:
            self._failures.add(path, error)
            return None

    def _write(self, line: bytes) -> None:
        if self._on_terminal and not self._as_json:
            line = escape(line).encode(sys.stdout.encoding or "utf-8", "backslashreplace")
        sys.stdout.buffer.write(line + b"\n")


def _json_line(path: bytes, entry: "Entry", target: bytes | None) -> bytes:
    """Return one entry as JSON; a byte of a name that is not UTF-8 becomes a lone surrogate, as Python does it."""
    import json

    attrs = entry.attrs
    facts: dict[str, object] = {
        "path": os.fsdecode(path),
        "type": _TYPES.get(stat.S_IFMT(attrs.mode), "other"),
        "size": attrs.size,
        "mode": f"{stat.S_IMODE(attrs.mode):04o}",
        "mtime_ns": attrs.mtime_ns,
    }
    if target is not None:
        facts["target"] = os.fsdecode(target)
    return json.dumps(facts).encode()
