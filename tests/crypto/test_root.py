"""The pseudo-random function behind roots: AES of single blocks, the same for every thread that asks."""

from __future__ import annotations

import itertools
import os
import threading

from Crypto.Cipher import AES
from hypothesis import given
from hypothesis import strategies as st

from wafs.crypto.root import RootHash

KEY = bytes(range(32))
TAGS = st.lists(st.binary(min_size=16, max_size=16), max_size=40)


def _terms(tags: bytes) -> int:
    """XOR of the blocks, by another library and one by one."""
    blocks = AES.new(KEY, AES.MODE_ECB).encrypt(tags)
    total = 0
    for at in range(0, len(blocks), 16):
        total ^= int.from_bytes(blocks[at : at + 16])
    return total


@given(TAGS)
def test_terms_are_those_of_another_library(tags: list[bytes]) -> None:
    assert RootHash(KEY).terms(b"".join(tags)) == _terms(b"".join(tags))


@given(TAGS)
def test_terms_add_up_in_any_order(tags: list[bytes]) -> None:
    root = RootHash(KEY)
    one_by_one = 0
    for tag in tags:
        one_by_one ^= root.terms(tag)
    assert root.terms(b"".join(reversed(tags))) == one_by_one
    assert all(root.terms(a) != root.terms(b) for a, b in itertools.pairwise(tags) if a != b)


def test_two_threads_get_the_right_terms_at_the_same_time() -> None:
    """Pieces are long enough for a library that lets other threads run meanwhile."""
    root = RootHash(KEY)
    start = threading.Barrier(2)
    wrong: list[int] = []

    def work(pieces: list[tuple[bytes, int]]) -> None:
        start.wait()
        try:
            wrong.extend(count for count in range(200) for tags, terms in pieces if root.terms(tags) != terms)
        except BaseException:
            wrong.append(-1)
            raise

    shares = [[(tags, _terms(tags)) for tags in map(os.urandom, (16, 1 << 16, 48))] for _ in range(2)]
    threads = [threading.Thread(target=work, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
