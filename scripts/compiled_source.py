#!/usr/bin/env python3
"""Make a copy of the project whose hot modules are compiled by mypyc when it is built; `scripts/compile` builds it.

    scripts/compiled_source.py FOLDER     write the copy into a new folder

The sources stay what they are: mypyc (https://mypyc.readthedocs.io) makes C of annotated Python. Compiled files lie in
the built package only, never beside the sources, where an old one would be loaded instead of a newer source.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent

HOT: Final = {
    "": "units",
    "crypto": "aead digest root siv",
    "format": "directory encoding file_header journal layout name state symlink xattr",
    "store": "base local",
    "vault": (
        "checkpoint chunk_cache chunk_io cipher_file content content_context content_reader directory file_root "
        "file_state journal journal_tail landing overlay scratch sealed_file shown_time"
    ),
    "fs": (
        "attributes attrs contents context dir_handles files handles inodes kept_handle neighbours reasons rename "
        "streams tree vfs xattrs"
    ),
    "fuse": "errno session tally",
    "fuse/linux": "attributes directories entries files front_end reply",
    "fuse/wire": "abi flags opcodes replies",
    "fuse/wire/requests": "attributes entries framing",
}
"""What a request runs through, by package.

Not in it: `fuse.channel` and `fuse.mount`, since Python looks for signals only where it interprets; modules that own
threads (`fs.commits`, `fs.prefetch`), call C themselves (`store.libc`), or define a NamedTuple with a memoryview in it,
which mypyc makes wrong code of (`wire.requests.files` and `.connection`).
"""

BUILD_NEEDS: Final = ("setuptools>=77", "mypy==2.4.*", "cryptography>=47", "msgpack>=1.0.5")
"""The last two for their types."""

SETUP: Final = """from mypyc.build import mypycify
from setuptools import setup

setup(ext_modules=mypycify({modules}, opt_level="{level}", group_name="wafs"))
"""

TAKEN_ALONG: Final = ("wafs", "pyproject.toml", "README.md", "LICENSE")


def hot_modules() -> list[str]:
    """Return the files to compile, relative to the top of the project."""
    return [
        "/".join(filter(None, ("wafs", package, f"{name}.py")))
        for package, names in HOT.items()
        for name in names.split()
    ]


def write_copy(target: Path, level: str = "3") -> None:
    """Write the copy; `level` is how hard the C compiler tries.

    Raises: OSError, FileExistsError if the folder is there.
    """
    target.mkdir(parents=True)
    for name in TAKEN_ALONG:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        else:
            shutil.copy(ROOT / name, target / name)
    (target / "setup.py").write_text(SETUP.format(modules=hot_modules(), level=level))
    project = target / "pyproject.toml"
    before = 'requires = ["setuptools>=77"]'
    text = project.read_text()
    if before not in text:
        msg = f"pyproject.toml does not say what its build needs as expected: {before}"
        raise ValueError(msg)
    project.write_text(text.replace(before, f"requires = {list(BUILD_NEEDS)}"))


def main() -> None:
    """Write the copy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where to; must not be there yet")
    try:
        write_copy(parser.parse_args().folder)
    except (OSError, ValueError) as error:
        sys.exit(f"compiled_source: {error}")


if __name__ == "__main__":
    main()
