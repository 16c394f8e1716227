"""Stale nodes: what the kernel found by a name, and asks about when the name is gone or another file's.

On ESTALE Linux looks the name up anew; on ENOENT it tells the program that there is nothing of that name.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from differential.bench import wire_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from differential.drivers.wire import WirePort
    from differential.vaults import Places

ROOT = 1
ASKING: dict[str, Callable[[WirePort, int], object]] = {
    "setattr": lambda port, node: port.chmod(node, 0o600),
    "getxattr": lambda port, node: port.getxattr(node, b"user.x"),
    "setxattr": lambda port, node: port.setxattr(node, b"user.x", b"", 0),
    "listxattr": lambda port, node: port.listxattr(node),
    "removexattr": lambda port, node: port.removexattr(node, b"user.x"),
    "open": lambda port, node: port.open(node, os.O_RDONLY),
    "link": lambda port, node: port.link(node, ROOT, b"link"),
}


@pytest.mark.parametrize("ask", ASKING)
def test_what_lost_its_name_is_stale(places: Places, ask: str) -> None:
    place = places.new()
    with wire_port(place) as port:
        node, _, fh = port.create(ROOT, b"file", os.O_RDWR, 0o600)
        port.release(node, fh)
        port.unlink(ROOT, b"file")
        with pytest.raises(OSError, match="Stale") as told:
            ASKING[ask](port, node)
        assert told.value.errno == errno.ESTALE
        with pytest.raises(FileNotFoundError):
            port.lookup(ROOT, b"file")
    places.remove(place)


def test_what_was_replaced_can_still_be_opened(places: Places) -> None:
    place = places.new()
    with wire_port(place) as port:
        node, _, fh = port.create(ROOT, b"file", os.O_RDWR, 0o600)
        port.write(node, fh, 0, b"old")
        port.release(node, fh)
        port.release(*_made(port, b"new"))
        port.rename(ROOT, b"new", ROOT, b"file", 0)
        fh = port.open(node, os.O_RDONLY)
        assert port.read(node, fh, 0, 10) == b"old"
        port.release(node, fh)
        assert port.lookup(ROOT, b"file")[0] != node
    places.remove(place)


def _made(port: WirePort, name: bytes) -> tuple[int, int]:
    node, _, fh = port.create(ROOT, name, os.O_RDWR, 0o600)
    return node, fh
