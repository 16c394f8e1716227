"""How the benchmark runs other programs and tells of their failures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmark import commands, main, packages, source_tree
from benchmark.failure import BenchError
from benchmark.options import parse
from benchmark.rows import choose

if TYPE_CHECKING:
    from collections.abc import Sequence


def test_answers_variables_and_folder_reach_the_program(tmp_path: Path) -> None:
    said = commands.run(
        ["sh", "-c", 'cat; echo "$COLOUR"; pwd'], answers="secret\n", variables={"COLOUR": "red"}, cwd=tmp_path
    )
    assert said.split() == ["secret", "red", str(tmp_path)]


def test_failure_tells_code_command_and_last_words() -> None:
    with pytest.raises(BenchError, match=r"(?s)exit code 3 from: sh -c .*no room"):
        commands.run(["sh", "-c", "echo no room >&2; exit 3"])
    assert commands.run(["sh", "-c", "echo ok; exit 3"], accept=(3,)) == "ok\n"


def test_missing_program_is_named() -> None:
    with pytest.raises(BenchError, match="no-such-program is not installed"):
        commands.run(["no-such-program"])


def test_package_that_cannot_be_installed_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def run(command: Sequence[str], **_: object) -> str:
        asked.append(command[-1])
        if command[-1] == "encfs":
            msg = "no such package"
            raise BenchError(msg)
        return ""

    monkeypatch.setattr(packages, "run", run)
    monkeypatch.setattr("shutil.which", lambda _: "apt-get")
    packages.install(["encfs", "cryfs"])
    assert asked == ["-q", "encfs", "cryfs"]
    assert "could not install encfs: no such package" in capsys.readouterr().err


def test_nothing_is_installed_where_nothing_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "run", lambda *_, **__: pytest.fail("something was run"))
    packages.install([])


def test_kernel_source_is_asked_for_only_by_its_rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(source_tree, "SOURCES", tmp_path)
    monkeypatch.setattr("shutil.which", lambda name: None if name == "cryfs" else name)
    assert main._missing(parse(["--rows", "create,untar"])) == ["cryfs", "linux-source"]
    assert main._missing(parse(["--rows", "create"])) == ["cryfs"]
    assert main._missing(parse(["--curves"])) == []
    (tmp_path / "linux-source-6.1.tar.xz").touch()
    assert main._missing(parse(["--rows", "untar", "--systems", "wafs"])) == []


def test_rows_whose_job_cannot_run_are_left_out_and_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(source_tree, "SOURCES", tmp_path)
    assert main._possible(choose("create,untar,rm-r")) == choose("create")
    assert "without the rows of the job tree: there is no kernel source" in capsys.readouterr().err
    with pytest.raises(BenchError, match="no row is left"):
        main._possible(choose("untar"))
