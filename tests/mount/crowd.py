"""Crowd: one of many processes that use the same files and folders, and keep account of what they did.

`python -m mount.crowd TOP INDEX MEMBERS TURNS` prints its `Account` as JSON. What it sees must always be possible,
whatever the others do; what the accounts of all say together is compared by the test.
"""

from __future__ import annotations

import errno
import faulthandler
import fcntl
import json
import os
import random
import signal
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

COUNTERS = 5
COUNTER_SIZE = 20
COUNTER_START = 16_384 - 2 * COUNTER_SIZE - 7
SLOT_SIZE = 700
SLOTS_EACH = 30
STABLE = 150
TOKENS = 20
FOLDERS = 6
WHOLE = 3
PUNCH, KEEP_SIZE = 2, 1


@dataclass
class Account:
    """What one process has done."""

    appended: int = 0
    counted: list[int] = field(default_factory=lambda: [0] * COUNTERS)
    missed: int = 0
    tried: int = 0
    won: list[int] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    slots: dict[int, int] = field(default_factory=dict)
    turns: Counter[str] = field(default_factory=Counter)


def prepare(top: Path) -> None:
    """Make what all share."""
    for name in ("race", "links", "busy", "dance"):
        (top / name).mkdir()
    (top / "records").touch()
    (top / "slots").touch()
    (top / "counters").write_bytes(bytes(COUNTER_START) + b"%020d" % 0 * COUNTERS)
    (top / "links" / "first").write_text("many names")
    for number in range(STABLE):
        (top / "busy" / f"stable-{number}").touch()
    for number in range(FOLDERS):
        (top / "dance" / f"folder-{number}").mkdir()
    for number in range(TOKENS):
        (top / "dance" / f"folder-{number % FOLDERS}" / f"token-{number}").write_text(f"token-{number}")
    for number in range(WHOLE):
        (top / f"whole-{number}").write_bytes(whole(0, 100))


def record(index: int, number: int) -> bytes:
    """Return a record of the file that everybody appends to; none is like another."""
    return b"%d.%d." % (index, number) + b"x" * (number * 97 % 3000) + b"\n"


def whole(seed: int, size: int) -> bytes:
    """Return contents that show by themselves whether they are whole."""
    return b"%08d" % size + bytes([65 + seed % 26]) * size


def slot(index: int, version: int) -> bytes:
    """Return the contents of a slot; version 0 is one that was never written, or was emptied."""
    return random.Random(f"{index}/{version}").randbytes(SLOT_SIZE) if version else bytes(SLOT_SIZE)


class Member:
    """One process; every job is one method, done once for each turn that falls on it."""

    def __init__(self, top: Path, index: int, members: int) -> None:
        self.account = Account()
        self._top = top
        self._index = index
        self._members = members
        self._rng = random.Random(index)
        self._records = os.open(top / "records", os.O_WRONLY | os.O_APPEND)
        self._counters = os.open(top / "counters", os.O_RDWR)
        self._slots = os.open(top / "slots", os.O_RDWR)
        self._churn: list[Path] = []

    def live(self, turns: int) -> None:
        """Do random jobs; ends with an exception when something impossible was seen."""
        jobs = [
            self.append, self.count, self.race, self.race, self.replace, self.read_whole, self.link, self.list_busy,
            self.churn, self.churn, self.write_slot, self.write_slot, self.read_slot, self.copy_slot, self.empty_slot,
            self.move_token, self.move_folder, self.sync,
        ]  # fmt: skip
        for _ in range(turns):
            job = self._rng.choice(jobs)
            job()
            self.account.turns[job.__name__] += 1
        for fd in (self._records, self._counters, self._slots):
            os.close(fd)

    def append(self) -> None:
        """Append a record in one write, through an old descriptor or a new one."""
        data = record(self._index, self.account.appended)
        if self._rng.random() < 0.5:
            assert os.write(self._records, data) == len(data)
        else:
            with (self._top / "records").open("ab", buffering=0) as file:
                assert file.write(data) == len(data)
        self.account.appended += 1

    def count(self) -> None:
        """Add one to a counter that two chunks may share, under a lock on its bytes."""
        which = self._rng.randrange(COUNTERS)
        offset = COUNTER_START + which * COUNTER_SIZE
        fcntl.lockf(self._counters, fcntl.LOCK_EX, COUNTER_SIZE, offset)
        try:
            value = int(os.pread(self._counters, COUNTER_SIZE, offset))
            assert os.pwrite(self._counters, b"%020d" % (value + 1), offset) == COUNTER_SIZE
        finally:
            fcntl.lockf(self._counters, fcntl.LOCK_UN, COUNTER_SIZE, offset)
        self.account.counted[which] += 1

    def race(self) -> None:
        """Try to be the one who makes a name; every name is tried by everybody."""
        number = self.account.tried
        path = self._top / "race" / f"{number}"
        try:
            if number % 4 == 0:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            elif number % 4 == 1:
                path.mkdir()
            elif number % 4 == 2:
                path.symlink_to(f"won by {self._index}")
            else:
                os.link(self._top / "records", path)
            self.account.won.append(number)
        except FileExistsError:
            os.lstat(path)
        self.account.tried += 1

    def replace(self) -> None:
        """Replace a file as editors do."""
        new = self._top / f".new-{self._index}"
        with new.open("wb", buffering=0) as file:
            file.write(whole(self._rng.randrange(26), self._rng.choice((0, 3000, 20_000, 70_000))))
            if self._rng.random() < 0.2:
                os.fsync(file.fileno())
        new.replace(self._top / f"whole-{self._rng.randrange(WHOLE)}")

    def read_whole(self) -> None:
        """See that a file that others replace is always whole."""
        try:
            data = (self._top / f"whole-{self._rng.randrange(WHOLE)}").read_bytes()
        except FileNotFoundError:
            # Between LOOKUP and OPEN the inode that was looked up has lost its name.
            self.account.missed += 1
            return
        assert len(data) == 8 + int(data[:8]), (len(data), data[:8])
        assert data[8:] == data[8:9] * (len(data) - 8)

    def link(self) -> None:
        """Give the file of many names one more, or take one of ours away."""
        first, mine = self._top / "links" / "first", self.account.links
        if mine and self._rng.random() < 0.45:
            (self._top / "links" / mine.pop(self._rng.randrange(len(mine)))).unlink()
        else:
            name = f"{self._index}-{self.account.turns['link']}"
            os.link(first, self._top / "links" / name)
            mine.append(name)
        assert os.stat(first).st_nlink > len(mine)

    def churn(self) -> None:
        """Make, rename or remove an entry of the folder that others are listing."""
        if len(self._churn) > 5:
            self._churn.pop(self._rng.randrange(len(self._churn))).unlink()
            return
        path = self._top / "busy" / f"{'long ' * self._rng.choice((0, 48))}{self._index}-{self.account.turns['churn']}"
        path.touch(exist_ok=False)
        if self._rng.random() < 0.5:
            path = path.rename(path.with_name(path.name + "-renamed"))
        self._churn.append(path)

    def list_busy(self) -> None:
        """See each entry that stays exactly once, and none twice, while others come and go."""
        with os.scandir(self._top / "busy") as entries:
            seen = Counter(entry.name for entry in entries)
        assert max(seen.values()) == 1, [name for name, count in seen.items() if count > 1]
        stable = sum(name.startswith("stable-") for name in seen)
        assert stable == STABLE, f"{stable} entries of {STABLE} that were there all the time"
        for path in self._churn:
            assert path.name in seen

    def write_slot(self) -> None:
        """Write one of our slots; its neighbours in the same chunk belong to others."""
        which = self._own_slot()
        version = self.account.turns["write_slot"] + 1
        assert os.pwrite(self._slots, slot(self._index, version), self._offset(which)) == SLOT_SIZE
        self.account.slots[which] = version

    def read_slot(self) -> None:
        """See our slot as we left it."""
        which = self._own_slot()
        version = self.account.slots.get(which, 0)
        data = os.pread(self._slots, SLOT_SIZE, self._offset(which))
        # Behind the end of the file there is nothing yet.
        assert data == slot(self._index, version)[: len(data)], which
        assert version == 0 or len(data) == SLOT_SIZE

    def copy_slot(self) -> None:
        """Copy one of our slots to another, inside the daemon."""
        source, target = self._own_slot(), self._own_slot()
        if source == target or not self.account.slots.get(source):
            return
        done = 0
        while done < SLOT_SIZE:
            start, end = self._offset(source) + done, self._offset(target) + done
            done += os.copy_file_range(self._slots, self._slots, SLOT_SIZE - done, start, end)
        self.account.slots[target] = self.account.slots[source]

    def empty_slot(self) -> None:
        """Punch a hole where one of our slots is."""
        from wafs.store.libc import fallocate

        which = self._own_slot()
        fallocate(self._slots, PUNCH | KEEP_SIZE, self._offset(which), SLOT_SIZE)
        self.account.slots[which] = 0

    def move_token(self) -> None:
        """Move a file from wherever it is to another folder; somebody else may be faster."""
        places = [path for path in self._places() if path.name.startswith("token-")]
        folders = [path for path in self._places() if path.name.startswith("folder-")]
        if places and folders:
            path = self._rng.choice(places)
            self._move(path, self._rng.choice(folders) / path.name)

    def move_folder(self) -> None:
        """Move a folder with all that is in it; into itself it does not go."""
        folders = [path for path in self._places() if path.name.startswith("folder-")]
        if folders:
            path = self._rng.choice(folders)
            self._move(path, self._rng.choice([self._top / "dance", *folders]) / path.name)

    def sync(self) -> None:
        """Wait for the disk with a file that all change, or with a folder."""
        if self._rng.random() < 0.5:
            os.fsync(self._rng.choice((self._records, self._counters, self._slots)))
        else:
            folder = os.open(self._top / "busy", os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _own_slot(self) -> int:
        return self._rng.randrange(SLOTS_EACH) * self._members + self._index

    def _offset(self, which: int) -> int:
        return which * SLOT_SIZE

    def _places(self) -> list[Path]:
        """List what is in the folder where everything moves; a folder that moves meanwhile may be seen twice or not."""
        top = os.fspath(self._top / "dance")
        return [Path(folder, name) for folder, folders, files in os.walk(top) for name in folders + files]

    def _move(self, path: Path, target: Path) -> None:
        try:
            path.rename(target)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EINVAL, errno.ENOTEMPTY):
                raise


def main() -> None:
    """Live, and print the account."""
    faulthandler.register(signal.SIGUSR1)
    top, index, members, turns = Path(sys.argv[1]), *map(int, sys.argv[2:])
    member = Member(top, index, members)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    member.live(turns)
    sys.stdout.write(json.dumps(vars(member.account)))


if __name__ == "__main__":
    main()
