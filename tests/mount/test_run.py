"""`wafs run` on a real mount: the command is on its own, the vault stays as it was, and everything is taken away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from mount.bench import Bench
from mount.daemon import WAFS, WAIT_S
from mount.fingerprint import fingerprint
from mount.storages import small_storage
from wafs.fuse.mountinfo import find_mount

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.mount


@dataclass(frozen=True)
class Runner:
    """A vault with a few files, and the places in which `wafs run` works on it."""

    bench: Bench
    folder: Path
    vault: Path

    def words(self, *words: str | Path) -> list[str]:
        return [*WAFS, "run", str(self.vault), "--password-file", str(self.bench.password_file), *map(str, words)]

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        places = {"TMPDIR": self.folder / "tmp", "XDG_RUNTIME_DIR": self.folder / "run"}
        env = {**os.environ, **{name: str(place) for name, place in places.items()}}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            self.words(*words),
            cwd=self.folder,
            env=env,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
        )

    def run(self, *words: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        with self.start(*words) as process:
            out, err = process.communicate(stdin, WAIT_S)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def left(self) -> list[str]:
        """What is left in the places for temporary files."""
        return [*os.listdir(self.folder / "tmp"), *os.listdir(self.folder / "run")]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A vault with a few files, for all tests: none may change it."""
    bench = Bench(tmp_path_factory.mktemp("shared"))
    source = bench.folder / "source"
    (source / "folder").mkdir(parents=True)
    (source / "note").write_text("a note\n")
    (source / "folder" / "big").write_bytes(os.urandom(100_000))
    done = bench.wafs("put", bench.vault(), f"{source}/.", "/", "--password-file", bench.password_file)
    assert done.code == 0, done.text
    return bench


@pytest.fixture
def runner(shared: Bench, tmp_path: Path) -> Iterator[Runner]:
    for name in ("tmp", "run"):
        (tmp_path / name).mkdir(mode=0o700)
    made = Runner(shared, tmp_path, shared.folder / "vault")
    before = fingerprint(made.vault)
    yield made
    assert fingerprint(made.vault) == before
    assert made.left() == []


def test_it_is_sealed_into_the_vault(shared: Bench, runner: Runner) -> None:
    # A vault of its own: the other must not change.
    made = Runner(shared, runner.folder, shared.vault(runner.folder / "other"))
    done = made.run("--keep-in", "/made/here", "sh", "-c", "echo x > file; mkdir folder; echo y > folder/file")
    assert done.returncode == 0
    assert done.stderr == "wafs: created 2 files and 1 folder (4 B); in /made/here of the vault: 2 files, 4 B\n"
    shown = made.run("find", ".", "-path", "./.wafs*", "-prune", "-o", "-type", "f", "-print")
    assert sorted(shown.stdout.split()) == ["./made/here/file", "./made/here/folder/file"]
    assert made.run("cat", "made/here/folder/file").stdout == "y\n"
    done = made.run("--keep-in", "/made/here/file", "sh", "-c", "echo ran")
    assert (done.returncode, done.stdout) == (2, "")
    assert "/made/here/file in the vault is not a folder" in done.stderr


def test_a_command_works_in_the_vault_and_is_given_what_it_needs(runner: Runner) -> None:
    script = 'cat note; pwd; echo "$1"; cat; echo told >&2; exit 7'
    done = runner.run("sh", "-c", script, "sh", "at {}/x", stdin="typed\n")
    note, place, replaced, typed = done.stdout.splitlines()
    assert (note, typed, done.returncode) == ("a note", "typed", 7)
    assert place.startswith(f"{runner.folder}/run/wafs-run-")
    assert replaced == f"at {place}/x"
    assert done.stderr == "told\n"
    done = runner.run("--cwd", "/folder", "--replace", "@", "sh", "-c", "ls @; ls; echo {}")
    assert done.stdout.split() == ["folder", "note", "big", "{}"]


def test_histories_of_the_command_are_in_the_mount(monkeypatch: pytest.MonkeyPatch, runner: Runner) -> None:
    for name in ("HISTFILE", "LESSHISTFILE", "PYTHON_HISTORY", "NODE_REPL_HISTORY"):
        monkeypatch.setenv(name, str(runner.folder / "history"))
    assert "/history" not in runner.run("env").stdout
    assert "/history" in runner.run("--own-home", "env").stdout


def test_what_follows_the_password_on_standard_input_is_for_the_command(runner: Runner) -> None:
    password = runner.bench.password_file.read_text()
    words = [*WAFS, "run", str(runner.vault), "--password-file", "-", "cat"]
    done = subprocess.run(words, input=f"{password}one\ntwo\n", capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("one\ntwo\n", "")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("sh", "-c", "kill -9 $$"), 137, ""),
        (("./note",), 126, "wafs: error: ./note: permission denied\n"),
        (("./nothing",), 127, "wafs: error: ./nothing: command not found\n"),
        (("--cwd", "nowhere", "ls"), 1, "wafs: error: there is no folder nowhere in the vault\n"),
    ],
)
def test_how_it_ended(runner: Runner, words: tuple[str, ...], code: int, said: str) -> None:
    done = runner.run(*words)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", said)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_command_and_everything_is_taken_away(runner: Runner, number: signal.Signals) -> None:
    with runner.start("sh", "-c", "echo here; exec sleep 60") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        process.send_signal(number)
        assert process.wait(WAIT_S) == 128 + number


def test_what_it_leaves_behind_is_told_of_and_ended(runner: Runner) -> None:
    done = runner.run("sh", "-c", "setsid sh -c 'echo here; exec sleep 60' >/dev/null 2>&1 & sleep 0.1; echo $!")
    assert done.returncode == 0
    assert "left behind by the command, using the vault, and ended: sleep" in done.stderr
    assert not os.path.exists(f"/proc/{int(done.stdout)}")


def test_who_came_from_elsewhere_is_left_alone(runner: Runner) -> None:
    with runner.start("sh", "-c", "pwd; read line") as process:
        assert process.stdout is not None
        place = process.stdout.readline().rstrip("\n")
        with subprocess.Popen(["sleep", "60"], cwd=place) as visitor:
            try:
                _, err = process.communicate("go\n", WAIT_S)
                assert visitor.poll() is None
            finally:
                visitor.kill()
    assert process.returncode == 0
    assert f"the mount is taken away from: sleep ({visitor.pid}, works in it)" in err
    assert find_mount(place) is None


@pytest.mark.parametrize("server", [False, True], ids=["wafs", "server"])
def test_if_one_of_the_two_is_killed_the_other_tidies_up(runner: Runner, server: bool) -> None:
    script = "import os, sys; print(os.getcwd(), os.getppid(), flush=True); sys.stdin.read()"
    with runner.start(sys.executable, "-c", script) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        place, _ = process.stdout.readline().rsplit(" ", 1)
        serving = next(pid for pid in map(int, process_children(process.pid)) if os.getsid(pid) == pid)
        handle = os.pidfd_open(serving)
        os.kill(serving if server else process.pid, signal.SIGKILL)
        process.stdin.close()
        wait_for(handle)
        assert process.wait(WAIT_S) == (1 if server else -signal.SIGKILL)
    assert find_mount(place) is None


CHANGE = "echo made > made; mkdir -p new/folder; echo deep > new/folder/file; echo more >> note; rm -r folder"


def test_the_scratch_does_not_lie_in_the_vault(runner: Runner) -> None:
    done = runner.run("--scratch-dir", runner.vault, "true")
    assert done.returncode == 2
    assert "lies inside the vault" in done.stderr
    done = runner.run("--scratch-dir", "nowhere", "true")
    assert done.returncode == 7
    assert "no such file or directory" in done.stderr


def test_what_was_changed_is_told_and_thrown_away(runner: Runner) -> None:
    done = runner.run("sh", "-c", f"{CHANGE}; echo temporary > $TMPDIR/x; echo cached > ~/.cache/y")
    assert (done.returncode, done.stdout) == (0, "")
    told = "wafs: thrown away: created 2 files and 2 folders (10 B); changed 1 file (12 B); deleted 1 file and 1 folder"
    assert done.stderr.startswith(told)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("code", [0, 7])
def test_what_was_made_is_copied_out_also_if_the_command_failed(runner: Runner, code: int) -> None:
    done = runner.run("-o", "out", "sh", "-c", f"{CHANGE}; echo temporary > $TMPDIR/x; exit {code}")
    assert done.returncode == code
    assert ("the command failed" in done.stderr) == bool(code)
    assert "in out: 3 files, 22 B" in done.stderr
    out = runner.folder / "out"
    found = {str(path.relative_to(out)): path.read_text() for path in out.rglob("*") if path.is_file()}
    assert found == {"made": "made\n", "note": "a note\nmore\n", "new/folder/file": "deep\n"}
    assert out.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_is_not_empty_is_added_to_and_nothing_in_it_is_replaced(runner: Runner) -> None:
    out = runner.folder / "out"
    out.mkdir()
    (out / "made").write_text("mine")
    assert runner.run("-o", "out", "sh", "-c", "echo ran").stdout == ""
    done = runner.run("-o", "out", "--force", "sh", "-c", "echo x > made; echo y > other")
    assert done.returncode == 1
    assert "made is there already, and is not replaced" in done.stderr
    assert ((out / "made").read_text(), (out / "other").read_text()) == ("mine", "y\n")


def test_a_full_disk_is_told_and_ends_with_its_exit_code(runner: Runner) -> None:
    with small_storage("tmpfs", runner.folder, 1) as small:
        done = runner.run("-o", small / "out", "sh", "-c", "head -c 3000000 /dev/urandom > big")
    assert done.returncode == 7, done.stderr
    assert "no space left on device" in done.stderr


def test_if_both_are_killed_the_next_one_tidies_up(runner: Runner) -> None:
    with runner.start("sh", "-c", "pwd; read line") as process:
        assert process.stdout is not None
        assert process.stdin is not None
        place = process.stdout.readline().rstrip("\n")
        serving = next(pid for pid in map(int, process_children(process.pid)) if os.getsid(pid) == pid)
        handle = os.pidfd_open(serving)
        os.kill(serving, signal.SIGKILL)
        process.kill()
        wait_for(handle)
    assert find_mount(place) is not None
    assert runner.left() != []
    assert runner.run("true").returncode == 0
    assert find_mount(place) is None


def process_children(pid: int) -> list[str]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return file.read().split()


def wait_for(handle: int) -> None:
    import select

    ended = select.poll()
    ended.register(handle, select.POLLIN)
    assert ended.poll(WAIT_S * 1000)
    os.close(handle)
