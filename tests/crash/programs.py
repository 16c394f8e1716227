"""Programs: short ones by name, each about one thing that a crash may catch half done; and random ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from differential.program import op
from vault.making import CHUNK

if TYPE_CHECKING:
    from random import Random

    from differential.program import Arg, Op, Program

A, B = b"a", b"b"
LONG = b"n" * 200
_BASE: Program = [op("write", A, 0, 3 * CHUNK + 100, 1), op("fsync", A)]
"""A file of three chunks and a bit, durable."""

SHORT: dict[str, Program] = {
    "create, write, fsync": [op("write", A, 0, CHUNK + 10, 1), op("fsync", A)],
    "create, write, close": [op("write", A, 0, 100, 1), op("close", A)],
    "create, sync the folder": [op("write", A, 0, 100, 1), op("close", A), op("syncdir", b"")],
    "overwrite a chunk in part, fsync": [*_BASE, op("write", A, CHUNK + 7, 100, 2), op("fsync", A)],
    "overwrite a whole chunk": [*_BASE, op("write", A, CHUNK, CHUNK, 2)],
    "overwrite two chunks": [*_BASE, op("write", A, 2000, CHUNK, 2), op("fsync", A)],
    "overwrite twice": [*_BASE, op("write", A, 0, 50, 2), op("write", A, 10, 20, 3), op("fdatasync", A)],
    "overwrite, close, overwrite": [*_BASE, op("write", A, 0, 9, 2), op("close", A), op("write", A, 5000, 9, 3)],
    "close, open again, bytes": [*_BASE, op("close", A), op("write", A, CHUNK + 7, 100, 2), op("fsync", A)],
    "close, open again, grow, close, bytes": [
        *_BASE, op("close", A), op("write", A, 9, 9, 2), op("write", A, -1, 2 * CHUNK, 3), op("fsync", A),
        op("close", A), op("write", A, 4 * CHUNK, 9, 4), op("fsync", A),
    ],
    "grow after a sync, close, bytes": [
        op("write", A, 0, 2 * CHUNK, 1), op("fsync", A), op("write", A, -1, CHUNK, 2), op("close", A),
        op("write", A, 2 * CHUNK + 5, 9, 3), op("write", A, 5, 9, 4), op("fsync", A),
    ],
    "sync, checkpoint, close, bytes": [
        *_BASE, op("checkpoint"), op("close", A), op("write", A, 5, 9, 2), op("fsync", A), op("close", A),
        op("write", A, CHUNK, 9, 3), op("fsync", A),
    ],
    "grow, cut into what was there": [
        op("write", A, -1, CHUNK, 8), op("remount"), op("write", A, CHUNK, CHUNK - 1, 9), op("truncate", A, 1),
    ],
    "grow, punch what was there": [
        op("write", A, -1, 2 * CHUNK, 8), op("remount"), op("write", A, 2 * CHUNK, CHUNK, 9), op("punch", A, 0, CHUNK),
    ],
    "bytes here and there": [
        *_BASE, op("write", A, 9, 9, 2), op("write", A, 2 * CHUNK, 50, 3), op("fsync", A), op("write", A, 5, 9, 4),
        op("checkpoint"), op("write", A, CHUNK - 5, 9, 5), op("fsync", A),
    ],
    "bytes of one chunk, often": [*_BASE, *[op("write", A, at, 40, at) for at in (7, 30, 9, 900, 1, 3)]],
    "bytes, then the whole chunk": [*_BASE, op("write", A, 9, 9, 2), op("write", A, 0, CHUNK, 3), op("fdatasync", A)],
    "bytes of the last chunk, append": [*_BASE, op("write", A, 3 * CHUNK, 9, 2), op("write", A, -1, 50, 3)],
    "bytes of the last chunk, extend": [*_BASE, op("write", A, 3 * CHUNK, 9, 2), op("truncate", A, 5 * CHUNK)],
    "bytes, cut inside them, append": [
        *_BASE, op("write", A, CHUNK, 90, 2), op("truncate", A, CHUNK + 50), op("write", A, -1, CHUNK, 3),
        op("fsync", A),
    ],
    "bytes, cut off, append, bytes": [
        *_BASE, op("write", A, 2 * CHUNK, 90, 2), op("truncate", A, CHUNK), op("write", A, -1, 2 * CHUNK, 3),
        op("fsync", A), op("checkpoint"), op("write", A, 2 * CHUNK, 9, 4), op("fsync", A),
    ],
    "bytes, read, bytes": [*_BASE, op("write", A, 9, 9, 2), op("read", A), op("write", A, 9, 5, 3), op("fsync", A)],
    "bytes, punch": [*_BASE, op("write", A, CHUNK, 9, 2), op("write", A, 0, 9, 3), op("punch", A, CHUNK, CHUNK)],
    "bytes of chunks that are not safe": [
        op("write", A, 0, 2 * CHUNK, 1), op("write", A, 9, 9, 2), op("fsync", A), op("write", A, 9, 5, 3),
    ],
    "bytes of two files, a checkpoint": [
        *_BASE, op("write", B, 0, 5000, 2), op("fsync", B), op("write", A, 5, 9, 3), op("write", B, 5, 9, 4),
        op("checkpoint"), op("write", A, 7, 9, 5), op("write", B, 7, 9, 6), op("fsync", B),
    ],
    "append in the last chunk": [*_BASE, op("write", A, -1, 50, 2), op("fsync", A)],
    "append chunks": [*_BASE, op("write", A, -1, 2 * CHUNK, 2), op("fsync", A)],
    "append small pieces": [*_BASE, *[op("write", A, -1, 60, seed) for seed in (2, 3, 4)]],
    "write in small pieces": [op("write", A, 0, 100, 1), op("write", A, -1, 4090, 2), op("write", A, -1, 4090, 3)],
    "append, close": [*_BASE, op("write", A, -1, 3 * CHUNK, 2), op("close", A)],
    "append to a full chunk": [op("write", A, 0, CHUNK, 1), op("fsync", A), op("write", A, -1, 10, 2)],
    "write behind the end": [*_BASE, op("write", A, 6 * CHUNK, 100, 2), op("fsync", A)],
    "cut inside a chunk": [*_BASE, op("truncate", A, CHUNK + 50), op("fsync", A)],
    "cut at a chunk": [*_BASE, op("truncate", A, CHUNK)],
    "cut to nothing, write anew": [*_BASE, op("truncate", A, 0), op("write", A, 0, 200, 2), op("fsync", A)],
    "extend, then fill": [*_BASE, op("truncate", A, 6 * CHUNK), op("write", A, 4 * CHUNK, 100, 2)],
    "cut, then append": [*_BASE, op("truncate", A, 500), op("write", A, -1, 2 * CHUNK, 2), op("fsync", A)],
    "punch chunks": [*_BASE, op("punch", A, CHUNK, 2 * CHUNK), op("fsync", A)],
    "punch parts": [*_BASE, op("punch", A, 100, 2 * CHUNK)],
    "overwrite a hole": [*_BASE, op("punch", A, 0, CHUNK), op("fsync", A), op("write", A, 5, 5, 2), op("fsync", A)],
    "rename over, as editors save": [
        *_BASE, op("write", B, 0, 5000, 2), op("fsync", B), op("close", B), op("rename", B, A), op("syncdir", b""),
    ],
    "rename over, unsynced": [*_BASE, op("write", B, 0, 500, 2), op("close", B), op("rename", B, A)],
    "mkdir and move": [
        op("mkdir", b"d"), op("mkdir", b"e"), op("write", b"d/f", 0, 10, 1), op("fsync", b"d/f"), op("close", b"d/f"),
        op("rename", b"d", b"e/x"), op("mkdir", b"d"), op("write", b"d/f", 0, 20, 2), op("fsync", b"d/f"),
    ],
    "exchange folders": [
        op("mkdir", b"d"), op("mkdir", b"e"), op("write", b"d/f", 0, 10, 1), op("write", b"e/g", 0, 20, 2),
        op("fsync", b"d/f"), op("fsync", b"e/g"), op("rename", b"d", b"e", 2),
    ],
    "long names": [
        op("write", LONG, 0, 10, 1), op("fsync", LONG), op("close", LONG), op("rename", LONG, LONG + b"2"),
        op("syncdir", b""), op("unlink", LONG + b"2"), op("syncdir", b""),
    ],
    "long folder": [
        op("mkdir", LONG), op("write", LONG + b"/f", 0, 9, 1), op("rename", LONG, b"d"), op("unlink", b"d/f"),
    ],
    "attributes": [
        op("write", A, 0, 10, 1), op("setxattr", A, b"user.x", b"1"), op("fsync", A),
        op("setxattr", A, b"user.x", b"2"), op("chmod", A, 0o640), op("removexattr", A, b"user.x"),
        op("utimens", A, 10**18), op("fsync", A),
    ],
    "two attributes": [op("write", A, 0, 9, 1), op("setxattr", A, b"user.x", b"1"), op("setxattr", A, b"user.y", b"2")],
    "attributes beside a file that grows": [
        op("write", A, 1, CHUNK + 1, 5), op("write", B, 2 * CHUNK, 100, 2), op("setxattr", B, b"user.x", b"2"),
        op("write", A, CHUNK, CHUNK - 1, 2),
    ],
    "unlink": [*_BASE, op("close", A), op("unlink", A), op("syncdir", b"")],
    "unlink while open, make again": [*_BASE, op("unlink", A), op("write", A, 0, 9, 2), op("fsync", A)],
    "symlink": [op("symlink", b"to/nowhere", A), op("rename", A, B), op("syncdir", b"")],
    "hard link": [*_BASE, op("link", A, B), op("write", B, 0, 10, 2), op("fsync", B), op("unlink", A)],
    "two files, one fsync": [
        *_BASE, op("write", B, 0, 5000, 2), op("fsync", B), op("write", A, 0, 10, 3), op("write", B, 0, 10, 4),
        op("fsync", A),
    ],
    "times kept": [*_BASE, op("write", A, 0, 10, 2), op("utimens", A, 10**18), op("close", A)],
    "shown while growing": [op("write", A, 0, 5000, 1), op("stat", A), op("write", A, -1, 5000, 2), op("stat", A)],
    "remount in between": [*_BASE, op("write", A, 5, 5, 2), op("remount"), op("write", A, -1, 5000, 3), op("fsync", A)],
    "checkpoint in between": [
        *_BASE, op("write", A, 0, 9, 2), op("checkpoint"), op("write", A, -1, 5000, 3), op("write", A, 0, 9, 4),
        op("checkpoint"), op("fsync", A),
    ],
    "a gap and checkpoints": [
        op("write", A, 3 * CHUNK - 50, 1, 6), op("checkpoint"), op("write", A, 2 * CHUNK, 1, 2), op("checkpoint"),
    ],
    "a gap, a checkpoint, append": [
        op("write", A, CHUNK, 1, 8), op("checkpoint"), op("write", A, -1, 100, 8), op("remount"),
    ],
    "two files, a checkpoint": [
        op("write", A, 0, 5000, 1), op("fsync", A), op("write", B, 0, 5000, 2), op("write", A, 0, 9, 3),
        op("checkpoint"), op("write", B, 0, 9, 4), op("fsync", B),
    ],
    "cut, checkpoint, append": [
        *_BASE, op("truncate", A, CHUNK), op("checkpoint"), op("write", A, -1, 100, 2), op("stat", A), op("fsync", A),
    ],
    "seal, append": [op("write", A, 0, 5000, 1), op("stat", A), op("write", A, -1, 5000, 2)],
    "password": [op("write", A, 0, 10, 1), op("fsync", A), op("passwd", b"new password")],
}  # fmt: skip

_PATHS = (A, A, A, B, b"d", b"d/a", LONG)
_OFFSETS = (-1, -1, 0, 1, 100, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK - 50, 5 * CHUNK)
_LENGTHS = (1, 100, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7)
_SIZES = (0, 1, 100, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 5, 6 * CHUNK)
_SEEDS = tuple(range(10))

_CHOICES: tuple[tuple[int, str, tuple[tuple[Arg, ...], ...]], ...] = (
    (8, "write", (_PATHS, _OFFSETS, _LENGTHS, _SEEDS)),
    (4, "fsync", (_PATHS,)),
    (1, "fdatasync", (_PATHS,)),
    (2, "close", (_PATHS,)),
    (1, "stat", (_PATHS,)),
    (2, "truncate", (_PATHS, _SIZES)),
    (1, "punch", (_PATHS, _SIZES, _LENGTHS)),
    (1, "mkdir", ((b"d", b"e", b"d/e", LONG),)),
    (2, "rename", (_PATHS, _PATHS, (0, 0, 0, 1, 2))),
    (1, "link", (_PATHS, _PATHS)),
    (1, "unlink", (_PATHS,)),
    (1, "rmdir", ((b"d", b"e", b"d/e"),)),
    (1, "symlink", ((b"to/nowhere",), _PATHS)),
    (1, "syncdir", ((b"", b"", b"d"),)),
    (1, "setxattr", (_PATHS, (b"user.x", b"user.y"), (b"1", b"2"))),
    (1, "chmod", (_PATHS, (0o600, 0o640))),
    (1, "utimens", (_PATHS, (10**18,))),
    (1, "remount", ()),
    (3, "checkpoint", ()),
)
_WEIGHTED = tuple(choice for choice in _CHOICES for _ in range(choice[0]))


def programs(most: int = 20) -> st.SearchStrategy[Program]:
    """Return random programs for hypothesis, which makes them shorter when they fail."""

    def one(choice: tuple[int, str, tuple[tuple[Arg, ...], ...]]) -> st.SearchStrategy[Op]:
        _, call, arguments = choice
        return st.tuples(*map(st.sampled_from, arguments)).map(lambda values: op(call, *values))

    return st.lists(st.sampled_from(_WEIGHTED).flatmap(one), min_size=1, max_size=most)


def some_program(rng: Random, most: int = 20) -> Program:
    """Return a random program."""
    steps = []
    for _ in range(rng.randint(1, most)):
        _, call, arguments = rng.choice(_WEIGHTED)
        steps.append(op(call, *(rng.choice(values) for values in arguments)))
    return steps
