"""Secret: key bytes that do not show themselves."""

import os


class Secret:
    """Key bytes without a telling `repr`, wiped when told to.

    Python copies bytes freely, so a wipe is best effort; `docs/threat-model.md` says what that means.
    """

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = bytearray(data)

    @classmethod
    def random(cls, size: int) -> "Secret":
        """Make a secret of `size` random bytes."""
        return cls(os.urandom(size))

    def reveal(self) -> bytes:
        """Return the bytes. The caller passes them straight to a cipher or KDF."""
        return bytes(self._data)

    def wipe(self) -> None:
        """Overwrite the bytes with zeros."""
        self._data[:] = bytes(len(self._data))

    def __len__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:
        return f"Secret({len(self._data)} bytes)"
