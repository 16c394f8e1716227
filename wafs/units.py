"""Units: the small types and sizes that every layer shares."""

from typing import Final, NewType

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB

Ino = NewType("Ino", int)
"""Number of an inode in one `Vfs`; 1 is the root, a number is never used twice."""

Fh = NewType("Fh", int)
"""Number of an open handle in one `Vfs`."""

FileId = NewType("FileId", bytes)
"""16 random bytes that name one file for ever (format.md section 5)."""

DirId = NewType("DirId", bytes)
"""16 bytes that bind names to their directory (format.md section 7)."""

ROOT_INO: Final = Ino(1)
ROOT_DIR_ID: Final = DirId(bytes(16))
