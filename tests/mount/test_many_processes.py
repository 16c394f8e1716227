"""Sixteen processes use the same files and folders at random: no update is lost, and nothing impossible is seen."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from mount import crowd
from mount.daemon import WAFS, Daemon, start
from mount.programs import line_of, python, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mount.bench import Bench

pytestmark = [pytest.mark.mount, pytest.mark.slow]

MEMBERS: Final = 16
TURNS: Final = 1000
LIMIT_S: Final = 110.0
"""Ten times what it takes on a quiet machine: who is not done by then is not slow, but stuck."""

TESTS: Final = Path(__file__).resolve().parents[1]
PRINTS_STACKS: Final = """
import faulthandler, runpy, signal, sys
faulthandler.register(signal.SIGUSR1)
sys.argv[0] = "wafs"
runpy.run_module("wafs", run_name="__main__", alter_sys=True)
"""
"""Starts wafs so that SIGUSR1 writes the stacks of all threads to the log."""


def mount_that_prints_stacks(bench: Bench) -> Daemon:
    vault, place = bench.vault(), bench.folder / "mnt"
    place.mkdir()
    words = bench.mount_command(vault, place)[len(WAFS) :]
    daemon = start([sys.executable, "-c", PRINTS_STACKS, *words], vault, place, bench.folder / "daemon.log")
    bench.daemons.append(daemon)
    return daemon


def stacks_of(daemon: Daemon) -> str:
    """Ask the daemon where its threads are; returns what it has written when it writes no more."""
    before = daemon.text()
    os.kill(daemon.pid, signal.SIGUSR1)
    deadline, text = time.monotonic() + 5, before
    while time.monotonic() < deadline and (text == before or text != daemon.text()):
        text = daemon.text()
        time.sleep(0.1)
    return text.removeprefix(before)


def outputs_of(processes: Sequence[subprocess.Popen[bytes]], daemon: Daemon, limit_s: float) -> list[str]:
    """Return what the processes wrote when all have ended well; else fail, with the stacks of the daemon."""
    outputs = []
    deadline = time.monotonic() + limit_s
    try:
        for number, process in enumerate(processes):
            output, _ = process.communicate(timeout=max(deadline - time.monotonic(), 0))
            assert process.returncode == 0, f"process {number} ended with {process.returncode}"
            outputs.append(output.decode())
    except subprocess.TimeoutExpired:
        stacks = stacks_of(daemon)
        # Who waits for an answer can be killed only when nobody will give one.
        daemon.kill()
        pytest.fail(f"stuck for {limit_s} s; the daemon was here:\n{stacks}", pytrace=False)
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    return outputs


def start_member(top: Path, index: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "mount.crowd", *map(str, (top, index, MEMBERS, TURNS))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])}
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def account_from(output: str) -> crowd.Account:
    facts = json.loads(output)
    slots = {int(which): version for which, version in facts.pop("slots").items()}
    return crowd.Account(**facts | {"slots": slots, "turns": Counter(facts["turns"])})


def assert_no_update_is_lost(top: Path, accounts: Sequence[crowd.Account]) -> None:
    assert_records(top / "records", accounts)
    assert_counters(top / "counters", accounts)
    assert_slots(top / "slots", accounts)
    assert_links(top / "links", accounts)
    assert_everything_was_moved_whole(top / "dance")


def assert_records(path: Path, accounts: Sequence[crowd.Account]) -> None:
    """Each record is there once, and those of one process are in the order in which it wrote them."""
    found: list[list[bytes]] = [[] for _ in accounts]
    for line in path.read_bytes().splitlines(keepends=True):
        found[int(line.partition(b".")[0])].append(line)
    for index, account in enumerate(accounts):
        assert found[index] == [crowd.record(index, number) for number in range(account.appended)]


def assert_counters(path: Path, accounts: Sequence[crowd.Account]) -> None:
    data = path.read_bytes()[crowd.COUNTER_START :]
    found = [int(data[at : at + crowd.COUNTER_SIZE]) for at in range(0, len(data), crowd.COUNTER_SIZE)]
    assert found == [sum(account.counted[which] for account in accounts) for which in range(crowd.COUNTERS)]


def assert_slots(path: Path, accounts: Sequence[crowd.Account]) -> None:
    data = path.read_bytes()
    for index, account in enumerate(accounts):
        for which, version in account.slots.items():
            there = data[which * crowd.SLOT_SIZE :][: crowd.SLOT_SIZE]
            assert there == crowd.slot(index, version)[: len(there)], f"slot {which} of process {index}"
            assert version == 0 or len(there) == crowd.SLOT_SIZE


def assert_links(folder: Path, accounts: Sequence[crowd.Account]) -> None:
    names = {"first", *(name for account in accounts for name in account.links)}
    assert set(os.listdir(folder)) == names
    assert {(os.stat(folder / name).st_nlink, os.stat(folder / name).st_ino) for name in names} == {
        (len(names), os.stat(folder / "first").st_ino)
    }


def assert_everything_was_moved_whole(top: Path) -> None:
    """Each token and each folder is somewhere, once."""
    found = Counter(name for _, folders, files in os.walk(top) for name in folders + files)
    tokens = [f"token-{number}" for number in range(crowd.TOKENS)]
    assert found == Counter(tokens + [f"folder-{number}" for number in range(crowd.FOLDERS)])
    for folder, _, files in os.walk(top):
        assert [Path(folder, name).read_text() for name in files] == files


def assert_each_race_was_won_once(accounts: Sequence[crowd.Account]) -> None:
    won = Counter(number for account in accounts for number in account.won)
    assert won == Counter(range(max(account.tried for account in accounts)))


def test_no_update_is_lost(bench: Bench) -> None:
    daemon = mount_that_prints_stacks(bench)
    crowd.prepare(daemon.place)
    members = [start_member(daemon.place, index) for index in range(MEMBERS)]
    for member in members:
        assert line_of(member) == "ready"
    for member in members:
        tell(member)
    accounts = [account_from(output) for output in outputs_of(members, daemon, LIMIT_S)]
    assert len(sum((account.turns for account in accounts), Counter())) == 15, "a job that nobody did"
    assert sum(account.appended for account in accounts) > MEMBERS
    assert_each_race_was_won_once(accounts)
    assert_no_update_is_lost(daemon.place, accounts)
    again = bench.remount(daemon)
    assert_no_update_is_lost(again.place, accounts)


def test_who_is_stuck_is_told_with_the_stacks_of_the_daemon(bench: Bench) -> None:
    daemon = mount_that_prints_stacks(bench)
    stuck = python("import signal; signal.pause()")
    with pytest.raises(pytest.fail.Exception, match=r"(?s)stuck for 0\.1 s.*channel\.py.*in receive"):
        outputs_of([stuck], daemon, 0.1)
    assert stuck.returncode is not None
