"""No command leaves its memory to a core dump."""

from __future__ import annotations

import subprocess
import sys

PROBE = """
import ctypes, resource, sys
from wafs.cli import main
main.run = lambda arguments: print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
main.main()
"""
"""Looks, in the place of the command, at what the process may leave behind; 3 is PR_GET_DUMPABLE."""


def test_every_command_runs_without_core_dumps() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=False)
    assert done.stdout == "(0, 0) 0\n", done.stderr
