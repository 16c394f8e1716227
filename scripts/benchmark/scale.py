"""Scale: how much work each job does."""

from __future__ import annotations

from dataclasses import dataclass, replace

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes in bytes, counts of operations and seconds; the seed of all that is drawn at random."""

    big_file: int = 256 * MIB
    rereads: int = 3
    random_reads: int = 2000
    random_writes: int = 4000
    small_files: int = 4000
    small_folders: int = 40
    source_tree: int = 400 * MIB
    database: int = 300 * MIB
    queries: int = 1000
    transactions: int = 1000
    copied_files: int = 20_000
    copied_videos: int = 4
    copied_video: int = 32 * MIB
    copied_database: int = 64 * MIB
    messages: int = 5000
    media_files: int = 500
    latency_reads: int = 4000
    mounts: int = 7
    idle_s: float = 10.0
    seed: int = 1

    @property
    def disk(self) -> int:
        """Bytes of the ext4 below: room for ciphertext, a journal as large, and a database."""
        small = 16384 * (self.small_files + 2 * self.copied_files)
        return 1024 * MIB + 3 * self.big_file + 3 * self.database + 2 * self.source_tree + small

    @property
    def inodes(self) -> int:
        """Number of files that the ext4 below has room for; some systems need several for each."""
        entries = self.small_files + self.copied_files + self.source_tree // 4096
        return 16384 + entries + self.database // 4096 + self.big_file // 4096

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
    source_tree=16 * MIB,
    database=24 * MIB,
    queries=200,
    transactions=50,
    copied_files=600,
    copied_videos=1,
    copied_video=16 * MIB,
    copied_database=8 * MIB,
    messages=500,
    media_files=50,
    latency_reads=600,
    mounts=3,
    idle_s=2.0,
)
