"""Programs: lists of operations as data, run on any driver, with outcomes that can be compared.

An operation is a call of a `Driver` method with plain arguments, so that a program can be shrunk, printed and pasted
into a regression test. Its outcome is the returned value or the name of an errno, never an exception object.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from wafs.errors import WafsError
from wafs.fuse.errno import errno_of

Arg: TypeAlias = int | bytes
Value: TypeAlias = int | bytes | str | tuple["Value", ...] | None
NOW = "now"
"""Stands for every time that the clock gave; the times that programs set are years away."""


class NotOpenError(Exception):
    """The program uses a slot in which nothing is open: nothing is done, on any driver."""


class Node(NamedTuple):
    """What a program left under one path; `twin` is the first path with the same inode."""

    kind: str
    mode: int
    mtime: int | str
    nlink: int
    content: bytes
    xattrs: tuple[tuple[bytes, bytes], ...]
    twin: bytes


Tree: TypeAlias = dict[bytes, Node]


class Driver(Protocol):
    """Something that runs operations: each is a method that returns a `Value` or raises an error with an errno."""

    def step_done(self) -> None:
        """Do what a kernel may do between two operations."""

    def tree(self) -> Tree:
        """Close what is open and read everything."""


@dataclass(frozen=True)
class Op:
    """One operation: the name of a method of the drivers and its arguments."""

    call: str
    args: tuple[Arg, ...]

    def __repr__(self) -> str:
        return f"op{(self.call, *self.args)!r}"

    def run(self, driver: Driver) -> Value:
        """Return the outcome on a driver.

        Raises: errors that are no errno: a driver found something that can never be right.
        """
        try:
            result: Value = getattr(driver, self.call)(*self.args)
        except NotOpenError:
            return "not open"
        except (OSError, WafsError) as error:
            return errno.errorcode[errno_of(error)]
        return result


def op(call: str, *args: Arg) -> Op:
    """Make an operation."""
    return Op(call, args)


Program: TypeAlias = list[Op]


def assert_same(program: Program, reference: Driver, driver: Driver) -> Tree:
    """Run a program on both, compare each outcome and in the end the whole trees; returns the tree of `driver`."""
    for number, step in enumerate(program):
        wanted, found = step.run(reference), step.run(driver)
        driver.step_done()
        assert found == wanted, f"step {number} of {len(program)}, {step!r}: found {found!r}, wanted {wanted!r}"
    wanted_tree, found_tree = reference.tree(), driver.tree()
    assert found_tree.keys() == wanted_tree.keys()
    for path, node in wanted_tree.items():
        assert found_tree[path] == node, f"{path!r} differs"
    return found_tree


def pattern(seed: int, size: int) -> bytes:
    """Return `size` bytes without zeros that differ from place to place, so that a misplaced chunk shows."""
    return bytes((seed * 37 + at + at // 251) % 255 + 1 for at in range(size))
