"""`wafs cat` works where there is no FUSE at all: it does not even load it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Runs a command line in a fresh interpreter and writes down which modules that loaded.
PROBE = """
import atexit, json, pathlib, sys

report = pathlib.Path(sys.argv.pop(1))
atexit.register(lambda: report.write_text(json.dumps(sorted(sys.modules))))

from wafs.cli.main import main
main()
"""


def wafs(*arguments: object) -> None:
    command = [sys.executable, "-m", "wafs", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)


def test_cat_loads_no_fuse_module(tmp_path: Path) -> None:
    password, plain, vault = tmp_path / "password", tmp_path / "plain", tmp_path / "vault"
    report = tmp_path / "report.json"
    password.write_text("correct horse\n")
    plain.write_bytes(b"bytes of a file")
    wafs("init", vault, "--password-file", password, "--kdf-memory", 8, "--no-recovery")
    wafs("put", vault, plain, "/", "--password-file", password)

    cat = ["cat", str(vault), "/plain", "--password-file", str(password)]
    result = subprocess.run([sys.executable, "-c", PROBE, str(report), *cat], check=True, capture_output=True)

    assert result.stdout == b"bytes of a file"
    loaded = json.loads(report.read_text())
    assert "wafs.fs" in loaded, "the probe did not see what the command loads"
    assert [name for name in loaded if name.startswith(("wafs.fuse", "mfusepy"))] == []
