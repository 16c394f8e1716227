"""Scale: how much work each job does."""

from __future__ import annotations

from dataclasses import dataclass, replace

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes in bytes and counts of operations; the seed of all that is drawn at random."""

    big_file: int = 256 * MIB
    rereads: int = 3
    random_reads: int = 2000
    random_writes: int = 4000
    small_files: int = 4000
    small_folders: int = 40
    database: int = 100 * MIB
    queries: int = 500
    transactions: int = 200
    seed: int = 1

    @property
    def disk(self) -> int:
        """Bytes of the ext4 below: room for ciphertext, a journal as large, and a database."""
        return 1024 * MIB + 3 * self.big_file + 3 * self.database

    def with_size(self, mib: int) -> Scale:
        """Return the same scale with another size of the big file."""
        return replace(self, big_file=mib * MIB)


FULL = Scale()
QUICK = Scale(
    big_file=96 * MIB,
    rereads=2,
    random_reads=600,
    random_writes=1000,
    small_files=600,
    small_folders=6,
    database=24 * MIB,
    queries=200,
    transactions=50,
)
