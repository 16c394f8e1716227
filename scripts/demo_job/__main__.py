"""Command line of the demonstration."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from demo_job import stopping
from demo_job.job import Job, Places
from demo_job.screen import Screen
from demo_job.vault import CommandError

DESCRIPTION = """\
Show the main job of wafs from end to end: make a vault, mount it, copy a WhatsApp backup in, run an
export tool on the mounted folder, unmount, search the vault for anything readable, mount it again
and compare every file with the original.

Without BACKUP_DIR a made-up backup is used. With BACKUP_DIR it is yours: it is only read, and the
vault that was made from it stays in place. Where nothing can be mounted, the same is shown with
`wafs put` and `wafs get`.
"""
EPILOG = """\
examples:
  scripts/demo
  scripts/demo ~/phone-backup --out ~/wafs-demo

exit codes: 0 all is well, 1 something is not, 2 usage, 130 interrupted
"""


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("backup", metavar="BACKUP_DIR", type=Path, nargs="?", help="your backup")
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        help="where to put the vault and the export: an empty or new folder (default: a new one "
        "below $TMPDIR or the system's folder for temporary files)",
    )
    parser.add_argument("--keep", action="store_true", help="keep the unencrypted working files of the demo too")
    parser.add_argument("--no-mount", action="store_true", help="use put and get even where mounting is possible")
    return parser


def out_folder(asked: Path | None, parser: argparse.ArgumentParser) -> Path:
    """Return the folder to work in, readable by nobody else."""
    if asked is None:
        return Path(tempfile.mkdtemp(prefix="wafs-demo.")).resolve()
    if asked.exists() and (not asked.is_dir() or any(asked.iterdir())):
        parser.error(f"{asked} is not empty: name an empty or a new folder")
    asked.mkdir(mode=0o700, parents=True, exist_ok=True)
    return asked.resolve()


def main() -> int:
    """Run the demonstration and return its exit code."""
    parser = arguments()
    options = parser.parse_args()
    if options.backup is not None and not options.backup.is_dir():
        parser.error(f"{options.backup} is not a folder")
    stopping.listen()
    screen = Screen()
    places = Places(out_folder(options.out, parser))
    backup = options.backup.resolve() if options.backup else None
    if backup and (places.out.is_relative_to(backup) or backup.is_relative_to(places.out)):
        parser.error(f"{places.out} and {backup} lie in each other: name another folder with --out")
    job = Job(screen, places, backup=backup, keep=options.keep, no_mount=options.no_mount)
    try:
        job.run()
    except (CommandError, OSError) as error:
        screen.fail(str(error))
        return 1
    except KeyboardInterrupt:
        screen.fail("interrupted")
        return 130
    return 1 if screen.failures else 0


if __name__ == "__main__":
    sys.exit(main())
