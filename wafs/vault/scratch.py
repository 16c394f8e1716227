"""Scratch: buffers for one thread, so that the hot path allocates nothing."""

from wafs.units import MIB


class Scratch:
    """A buffer for sealed and one for plain bytes, grown when needed.

    Thread: belongs to one thread. What a call returns as a view of it is valid until the next call that is given it.
    """

    __slots__ = ("plain", "sealed")

    def __init__(self, size: int = MIB + MIB // 8) -> None:
        self.sealed = memoryview(bytearray(size))
        self.plain = memoryview(bytearray(size))

    def reserve(self, size: int) -> None:
        """Make both buffers at least `size` bytes long."""
        if len(self.plain) < size:
            self.sealed = memoryview(bytearray(size))
            self.plain = memoryview(bytearray(size))
