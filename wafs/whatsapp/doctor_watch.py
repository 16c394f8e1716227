"""Doctor watch: how a long work tells where it is, and is told to stop."""

from typing import Protocol


class Watch(Protocol):
    """Who looks on while a vault is examined; every method may raise KeyboardInterrupt to stop the work."""

    def check(self) -> None:
        """Ask whether to stop."""

    def expect(self, size: int) -> None:
        """Note that so many bytes more are to be read."""

    def looking_at(self, path: bytes) -> None:
        """Note that the file or folder at a path is next."""

    def advanced(self, size: int) -> None:
        """Note that so many bytes more are done."""


class Alone:
    """Nobody looks on."""

    def check(self) -> None:
        """Do nothing."""

    def expect(self, size: int) -> None:
        """Do nothing."""

    def looking_at(self, path: bytes) -> None:
        """Do nothing."""

    def advanced(self, size: int) -> None:
        """Do nothing."""


class Share:
    """The part of the work that is one file: what was promised for it is told as done, no more and no less."""

    def __init__(self, watch: Watch, size: int) -> None:
        self._watch = watch
        self._left = size

    def advanced(self, size: int) -> None:
        """Note that so many bytes more are done."""
        size = min(size, self._left)
        self._left -= size
        self._watch.advanced(size)

    def finish(self) -> None:
        """Note that nothing is left to do."""
        self.advanced(self._left)
