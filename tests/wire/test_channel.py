"""Channel: over a socketpair, since it treats both kinds of descriptor alike."""

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest

from wafs.fuse.channel import END, STOPPED, TIMED_OUT, Channel
from wire.kernel import ROOT, FakeKernel, socketpair
from wire.memory_server import MemoryServer

Pair = tuple[Channel, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Give a channel and the other end of its socket."""
    ours, theirs = socketpair()
    channel = Channel(theirs.detach())
    try:
        yield channel, ours
    finally:
        channel.close()
        ours.close()


def _raising(code: int) -> OSError:
    return OSError(code, os.strerror(code))


def test_message_that_waits_is_received_whole(pair: Pair) -> None:
    channel, other = pair
    other.send(b"one message")
    other.send(b"two")
    buffer = bytearray(64)
    assert channel.receive(buffer) == 11
    assert buffer[:11] == b"one message"
    assert channel.receive(memoryview(buffer)) == 3
    assert buffer[:3] == b"two"


def test_message_that_comes_later_wakes_the_poll(pair: Pair) -> None:
    channel, other = pair
    got: list[int] = []
    thread = threading.Thread(target=lambda: got.append(channel.receive(bytearray(64))))
    thread.start()
    _wait_until_asleep(thread)
    other.send(b"late")
    thread.join()
    assert got == [4]


def test_waiting_uses_no_processor_time(pair: Pair) -> None:
    channel, _ = pair
    before = time.thread_time()
    assert channel.receive(bytearray(64), timeout_s=0.2) == TIMED_OUT
    assert time.thread_time() - before < 0.05


@pytest.mark.parametrize(("spin", "reads"), [(True, 7), (False, 1)])
def test_it_reads_in_vain_before_it_sleeps_unless_it_is_told_not_to(
    monkeypatch: pytest.MonkeyPatch, *, spin: bool, reads: int
) -> None:
    ours, theirs = socketpair()
    channel = Channel(theirs.detach(), spins=7)
    seen = []

    def nothing(*_: object) -> NoReturn:
        seen.append(1)
        raise _raising(errno.EAGAIN)

    monkeypatch.setattr(os, "readv", nothing)
    try:
        assert channel.receive(bytearray(64), timeout_s=0, spin=spin) == TIMED_OUT
    finally:
        channel.close()
        ours.close()
    assert len(seen) == reads


def test_the_only_processor_is_left_to_the_client() -> None:
    ask = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        "import wafs.fuse.channel; print(wafs.fuse.channel.DEFAULT_SPINS)"
    )
    assert subprocess.check_output([sys.executable, "-c", ask], text=True) == "1\n"


def test_closed_peer_is_the_end(pair: Pair) -> None:
    channel, other = pair
    other.close()
    assert channel.receive(bytearray(64)) == END
    assert channel.receive(bytearray(64)) == END
    assert channel.send([b"reply"]) is False


@pytest.mark.parametrize("end", [Channel.stop, Channel.drain])
def test_stop_and_drain_wake_all_siblings(pair: Pair, end: Callable[[Channel], None]) -> None:
    channel, _ = pair
    channels = [channel, channel.sibling(), channel.sibling(spins=3)]
    got: list[int] = []
    threads = [threading.Thread(target=lambda c=c: got.append(c.receive(bytearray(64)))) for c in channels]
    for thread in threads:
        thread.start()
    for thread in threads:
        _wait_until_asleep(thread)
    end(channel)
    for thread in threads:
        thread.join()
    assert got == [STOPPED] * 3


def test_a_stopped_channel_stays_stopped(pair: Pair) -> None:
    channel, other = pair
    channel.stop()
    other.send(b"too late")
    assert channel.receive(bytearray(64)) == STOPPED
    assert channel.sibling().receive(bytearray(64)) == STOPPED


@pytest.mark.parametrize("spins", [1, 3])
def test_a_drained_channel_hands_out_what_waits_and_stops(pair: Pair, spins: int) -> None:
    first, other = pair
    channel, buffer = first.sibling(spins=spins), bytearray(64)
    other.send(b"first")
    other.send(b"second")
    channel.drain()
    assert [channel.receive(buffer) for _ in range(3)] == [5, 6, STOPPED]
    other.send(b"one that an answer brought")
    assert channel.receive(buffer) == 26
    channel.stop()
    other.send(b"too late")
    assert channel.receive(buffer) == STOPPED


@pytest.mark.parametrize("spins", [1, 3])
def test_what_came_before_a_drain_is_handed_out_whenever_it_is_told(
    monkeypatch: pytest.MonkeyPatch, pair: Pair, spins: int
) -> None:
    channel, other = pair
    drained = channel.sibling(spins=spins)
    spin = drained._spin

    def then_drain(*arguments: Any) -> int | None:
        found = spin(*arguments)
        if found is None:
            monkeypatch.undo()
            other.send(b"sent before")
            drained.drain()
        return found

    monkeypatch.setattr(drained, "_spin", then_drain)
    assert drained.receive(bytearray(64)) == 11
    assert drained.receive(bytearray(64)) == STOPPED


def test_stop_in_a_signal_handler_ends_receive(pair: Pair) -> None:
    channel, _ = pair
    main = threading.get_ident()
    before = signal.signal(signal.SIGUSR1, lambda *_: channel.stop())

    def interrupt() -> None:
        _wait_until_asleep(None)
        signal.pthread_kill(main, signal.SIGUSR1)

    sender = threading.Thread(target=interrupt)
    try:
        sender.start()
        assert channel.receive(bytearray(64)) == STOPPED
    finally:
        sender.join()
        signal.signal(signal.SIGUSR1, before)


def test_send_gathers_buffers_into_one_message(pair: Pair) -> None:
    channel, other = pair
    assert channel.send([b"head", memoryview(b"-body-")[1:5], bytearray(b"!")]) is True
    assert other.recv(64) == b"headbody!"


def test_send_waits_for_a_slow_socket(pair: Pair) -> None:
    channel, other = pair
    count, message = 400, bytes(65536)
    sender = threading.Thread(target=lambda: [channel.send([message]) for _ in range(count)])
    sender.start()
    received = [len(other.recv(1 << 17)) for _ in range(count)]
    sender.join()
    assert received == [65536] * count


@pytest.mark.parametrize("code", [errno.ENODEV, errno.ECONNABORTED])
def test_unmounted_device_is_the_end(pair: Pair, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def gone(*_: object) -> NoReturn:
        raise _raising(code)

    monkeypatch.setattr(os, "readv", gone)
    monkeypatch.setattr(os, "writev", gone)
    assert pair[0].receive(bytearray(64)) == END
    assert pair[0].send([b"reply"]) is False


def test_withdrawn_request_is_passed_over(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    channel, other = pair
    other.send(b"next")
    real, errors = os.readv, [errno.ENOENT, errno.EAGAIN, errno.ENOENT]

    def readv(fd: int, buffers: tuple[bytearray]) -> int:
        if errors:
            raise _raising(errors.pop())
        return real(fd, buffers)

    monkeypatch.setattr(os, "readv", readv)
    assert channel.receive(bytearray(64)) == 4
    assert not errors


def test_other_read_error_is_raised(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def invalid(*_: object) -> NoReturn:
        raise _raising(errno.EINVAL)

    monkeypatch.setattr(os, "readv", invalid)
    with pytest.raises(OSError, match="Invalid argument"):
        pair[0].receive(bytearray(64))


def test_reply_to_a_forgotten_request_is_lost(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgotten(*_: object) -> NoReturn:
        raise _raising(errno.ENOENT)

    monkeypatch.setattr(os, "writev", forgotten)
    assert pair[0].send([b"reply"]) is False


def test_malformed_reply_is_raised(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def invalid(*_: object) -> NoReturn:
        raise _raising(errno.EINVAL)

    monkeypatch.setattr(os, "writev", invalid)
    with pytest.raises(OSError, match="Invalid argument"):
        pair[0].send([b"reply"])


def test_close_twice_closes_once() -> None:
    ours, theirs = socketpair()
    channel = Channel(theirs.detach())
    channel.close()
    channel.close()
    channel.stop()
    assert ours.recv(1) == b""
    ours.close()


def test_fake_kernel_and_server_understand_each_other(pair: Pair) -> None:
    channel, other = pair
    server = threading.Thread(target=MemoryServer(channel).serve)
    server.start()
    kernel = FakeKernel(other)
    try:
        assert kernel.init()["minor"] == 45
        folder = kernel.mkdir(ROOT, b"dir")
        made, opened = kernel.create(folder.nodeid, b"file", os.O_RDWR)
        assert kernel.write(made.nodeid, opened.fh, offset=3, data=b"data") == 4
        assert kernel.read(made.nodeid, opened.fh, offset=1, size=99) == b"\0\0data"
        assert kernel.setattr(made.nodeid, mtime_ns=-5, size=2).mtime_ns == -5
        assert [e.name for e in kernel.readdirplus(folder.nodeid, folder.nodeid)] == [b"file"]
        kernel.setxattr(made.nodeid, b"user.a", b"value")
        assert kernel.getxattr(made.nodeid, b"user.a", 0) == 5
        kernel.forget(made.nodeid)
        kernel.batch_forget([(made.nodeid, 1), (folder.nodeid, 1)])
        with pytest.raises(FileNotFoundError):
            kernel.lookup(ROOT, b"none")
        with pytest.raises(OSError, match="Input/output"):
            kernel.ask_raw("MKDIR", ROOT, b"short")
        with pytest.raises(OSError, match="not implemented"):
            kernel.ask_raw(4000, ROOT, b"")
    finally:
        channel.stop()
        server.join()


def _wait_until_asleep(thread: threading.Thread | None) -> None:
    """Wait until a thread (None: the main thread) sleeps in poll, as its kernel stack name says."""
    native = threading.main_thread().native_id if thread is None else thread.native_id
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with open(f"/proc/self/task/{native}/syscall", encoding="ascii") as file:
            number = file.read().split()[0]
        if number in {"7", "73", "271"}:  # poll on x86-64, ppoll on arm64 and on x86-64
            return
    msg = "thread does not sleep in poll"
    raise AssertionError(msg)
