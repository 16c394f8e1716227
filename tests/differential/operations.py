"""Operations: what the random programs are made of.

Names, sizes and flags come from short lists, so that operations meet on the same files; sizes lie around the borders
of chunks of 4 KiB. Left out is what is known to differ, or cannot be compared:

- attributes beyond `user.` and attributes too many for one block below: the vault keeps only `user.`, sealed
  attributes are longer than plain ones;
- symlink targets above 3,039 bytes that cannot be deflated: the vault refuses them;
- fallocate modes beyond the four: the vault refuses them;
- sizes and link counts of directories, blocks in use: they depend on the storage;
- access times after a read: they depend on the mount options of the storage;
- permissions: the reference is run as root, which they do not bind.
"""

from __future__ import annotations

import os

from hypothesis import strategies as st

from differential.program import Arg, Op, Program, op

CHUNK_SIZE = 4096

LONG = b"n" * 255
MIDDLE = b"m" * 150
NAMES = (b"a", b"ab", b"d", b"e", b"\xff\xc3", MIDDLE, LONG)
FOLDERS = (b"", b"d/", b"e/", b"d/e/", LONG + b"/")
PATHS = tuple(folder + name for folder in FOLDERS for name in NAMES)
LIKELY = (b"a", b"a", b"ab", b"d", b"e", b"d/a", b"d/a", b"d/e", b"d/e/a", LONG)
TOO_LONG = b"t" * 256

SIZES = (0, 1, 100, 4095, 4096, 4097, 8191, 8192, 8193, 12288, 16383, 16384, 16385, 40000, 69632)
LENGTHS = (1, 2, 100, 4095, 4096, 4097, 8192, 12289)
MODES = (0o600, 0o644, 0o755, 0o000, 0o200, 0o4755, 0o1777)
TIMES = (0, -1, -1_500_000_001, 1_234_567_890_123_456_789, 2_147_483_648_000_000_001, 4_000_000_000_999_999_999)
TARGETS = (b"nowhere", b"nowhere/\xff", b"nowhere" + b"/y" * 1500, b"nowhere" + b"/z" * 2044)
ATTRIBUTES = (b"user.a", b"user.ab", b"user.\xff", b"user." + b"x" * 160)
VALUES = (b"", b"v", b"\0" * 3, b"w" * 200)
ACCESS = (os.O_RDONLY, os.O_WRONLY, os.O_RDWR)
OPEN_BITS = (
    0, 0, os.O_CREAT, os.O_CREAT, os.O_CREAT | os.O_EXCL, os.O_TRUNC, os.O_CREAT | os.O_TRUNC,
    os.O_APPEND, os.O_CREAT | os.O_APPEND, os.O_CREAT | os.O_EXCL | os.O_TRUNC,
)  # fmt: skip
FALLOCATE_MODES = (0, 1, 1 | 2, 16, 16 | 1, 2)
RENAME_FLAGS = (0, 0, 1, 2, 3)

Args = st.SearchStrategy[Arg]
_path: Args = st.sampled_from(LIKELY * 12 + PATHS)
_any_path: Args = st.sampled_from(LIKELY * 12 + PATHS + (TOO_LONG, b"d/" + TOO_LONG) * 4)
_slot: Args = st.sampled_from((0, 0, 0, 0, 1, 1, 2, 3))
_size: Args = st.sampled_from(SIZES)
_length: Args = st.sampled_from(LENGTHS)
_mode: Args = st.sampled_from(MODES)
_time: Args = st.sampled_from(TIMES)
_seed: Args = st.integers(0, 9)
_flags: Args = st.builds(lambda access, bits: access | bits, st.sampled_from(ACCESS), st.sampled_from(OPEN_BITS))
_attribute: Args = st.sampled_from((*ATTRIBUTES[:1] * 5, *ATTRIBUTES))


def _op(call: str, *args: Args) -> st.SearchStrategy[Op]:
    return st.tuples(*args).map(lambda values: Op(call, values))


_ON_OPEN_FILES = (
    _op("open", _slot, _any_path, _flags, _mode),
    *[_op("open", _slot, _path, st.just(os.O_RDWR | os.O_CREAT), st.just(0o644))] * 5,
    *[_op("write", _slot, _size, _length, _seed)] * 3,
    _op("read", _slot, _size, _length),
    _op("ftruncate", _slot, _size),
    _op("fallocate", _slot, st.sampled_from(FALLOCATE_MODES), _size, st.one_of(_length, st.just(0))),
    _op("seek_hole", _slot, _size, st.sampled_from((os.SEEK_DATA, os.SEEK_HOLE))),
    _op("copy", _slot, _size, _slot, _size, st.one_of(_length, st.just(0))),
    _op("fsync", _slot, st.integers(0, 1)),
    _op("fstat", _slot),
    _op("list_open", _slot),
)
_ON_NAMES = (
    _op("unlink", _any_path),
    _op("rename", _path, _path, st.sampled_from(RENAME_FLAGS)),
    _op("rename", st.sampled_from(LIKELY), st.sampled_from(LIKELY), st.sampled_from(RENAME_FLAGS)),
    _op("link", _path, _path),
    _op("symlink", st.sampled_from(TARGETS), _any_path),
    _op("readlink", _path),
    _op("mkdir", _any_path, _mode),
    _op("mkdir", st.sampled_from((b"d", b"e", b"d/e", LONG)), st.just(0o755)),
    _op("rmdir", _path),
    _op("mkfifo", _path, _mode),
    _op("listdir", _path),
    _op("stat", _any_path),
)
_ON_ATTRIBUTES = (
    _op("truncate", _path, _size),
    _op("chmod", _path, _mode),
    _op("utimens", _path, _time, _time),
    _op(
        "setxattr",
        _path,
        _attribute,
        st.sampled_from(VALUES),
        st.sampled_from((0, 0, os.XATTR_CREATE, os.XATTR_REPLACE)),
    ),
    _op("getxattr", _path, _attribute),
    _op("listxattr", _path),
    _op("removexattr", _path, _attribute),
)
_RARE = (_op("close", _slot), _op("statvfs"), _op("remount"))
# Not one_of, to which a strategy given twice counts once.
_operation = st.sampled_from((*_ON_OPEN_FILES, *_ON_NAMES, *_ON_ATTRIBUTES) * 3 + _RARE).flatmap(lambda chosen: chosen)

_FULL_TREE = (
    op("mkdir", b"d", 0o755),
    op("mkdir", b"e", 0o700),
    op("mkdir", b"d/e", 0o755),
    op("open", 0, b"d/a", os.O_RDWR | os.O_CREAT, 0o644),
    op("write", 0, 0, 8193, 1),
    op("open", 1, LONG, os.O_RDWR | os.O_CREAT, 0o600),
    op("write", 1, 100, 4096, 2),
    op("open", 2, b"a", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644),
    op("open", 3, b"d/e", os.O_RDONLY, 0),
)
_LISTS = 8
"""A long list is made of short ones: hypothesis draws lists of some five, and shrinks each to nothing."""


def programs(lists: int = _LISTS) -> st.SearchStrategy[Program]:
    """Return programs of some five operations for each of `lists`, on an empty or a small tree."""
    start = st.sampled_from(((), _FULL_TREE, _FULL_TREE, _FULL_TREE))
    parts = st.tuples(*[st.lists(_operation, max_size=24)] * lists)
    return st.builds(lambda first, rest: [*first, *(step for part in rest for step in part)], start, parts)
