"""The import contracts of setup.cfg hold, and they bite."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from arch.tree import ROOT

LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(LINT_IMPORTS), "--no-cache", "--config", "setup.cfg"]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)


def test_imports_keep_the_contracts() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "statement", "broken"),
    [
        ("crypto/bad.py", "import wafs.vault", "Arrows point down only"),
        ("store/bad.py", "import wafs.format", "Arrows point down only"),
        ("fs/bad.py", "import wafs.fuse", "Arrows point down only"),
        ("format/bad.py", "import os", "The format is pure"),
        ("fuse/wire/bad.py", "import wafs.fs", "The wire layer knows bytes"),
        ("vault/bad.py", "import cryptography", "One door to the cryptography library"),
        ("fs/bad.py", "import rich", "Only the command line talks to people"),
    ],
)
def test_a_forbidden_import_breaks_its_contract(tmp_path: Path, module: str, statement: str, broken: str) -> None:
    shutil.copy(ROOT / "setup.cfg", tmp_path)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "wafs", tmp_path / "wafs", ignore=ignore)
    (tmp_path / "wafs" / module).write_text(statement + "\n")

    result = lint(tmp_path)

    assert result.returncode == 1, result.stdout + result.stderr
    verdicts = [line for line in result.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(line.startswith(broken) for line in verdicts), result.stdout
