"""Packages: install from Debian what is to be compared with, as far as that works here."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from benchmark.commands import run
from benchmark.failure import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterable

QUIET = {"DEBIAN_FRONTEND": "noninteractive"}


def install(packages: Iterable[str]) -> None:
    """Install each package; say which could not be, and why, and go on without it."""
    wanted = list(packages)
    if not wanted:
        return
    if shutil.which("apt-get") is None:
        print(f"bench: this is no Debian or Ubuntu; install by other means: {', '.join(wanted)}", file=sys.stderr)
        return
    print(f"bench: installing {', '.join(wanted)}", file=sys.stderr)
    try:
        run(["apt-get", "update", "-q"], variables=QUIET)
    except BenchError as exc:
        print(f"bench: the list of packages may be old: {exc}", file=sys.stderr)
    for package in wanted:
        try:
            run(["apt-get", "install", "-q", "-y", "--no-install-recommends", package], variables=QUIET)
        except BenchError as exc:
            print(f"bench: could not install {package}: {exc}", file=sys.stderr)
