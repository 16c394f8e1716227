"""Session: who answers what, and that nobody waits with those who wait for a disk."""

import errno
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from log_police import ExpectLog
from wafs.fuse.channel import Channel
from wafs.fuse.linux.front_end import last_handlers
from wafs.fuse.linux.reply import Handler, Later
from wafs.fuse.session import Session
from wafs.fuse.tally import Tally
from wafs.fuse.wire import flags, replies
from wafs.fuse.wire.opcodes import Opcode
from wafs.fuse.wire.requests import InHeader
from wire.kernel import ROOT, FakeKernel, socketpair
from wire.layouts import Values


@contextmanager
def served(
    handlers: dict[int, Handler], chores: deque[Callable[[], None]] | None = None
) -> Iterator[tuple[FakeKernel, Tally]]:
    """Serve handlers in a thread; in the end nothing may be left of it."""
    ours, theirs = socketpair()
    channel, tally = Channel(theirs.detach()), Tally()
    thread = threading.Thread(target=Session(channel, handlers, tally=tally, chores=chores).run)
    thread.start()
    try:
        kernel = FakeKernel(ours)
        kernel.init()
        yield kernel, tally
    finally:
        ours.close()
        thread.join(30)
        assert not thread.is_alive()
        channel.close()


def _later(work: Callable[[], bytes]) -> Handler:
    return lambda header, body: Later(work)


def test_a_drained_session_answers_what_comes_with_the_answers_of_its_workers() -> None:
    ours, theirs = socketpair()
    channel, tally = Channel(theirs.detach()), Tally()
    kernel = FakeKernel(ours)
    values: Values = {"fh": 1, "offset": 0, "size": 3, "data": b"abc"}
    held_back = [4, 3, 2, 1]

    def work() -> bytes:
        if len(held_back) == 4:
            channel.drain()
        # As the kernel does, which sends the next one while it takes an answer.
        if held_back:
            kernel._send("WRITE", ROOT, {**values, "offset": held_back.pop()})
        return replies.write_out(3)

    session = Session(channel, {Opcode.WRITE: _later(work)}, tally=tally)
    thread = threading.Thread(target=session.run)
    thread.start()
    try:
        kernel.init()
        kernel._send("WRITE", ROOT, values)
        thread.join(30)
        assert not thread.is_alive()
        assert held_back == []
        assert tally.times()["WRITE"]["count"] == 5
    finally:
        ours.close()
        channel.close()


def test_a_mount_that_is_to_stop_takes_over_pages_and_closes_and_nothing_else() -> None:
    seen: list[int] = []

    def note(header: InHeader, body: memoryview) -> bytes:
        seen.append(header.opcode)
        return replies.write_out(3) if header.opcode == Opcode.WRITE else b""

    handlers: dict[int, Handler] = dict.fromkeys([*Opcode], note)
    with served(last_handlers(handlers)) as (kernel, _):
        with pytest.raises(OSError, match="not connected"):
            kernel.write(ROOT, 1, offset=0, data=b"abc")
        with pytest.raises(OSError, match="not connected"):
            kernel.lookup(ROOT, b"name")
        values: Values = {"fh": 1, "offset": 0, "size": 3, "write_flags": flags.WRITE_CACHE, "data": b"abc"}
        kernel.ask("WRITE", ROOT, values)
        kernel.fsync(ROOT, 1)
        kernel.release(ROOT, 1)
    assert seen == [Opcode.WRITE, Opcode.FSYNC, Opcode.RELEASE]


def test_what_waits_is_done_by_a_worker_while_others_are_answered() -> None:
    go_on = threading.Event()

    def wait() -> bytes:
        assert go_on.wait(30)
        return replies.write_out(3)

    handlers: dict[int, Handler] = {
        Opcode.WRITE: _later(wait),
        Opcode.STATFS: lambda header, body: replies.statfs_out(replies.Statfs(1, 1, 1, 1, 1, 1, 1, 1)),
    }
    with served(handlers) as (kernel, tally):
        values: Values = {"fh": 1, "offset": 0, "size": 3, "data": b"abc"}
        unique = kernel._send("WRITE", ROOT, values)
        assert kernel.statfs()["blocks"] == 1
        assert "WRITE" not in tally.times()
        go_on.set()
        header, _ = kernel._receive()
        assert (header["unique"], header["error"]) == (unique, 0)
        assert kernel.statfs()["blocks"] == 1
    assert tally.times()["WRITE"]["count"] == 1


class _WatchedChannel(Channel):
    """Notes with which `spin` it was asked for each message."""

    def receive(self, buffer: bytearray | memoryview, timeout_s: float | None = None, *, spin: bool = True) -> int:
        self.asked = [*getattr(self, "asked", []), spin]
        return super().receive(buffer, timeout_s, spin=spin)


def test_nobody_spins_while_a_worker_works() -> None:
    go_on = threading.Event()

    def wait() -> bytes:
        assert go_on.wait(30)
        return replies.write_out(3)

    ours, theirs = socketpair()
    channel = _WatchedChannel(theirs.detach())
    session = Session(channel, {Opcode.WRITE: _later(wait), Opcode.STATFS: lambda header, body: errno.EIO})
    thread = threading.Thread(target=session.run)
    thread.start()
    try:
        kernel = FakeKernel(ours)
        kernel.init()
        kernel._send("WRITE", ROOT, {"fh": 1, "offset": 0, "size": 3, "data": b"abc"})
        with pytest.raises(OSError, match="Input/output error"):
            kernel.statfs()
        go_on.set()
        kernel._receive()
    finally:
        ours.close()
        thread.join(30)
        channel.close()
    assert channel.asked[:4] == [True, True, False, False]


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [(OSError(errno.ENOSPC, "full"), errno.ENOSPC, None), (KeyError(), errno.EIO, "failed by a bug in wafs")],
)
def test_a_worker_that_fails_tells_it(error: Exception, code: int, said: str | None, expect_log: ExpectLog) -> None:
    def fail() -> bytes:
        raise error

    if said is not None:
        expect_log(said)
    with served({Opcode.WRITE: _later(fail)}) as (kernel, _), pytest.raises(OSError) as caught:  # noqa: PT011
        kernel.write(ROOT, 1, offset=0, data=b"abc")
    assert caught.value.errno == code


def test_a_chore_is_done_behind_an_answer() -> None:
    done: list[int] = []
    chores: deque[Callable[[], None]] = deque(map(partial(partial, done.append), range(3)))
    handlers: dict[int, Handler] = {Opcode.STATFS: lambda header, body: errno.EIO}
    with served(handlers, chores) as (kernel, _):
        seen = []
        for _ in range(4):
            with pytest.raises(OSError, match="Input/output error"):
                kernel.statfs()
            seen.append(len(done))
    # The last one may still be on its way when its answer is there.
    assert all(number <= count <= number + 1 for number, count in enumerate(seen[:3]))
    assert done == [0, 1, 2]


def test_a_chore_that_fails_is_a_bug_that_ends_nothing(expect_log: ExpectLog) -> None:
    def fail() -> None:
        raise KeyError

    expect_log("a chore failed by a bug in wafs")
    handlers: dict[int, Handler] = {Opcode.STATFS: lambda header, body: errno.EIO}
    with served(handlers, deque([fail])) as (kernel, _):
        for _ in range(2):
            with pytest.raises(OSError, match="Input/output error"):
                kernel.statfs()


def test_an_errno_is_an_answer() -> None:
    refusing: dict[int, Handler] = {Opcode.GETXATTR: lambda header, body: errno.EOPNOTSUPP}
    with served(refusing) as (kernel, _), pytest.raises(OSError) as caught:  # noqa: PT011
        kernel.ask("GETXATTR", ROOT, {"size": 0, "name": b"security.capability"})
    assert caught.value.errno == errno.EOPNOTSUPP
