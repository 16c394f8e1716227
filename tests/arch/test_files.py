"""Files are small, in ASCII, and named after what they hold."""

from __future__ import annotations

from arch.tree import ROOT, hits, project_files, sources

MAX_LINES = 400
TOO_VAGUE = {"util", "utils", "helper", "helpers", "common", "misc", "base", "tools", "lib"}
STORE_PROTOCOL = ROOT / "wafs/store/base.py"


def test_no_file_is_longer_than_the_cap() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_bytes().splitlines()) for path in sources("wafs", "tests", "scripts")
    }
    assert lengths
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = [
        str(path.relative_to(ROOT))
        for path in sources("wafs", "tests", "scripts")
        if path != STORE_PROTOCOL and TOO_VAGUE & {path.stem, path.parent.name}
    ]
    assert vague == []


def test_source_is_ascii() -> None:
    assert hits(sources("wafs"), r"[^\x00-\x7f]") == []


def test_every_package_of_wafs_says_what_it_is() -> None:
    folders = {path.parent for path in sources("wafs")}
    assert [str(f.relative_to(ROOT)) for f in folders if not (f / "__init__.py").is_file()] == []


def test_what_people_run_is_executable() -> None:
    commands = [ROOT / name for name in ("scripts/demo", "scripts/test", ".ci/run")]
    assert [str(path) for path in commands if not path.stat().st_mode & 0o111] == []
    assert all(path in project_files() for path in commands)
