#!/usr/bin/env python3
"""Make a copy of the project whose hot modules are compiled by mypyc when it is built; `scripts/compile` builds it.

    scripts/compiled_source.py FOLDER     write the copy into a new folder

The sources stay what they are: mypyc (https://mypyc.readthedocs.io) makes C of annotated Python. Compiled files lie in
the built package only, never beside the sources, where an old one would be loaded instead of a newer source. The
version of the copy says that it is compiled, and of which commit.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tomllib
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
which mypyc makes wrong code of (`wire.requests.files` and `.connection`). Not to be used in it: a slice of bytes whose
start may be behind its end, which fails in compiled code; what must be true of the rest is in docs/design.md.
"""

SETUP: Final = """from mypyc.build import mypycify
from setuptools import setup

setup(ext_modules=mypycify({modules}, opt_level="3", group_name="wafs"))
"""

TAKEN_ALONG: Final = ("wafs", "pyproject.toml", "README.md", "LICENSE")


def hot_modules() -> list[str]:
    """Return the files to compile, relative to the top of the project."""
    return [
        "/".join(filter(None, ("wafs", package, f"{name}.py")))
        for package, names in HOT.items()
        for name in names.split()
    ]


def write_copy(target: Path) -> None:
    """Write the copy.

    Raises: OSError, FileExistsError if the folder is there.
    """
    target.mkdir(parents=True)
    for name in TAKEN_ALONG:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        else:
            shutil.copy(ROOT / name, target / name)
    (target / "setup.py").write_text(SETUP.format(modules=hot_modules()))
    _replace(target / "pyproject.toml", r"requires = \[.*\]", f"requires = {json.dumps(_build_needs())}")
    _replace(target / "wafs/__init__.py", r'__version__ = "([^"]+)"', rf'__version__ = "\1+{local_version()}"')


def local_version() -> str:
    """Return the part of the version that tells a compiled build from another (PEP 440)."""
    if shutil.which("git") is None:
        return "compiled"
    words = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=.dirty", "--exclude=*"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return f"compiled.g{done.stdout.strip()}" if done.returncode == 0 else "compiled"


def _build_needs() -> list[str]:
    """Return what the build of the copy needs: mypy as the checks have it, and the packages whose types it reads."""
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = data["project"]
    mypy = [need for need in project["optional-dependencies"]["dev"] if need.startswith("mypy==")]
    return [*data["build-system"]["requires"], *mypy, *project["dependencies"]]


def _replace(path: Path, pattern: str, by: str) -> None:
    """Replace the one line that is a pattern."""
    text, count = re.subn(f"^{pattern}$", by, path.read_text(), flags=re.MULTILINE)
    if count != 1:
        msg = f"{path.name} has {count} lines like {pattern}, want one"
        raise ValueError(msg)
    path.write_text(text)


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
