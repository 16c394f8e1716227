"""CPU latency: keep processors from falling asleep while a mount is busy.

A program that waits for an answer leaves its processor idle for some 20 us. Asleep it takes longer to wake up than the
answer takes to make: in a virtual machine, where sleeping and waking leave the guest, 55 of the 75 us of a cached
4 KiB read. The kernel takes the wish not to sleep from any process that may open the device, which is root by default;
it holds for all processors, so it is held only while one request follows the other, and an idle mount has none.

Source: Documentation/power/pm_qos_interface.rst, "PM QoS interface from user space".
"""

import contextlib
import os
import struct
from typing import Final

DEVICE: Final = "/dev/cpu_dma_latency"

_AWAKE: Final = struct.pack("=i", 0)
"""Microseconds that waking up may take."""

_NO_WISH: Final = struct.pack("=i", -1)


class CpuLatency:
    """The wish of one process that processors stay awake; without the right to have one, nothing happens.

    Thread: one.
    """

    def __init__(self, device: str | None = DEVICE) -> None:
        self.is_held = False
        self._fd = -1
        if device is not None:
            with contextlib.suppress(OSError):
                self._fd = os.open(device, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)

    def hold(self) -> None:
        """Have processors stay awake from now on."""
        if self._fd >= 0 and not self.is_held:
            self.is_held = self._tell(_AWAKE)

    def release(self) -> None:
        """Let them sleep again."""
        if self.is_held:
            self.is_held = False
            self._tell(_NO_WISH)

    def close(self) -> None:
        """Give the device back; the kernel forgets the wish with it."""
        self.is_held = False
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def _tell(self, wish: bytes) -> bool:
        try:
            return os.write(self._fd, wish) == len(wish)
        except OSError:
            # A wish that cannot be told must not be thought to be held.
            self.close()
            return False
