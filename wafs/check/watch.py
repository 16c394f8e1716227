"""Watch: how a long work tells where it is, and is told to stop."""

from typing import Protocol


class Watch(Protocol):
    """Who looks on while a vault is checked; either method may raise KeyboardInterrupt to stop the work."""

    def entering(self, path: bytes) -> None:
        """Note that the file at a plaintext path is next."""

    def advanced(self, size: int) -> None:
        """Note that so many bytes of ciphertext more are done."""


class Alone:
    """Nobody looks on."""

    def entering(self, path: bytes) -> None:
        """Do nothing."""

    def advanced(self, size: int) -> None:
        """Do nothing."""
