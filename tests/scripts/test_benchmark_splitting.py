"""Of what an operation consists, as the benchmark tells it."""

from __future__ import annotations

import pytest

from benchmark.failure import BenchError
from benchmark.rows import BY_KEY
from benchmark.splitting import Split, as_markdown, by_kind, operations


def test_operations_follow_from_what_was_measured() -> None:
    count, name = operations(BY_KEY["create"], value=100.0, seconds=2.0)
    assert (round(count), name) == (20_000, "one")
    assert operations(BY_KEY["untar"], value=3.0, seconds=3.0) == (1.0, "all")
    count, name = operations(BY_KEY["seq-read"], value=104.8576, seconds=2.0)
    assert (round(count), name) == (200, "a MiB")
    with pytest.raises(BenchError, match="does not time operations"):
        operations(BY_KEY["mem-tree"], value=1.0, seconds=1.0)


def test_time_is_told_apart_by_who_spends_it() -> None:
    spent = [
        ("<built-in method posix.pread>", 10, 1.0, 1.0),
        ("<built-in method posix.readv>", 10, 50.0, 50.0),
        ("<built-in method posix.posix_fadvise>", 10, 7.0, 7.0),
        ("<method 'decrypt_into' of 'cryptography.hazmat.bindings._rust.openssl.aead.AESGCM' objects>", 3, 0.5, 0.5),
        ("wafs/fs/files.py:10 Files.read", 3, 9.0, 9.0),
    ]
    assert by_kind(spent) == (1.0, 0.5)


def test_parts_add_up_to_the_whole() -> None:
    split = Split(BY_KEY["create"], "one", requests=5.0, whole=100.0, served=70.0, calls=20.0, crypto=5.0)
    whole, *parts = map(float, split.cells()[2:])
    assert sum(parts) == pytest.approx(whole)
    assert as_markdown([split]).splitlines()[-1] == (
        "| create 8 KiB file: one | 5.0 | 100.0 | 30.0 | 20.0 | 5.0 | 45.0 |"
    )
