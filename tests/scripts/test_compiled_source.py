"""The copy that `scripts/compile` builds: mypyc accepts its modules, so that a change that it does not fails here."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

import compiled_source
from wafs import __version__

if TYPE_CHECKING:
    from pathlib import Path

TO_C = "import runpy, setuptools; setuptools.setup = lambda **_: None; runpy.run_path('setup.py')"
"""Runs the setup.py of a copy up to the C compiler, which takes two minutes."""


def test_every_module_to_compile_is_there_and_named_once() -> None:
    modules = compiled_source.hot_modules()
    assert len(modules) > 50
    assert len(set(modules)) == len(modules)
    assert [name for name in modules if not (compiled_source.ROOT / name).is_file()] == []


def test_the_copy_says_what_it_is_and_what_its_build_needs(tmp_path: Path) -> None:
    compiled_source.write_copy(tmp_path / "copy")
    told = (tmp_path / "copy/wafs/__init__.py").read_text()
    assert f'__version__ = "{__version__}+{compiled_source.local_version()}"' in told
    assert compiled_source.local_version().startswith("compiled")
    project = tomllib.loads((tmp_path / "copy/pyproject.toml").read_text())
    needs = {re.split("[=><]", need)[0] for need in project["build-system"]["requires"]}
    assert needs >= {"setuptools", "mypy", "cryptography", "msgpack"}


def test_what_answers_signals_is_interpreted() -> None:
    modules = compiled_source.hot_modules()
    assert {"wafs/fuse/channel.py", "wafs/fuse/mount.py"}.isdisjoint(modules)


@pytest.mark.slow
def test_mypyc_accepts_the_copy(tmp_path: Path) -> None:
    compiled_source.write_copy(tmp_path / "copy")
    done = subprocess.run(
        [sys.executable, "-c", TO_C], cwd=tmp_path / "copy", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((tmp_path / "copy/build").glob("*wafs*.c"))
    assert not list(tmp_path.rglob("*.so"))


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"kept")
    done = subprocess.run(
        [sys.executable, compiled_source.__file__, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("compiled_source: ")
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept"]
