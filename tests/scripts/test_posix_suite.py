"""scripts/posix-suite counts right, passes only what passed, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.failure import BenchError
from mount.users import must_be_root
from posix_suite import report
from posix_suite.options import parse
from posix_suite.report import Report
from posix_suite.selection import choose
from posix_suite.tap import Failure, FileResult, Listener

SCRIPTS = Path(__file__).parents[2] / "scripts"
SAID = """\
/suite/tests/chmod/00.t ..
1..4
ok 1
not ok 2 - tried 'chmod f 0644', expected 0, got EPERM
ok 3 # todo not on this one
not ok 4 # todo not on this one either
Failed 1/4 subtests
/suite/tests/chmod/01.t .. skipped: not on Linux
/suite/tests/open/00.t ...
1..3
ok 1
Dubious, test returned 1 (wstat 256, 0x100)
Failed 2/3 subtests
/suite/tests/open/01.t ...
No subtests run
/suite/tests/open/02.t ...
1..1
ok 1
ok

Test Summary Report
-------------------
/suite/tests/chmod/00.t (Wstat: 0 Tests: 4 Failed: 1)
  Failed test:  2
Files=5, Tests=6,  7 wallclock secs ( 0.03 usr  0.00 sys +  1.07 cusr  0.21 csys =  1.31 CPU)
Result: FAIL
"""


def heard(text: str) -> Listener:
    listener = Listener()
    for line in text.splitlines():
        listener.hear(line)
    return listener


def made(listener: Listener, *, chosen: int = 1, exit_code: int = 0, complaints: tuple[str, ...] = ()) -> Report:
    return Report(listener, exit_code, chosen, 7.0, "fuse.wafs", "6.1", "wafs 1", list(complaints))


def test_what_prove_says_is_understood() -> None:
    listener = heard(SAID)
    assert listener.totals == (5, 6)
    problems = {Path(file.name).name: file.problems for file in listener.files if "open" in file.name}
    assert problems == {
        "00.t": [Failure(2, "was not run"), Failure(3, "was not run")],
        "01.t": [Failure(0, "ended before it said how many tests it has")],
        "02.t": [],
    }
    assert listener.files[0].problems == [Failure(2, "tried 'chmod f 0644', expected 0, got EPERM")]
    assert listener.files[0].passed_in_vain == [3]
    assert listener.files[1] == FileResult("/suite/tests/chmod/01.t", planned=0)


def test_the_summary_names_what_failed() -> None:
    done = made(heard(SAID), chosen=5, exit_code=1)
    assert not done.passed
    lines = list(report.as_lines(done))
    assert lines[:2] == [
        "chmod/00.t: 1 of 4 tests failed",
        "  2: tried 'chmod f 0644', expected 0, got EPERM",
    ]
    assert lines[-4:] == [
        "1 tests passed that the suite expects to fail here",
        "5 files, 6 tests, 4 failures, 7 s",
        "on fuse.wafs, Linux 6.1, wafs 1",
        "FAILED",
    ]
    assert report.as_json(done)["failures"][1] == {"file": "open/00.t", "test": 2, "said": "was not run"}


GOOD = "/s/tests/a/00.t ..\n1..1\nok 1\nok\nFiles=1, Tests=1,  0 wallclock secs\n"


def test_only_what_passed_passes() -> None:
    assert made(heard(GOOD)).passed
    for bad in (
        made(heard(GOOD), exit_code=1),
        made(heard(GOOD), chosen=2),
        made(heard(GOOD), complaints=("ERROR inode 3",)),
        made(heard(GOOD.replace("Tests=1", "Tests=2"))),
        made(heard(GOOD.replace("ok 1\n", "not ok 1\n"))),
        made(heard(GOOD.partition("Files")[0])),
        made(heard("Files=0, Tests=0,  0 wallclock secs\n"), chosen=0),
    ):
        assert not bad.passed


def suite_of(folder: Path, **files: str) -> Path:
    """Make a suite; the names are those of its files, with __ for the slash."""
    (folder / "pjdfstest").parent.mkdir(parents=True, exist_ok=True)
    (folder / "pjdfstest").write_text("#!/bin/sh\n")
    (folder / "pjdfstest").chmod(0o755)
    for name, text in files.items():
        path = folder / "tests" / f"{name.replace('__', '/')}.t"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}")
    return folder


def test_parts_are_folders_or_files_and_must_be_there(tmp_path: Path) -> None:
    suite = suite_of(tmp_path, chmod__00="", chmod__01="", rename__00="", rename__10="")

    def names(*parts: str) -> list[str]:
        return [report.short(str(path)) for path in choose(suite, parts)]

    assert names() == ["chmod/00.t", "chmod/01.t", "rename/00.t", "rename/10.t"]
    assert names("rename/10", "chmod") == ["chmod/00.t", "chmod/01.t", "rename/10.t"]
    assert names("rename/00.t") == ["rename/00.t"]
    for missing in ("chown", "rename/1", "chmo"):
        with pytest.raises(BenchError, match="there are: chmod, rename"):
            names(missing)


def test_a_folder_that_is_no_built_suite_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="has no folder tests"):
        choose(tmp_path, [])
    (suite_of(tmp_path, a__00="") / "pjdfstest").chmod(0o644)
    with pytest.raises(BenchError, match="is not built"):
        choose(tmp_path, [])


def test_options_are_taken_over(capsys: pytest.CaptureFixture[str]) -> None:
    asked = parse(["some/suite", "chmod", "--native", "rename", "--folder", "--json", "out.json"])
    assert (asked.suite, asked.parts) == (Path.cwd() / "some/suite", ("chmod", "rename"))
    assert (asked.native, asked.loop, asked.json) == (True, False, Path("out.json"))
    assert parse(["suite"]).loop
    with pytest.raises(SystemExit) as left:
        parse([])
    assert left.value.code == 2
    assert "PATH_TO_PJDFSTEST" in capsys.readouterr().err


def start(suite: Path, folder: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "posix_suite", str(suite), "--folder", "--dir", str(folder), *options]
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.mount
@pytest.mark.parametrize("options", [(), ("--native",)])
def test_a_suite_is_run_on_a_mount_and_nothing_is_left(tmp_path: Path, options: tuple[str, ...]) -> None:
    must_be_root("runs the suite")
    good = 'echo 1..2; echo x > file && echo ok 1; test "$(stat -f -c %T .)" = fuseblk -o "$(stat -f -c %T .)" = fuse'
    good += " || printf 'not '; echo ok 2\n"
    suite = suite_of(tmp_path / "suite", good__00=good)
    place = tmp_path / "place"
    place.mkdir()
    process = start(suite, place, "--json", str(tmp_path / "out.json"), *options)
    output, _ = process.communicate(timeout=120)
    found = json.loads((tmp_path / "out.json").read_text())
    # The second test asks whether it is on a mount, and so fails on a plain folder.
    on_mount = not options
    assert (process.returncode, found["passed"]) == ((0, True) if on_mount else (1, False)), output
    assert output.splitlines()[-1] == ("passed" if on_mount else "FAILED")
    assert [failure["test"] for failure in found["failures"]] == ([] if on_mount else [2])
    assert (found["files"], found["tests"]) == (1, 2)
    assert list(place.iterdir()) == []


@pytest.mark.mount
def test_ctrl_c_unmounts_and_ends_the_tests(tmp_path: Path) -> None:
    must_be_root("runs the suite")
    os.mkfifo(tmp_path / "begun")
    os.mkfifo(tmp_path / "never")
    waits = f"echo 1..1; echo $$ > {tmp_path}/begun; cat {tmp_path}/never\n"
    suite = suite_of(tmp_path / "suite", waits__00=waits)
    place = tmp_path / "place"
    place.mkdir()
    process = start(suite, place)
    # Opening a FIFO waits for its other end.
    test_pid = int((tmp_path / "begun").read_text())
    test = os.pidfd_open(test_pid)
    try:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 130, output
        assert output.endswith("posix-suite: interrupted; everything is unmounted\n")
        # A process that has ended can be read, also while nobody has asked for its exit code.
        assert select.select([test], [], [], 0)[0] == [test]
    finally:
        os.close(test)
    assert list(place.iterdir()) == []
