"""Channel: the descriptor over which kernel and server talk.

A /dev/fuse descriptor, or in tests one end of a socketpair of type SOCK_SEQPACKET: both keep
messages apart and both are read and written in whole messages.

A channel spins before it sleeps: it reads the device without blocking some 200 times, which takes
as many microseconds, before it polls. The wake-up, not the work, is what costs (create + write +
close of a file: 400 us without, 127 us with). While one message follows the other it also keeps
the processors from sleeping, where it may. Idle, it sleeps in poll and uses no CPU. Where there is
one processor it does neither: the client could not run meanwhile.

Thread: one channel belongs to one reading thread; `sibling` makes another for the same descriptor.
`send`, `drain` and `stop` may be called from any thread, `stop` also from a signal handler.
"""

import errno
import os
import select
import threading
import time
from collections.abc import Sequence
from typing import Final, TypeAlias

from wafs.fuse.cpu_latency import CpuLatency

Buffer: TypeAlias = bytes | bytearray | memoryview

END: Final = 0
"""`receive`: the filesystem was unmounted, or the other end closed."""
STOPPED: Final = -1
"""`receive`: `stop` was called, or `drain` and no message waits."""
TIMED_OUT: Final = -2
"""`receive`: nothing came within the time given."""

DEFAULT_SPINS: Final = 200 if len(os.sched_getaffinity(0)) > 1 else 1

_ONE_TRY: Final = range(1)

_BUSY: Final = 16
"""After so many messages that came while it was spinning a channel is busy."""

_LAST_CALL_MS: Final = 10
"""A channel that is drained waits so long for one more message: some come from threads that an answer woke."""

_LULL_MS: Final = 1
"""After so long without a message it is not busy any more."""

# ENODEV: unmounted. ECONNABORTED: aborted through the control filesystem or by a forced unmount.
# The others are what a socketpair says when its peer is gone.
_GONE: Final = frozenset({errno.ENODEV, errno.ECONNABORTED, errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN})


class _StopSwitch:
    """For all channels of a descriptor: `on` ends them, `draining` when no message waits; both stay.

    The eventfd is readable from the first of them on. `lock` guards it against being closed while it is written to.
    """

    def __init__(self) -> None:
        self.on = False
        self.draining = False
        # Reentrant: a signal handler may come while this very thread holds it.
        self.lock = threading.RLock()
        self.fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)


class Channel:
    """One reader of a descriptor, which it makes non-blocking and does not own until `close`."""

    def __init__(
        self,
        fd: int,
        *,
        spins: int = DEFAULT_SPINS,
        latency: CpuLatency | None = None,
        switch: _StopSwitch | None = None,
    ) -> None:
        """Wrap `fd`; `spins` is how often it is read in vain before the thread sleeps.

        `latency` is held while the channel is busy, and stays the caller's.
        """
        os.set_blocking(fd, False)
        self.fd: Final = fd
        self._tries = range(max(spins, 1))
        self._streak = 0
        self._latency = latency if latency is not None and spins > 1 else CpuLatency(None)
        self._switch = switch or _StopSwitch()
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)
        self._poll.register(self._switch.fd, select.POLLIN)
        self._arrivals = select.poll()
        self._arrivals.register(fd, select.POLLIN)

    def sibling(self, *, spins: int = 1) -> "Channel":
        """Return a channel on the same descriptor for another reading thread.

        Of all siblings one may spin: spinning threads take the interpreter from each other.
        """
        return Channel(self.fd, spins=spins, switch=self._switch)

    def receive(self, buffer: bytearray | memoryview, timeout_s: float | None = None, *, spin: bool = True) -> int:
        """Fill `buffer` with the next message.

        Without `spin` it sleeps at once: while other threads work, who spins takes the interpreter from them again and
        again (a sync of a directory took 250 us and not 100).
        Sizes:  returns the bytes of the message (more than 0), or END, STOPPED or TIMED_OUT, which
            are 0 or less. `buffer` needs max_write + abi.PAGE_ROOM bytes: the kernel answers a
            too small one with EINVAL.
        Raises: OSError for what is neither the end nor to be tried again.
        """
        buffers = (buffer,)
        tries = self._tries if spin else _ONE_TRY
        deadline = None
        while not self._switch.on:
            if (size := self._spin(buffers, tries)) is not None:
                return size
            if self._switch.draining:
                if self._arrivals.poll(_LAST_CALL_MS):
                    continue
                break
            if self._latency.is_held:
                if self._poll.poll(_LULL_MS):
                    continue
                self._latency.release()
            self._streak = 0
            if timeout_s is None:
                self._poll.poll()
                continue
            now = time.monotonic()
            if deadline is None:
                deadline = now + timeout_s
            # Another thread may have taken the message that ended an earlier poll.
            if not self._poll.poll(max(deadline - now, 0.0) * 1000):
                return TIMED_OUT
        return STOPPED

    def _spin(self, buffers: Sequence[bytearray | memoryview], tries: Sequence[int]) -> int | None:
        """Read until there is a message; its size, END, or None if there was none all the time."""
        fd, readv = self.fd, os.readv
        for _ in tries:
            try:
                size = readv(fd, buffers)
            except BlockingIOError:
                continue
            except FileNotFoundError:
                # The request was interrupted and withdrawn between being announced and read.
                continue
            except OSError as exc:
                if exc.errno in _GONE:
                    return END
                raise
            self._streak += 1
            if self._streak == _BUSY:
                self._latency.hold()
            return size
        return None

    def send(self, buffers: Sequence[Buffer]) -> bool:
        """Send one message made of these buffers, in one system call, which takes all of it or nothing.

        Returns: False if nobody waits for it any more: the request was interrupted and forgotten,
            or the filesystem is gone. An inode that the message would have handed over is then not
            held by the kernel and must be unpinned here.
        Raises: OSError; EINVAL means that the message has the wrong shape, which is a bug.
        """
        try:
            os.writev(self.fd, buffers)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            # Only a socket says so, whose peer is slow; the device always takes a reply.
            select.select([], [self.fd], [])
            return self.send(buffers)
        except OSError as exc:
            if exc.errno in _GONE:
                return False
            raise
        return True

    @property
    def is_stopped(self) -> bool:
        """Tell whether `stop` was called; after `drain` alone there may be more to receive."""
        return self._switch.on

    def drain(self) -> None:
        """Make every `receive` of this channel and its siblings return STOPPED whenever no message waits.

        More may come when what was received is answered. After `close` it does nothing.
        """
        self._switch.draining = True
        self._wake()

    def stop(self) -> None:
        """Make every `receive` of this channel and its siblings return STOPPED, from here on.

        Messages not read yet stay unread. After `close` it does nothing.
        """
        self._switch.on = True
        self._wake()

    def _wake(self) -> None:
        with self._switch.lock:
            if self._switch.fd >= 0:
                os.eventfd_write(self._switch.fd, 1)

    def close(self) -> None:
        """Close the descriptor; every sibling is then closed too.

        Thread: no thread may be in `receive`.
        """
        with self._switch.lock:
            switch_fd, self._switch.fd = self._switch.fd, -1
        if switch_fd >= 0:
            os.close(switch_fd)
            os.close(self.fd)
