"""CPU latency: the wish is told while messages follow each other, and taken back with the first lull."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from wafs.fuse.channel import Channel
from wafs.fuse.cpu_latency import CpuLatency
from wire.kernel import socketpair

AWAKE, NO_WISH = bytes(4), b"\xff" * 4


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """Give a file that keeps every wish, one after the other."""
    path = tmp_path / "cpu_dma_latency"
    path.touch()
    return path


@pytest.fixture
def other(device: Path) -> Iterator[tuple[Channel, CpuLatency, socket.socket]]:
    latency = CpuLatency(os.fspath(device))
    ours, theirs = socketpair()
    channel = Channel(theirs.detach(), spins=50, latency=latency)
    try:
        yield channel, latency, ours
    finally:
        channel.close()
        latency.close()
        ours.close()


def test_wishes_are_told_once_each(device: Path) -> None:
    latency = CpuLatency(os.fspath(device))
    latency.release()
    latency.hold()
    latency.hold()
    latency.release()
    latency.release()
    latency.close()
    latency.hold()
    assert device.read_bytes() == AWAKE + NO_WISH


@pytest.mark.parametrize("device", [None, "/nonexistent/device", "/proc/self/status"])
def test_who_may_not_wish_goes_on_without(device: str | None) -> None:
    latency = CpuLatency(device)
    latency.hold()
    assert not latency.is_held
    latency.close()


def test_a_busy_channel_holds_until_the_first_lull(
    other: tuple[Channel, CpuLatency, socket.socket], device: Path
) -> None:
    channel, latency, ours = other
    buffer = bytearray(64)
    for _ in range(15):
        ours.send(b"message")
        channel.receive(buffer)
    assert device.read_bytes() == b""
    ours.send(b"message")
    channel.receive(buffer)
    assert device.read_bytes() == AWAKE
    waiting = threading.Thread(target=channel.receive, args=(buffer,))
    waiting.start()
    while latency.is_held:
        waiting.join(0.001)
    assert device.read_bytes() == AWAKE + NO_WISH
    ours.send(b"message")
    waiting.join()


def test_a_channel_that_does_not_spin_never_holds(device: Path) -> None:
    latency = CpuLatency(os.fspath(device))
    ours, theirs = socketpair()
    channel = Channel(theirs.detach(), spins=1, latency=latency)
    for _ in range(40):
        ours.send(b"message")
        channel.receive(bytearray(64))
    assert not latency.is_held
    channel.close()
    latency.close()
    ours.close()
