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
from wafs.fuse.linux.reply import Handler, Later
from wafs.fuse.session import Session
from wafs.fuse.tally import Tally
from wafs.fuse.wire import replies
from wafs.fuse.wire.opcodes import Opcode
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
