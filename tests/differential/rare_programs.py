"""Rare programs: those on which a vault once differed from a directory, and those that chance takes long to find."""

from __future__ import annotations

import os
from typing import Final

from differential.operations import LONG
from differential.program import Program, op

MADE = os.O_RDWR | os.O_CREAT
SET = 1_234_567_890_123_456_789

PROGRAMS: Final[dict[str, Program]] = {
    "a folder keeps its time when it is renamed": [
        op("mkdir", b"d", 0o755),
        op("utimens", b"d", 0, SET),
        op("rename", b"d", b"e", 0),
        op("stat", b"e"),
    ],
    "a folder keeps its time when it cannot be renamed": [
        op("mkdir", b"d", 0o755),
        op("mkfifo", b"a", 0o644),
        op("utimens", b"d", 0, SET),
        op("rename", b"d", b"a", 0),
        op("stat", b"d"),
    ],
    "a folder keeps its time when it cannot be moved into itself": [
        op("mkdir", b"d", 0o755),
        op("utimens", b"d", 0, SET),
        op("rename", b"d", b"d/" + LONG, 0),
        op("rename", b"d", b"d/a", 0),
        op("stat", b"d"),
    ],
    "a folder that cannot be moved into one below leaves that as it was": [
        op("mkdir", b"d", 0o755),
        op("mkdir", b"e", 0o755),
        op("rename", b"e", b"d/e", 0),
        op("listdir", b"d/e"),
        op("rename", b"d", b"d/e", 0),
        op("open", 0, b"d/e/a", MADE, 0o644),
        op("write", 0, 0, 100, 1),
        op("remount"),
        op("listdir", b"d/e"),
    ],
    "an exchange with a folder above is refused either way round": [
        op("mkdir", b"d", 0o755),
        op("mkdir", b"d/e", 0o755),
        op("utimens", b"d/e", 0, SET),
        op("utimens", b"d", 0, SET),
        op("rename", b"d", b"d/e", 2),
        op("rename", b"d/e", b"d", 2),
        op("rename", b"d/e", b"d", 0),
    ],
    "O_TRUNC sets the time of a file that is empty already": [
        op("open", 0, b"a", MADE, 0o644),
        op("utimens", b"a", 0, SET),
        op("open", 0, b"a", os.O_RDONLY, 0),
        op("stat", b"a"),
        op("open", 0, b"a", os.O_WRONLY | os.O_TRUNC, 0),
        op("fstat", 0),
    ],
    "a hole behind the end sets the time": [
        op("open", 0, b"a", MADE, 0o644),
        op("write", 0, 0, 100, 1),
        op("utimens", b"a", 0, SET),
        op("fallocate", 0, 1 | 2, 100, 1),
        op("fstat", 0),
        op("utimens", b"a", 0, SET),
        op("fallocate", 0, 1 | 16, 8192, 1),
        op("fstat", 0),
    ],
    "a folder made where another was moved away is another": [
        op("mkdir", b"d", 0o755),
        op("open", 0, b"d/a", MADE, 0o644),
        op("rename", b"d", b"e", 0),
        op("mkdir", b"d", 0o755),
        op("open", 1, b"d/ab", MADE, 0o644),
        op("rename", b"d", b"e", 2),
        op("open", 2, b"d/" + LONG, MADE, 0o644),
        op("remount"),
        op("listdir", b"d"),
        op("listdir", b"e"),
    ],
    "an unlinked file and its successor are two": [
        op("open", 0, LONG, MADE, 0o644),
        op("write", 0, 0, 4097, 1),
        op("unlink", LONG),
        op("open", 1, LONG, MADE, 0o644),
        op("write", 1, 0, 100, 2),
        op("write", 0, 4096, 100, 3),
        op("read", 0, 0, 8192),
        op("read", 1, 0, 8192),
        op("fstat", 0),
        op("fstat", 1),
    ],
    "a file replaced while open lives on, also through two names": [
        op("open", 0, b"a", MADE, 0o644),
        op("write", 0, 0, 8193, 1),
        op("link", b"a", b"ab"),
        op("open", 1, b"e", MADE, 0o644),
        op("rename", b"e", b"a", 0),
        op("fstat", 0),
        op("rename", b"a", b"ab", 0),
        op("fstat", 0),
        op("write", 0, 8192, 4096, 2),
        op("read", 0, 0, 16384),
        op("ftruncate", 0, 4095),
        op("fstat", 0),
        op("fstat", 1),
    ],
    "a removed folder that is open is empty and takes nothing": [
        op("mkdir", b"d", 0o755),
        op("open", 0, b"d", os.O_RDONLY, 0),
        op("rmdir", b"d"),
        op("list_open", 0),
        op("fsync", 0, 0),
        op("mkdir", b"d", 0o755),
        op("open", 1, b"d/a", MADE, 0o644),
        op("list_open", 0),
    ],
}
