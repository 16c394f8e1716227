"""Source tree: unpack, sum, list and remove a part of the Linux kernel's source.

The classic set of gocryptfs's own benchmark, done by the programs that people use for it.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.commands import run
from benchmark.failure import BenchError

if TYPE_CHECKING:
    from benchmark.place import Place
    from benchmark.scale import Scale

SOURCES = Path("/usr/src")
PACKAGE = "linux-source"


def run_job(place: Place, scale: Scale) -> None:
    """Measure the rows of the job `tree`, one after the other on one tree."""
    archive, sums = _prepared(place.assets, scale)
    # Read once, so that the archive comes from memory for every system.
    archive.read_bytes()
    place.settle()
    with place.timed("untar", count=1):
        # As for a normal user, who cannot give files away.
        run(["tar", "-xf", archive, "--no-same-owner", "--no-same-permissions"], cwd=place.root)
    if place.wants("md5sum"):
        place.cold()
        with place.timed("md5sum", count=1):
            run(["md5sum", "--quiet", "-c", sums], cwd=place.root)
    top = place.root / _top(archive)
    if place.wants("ls-lr"):
        place.cold()
        with place.timed("ls-lr", count=1):
            run(["ls", "-lR", top])
    place.keep_memory("mem-tree")
    if place.wants("rm-r"):
        place.settle()
        with place.timed("rm-r", count=1):
            run(["rm", "-r", top])


def packed_source() -> Path:
    """Find the archive that Debian's package of the kernel source puts on the machine.

    Raises:
        BenchError: it is not installed.
    """
    found = sorted(SOURCES.glob(f"{PACKAGE}-*.tar.xz"))
    if not found:
        msg = f"there is no kernel source: apt install {PACKAGE}"
        raise BenchError(msg)
    return found[-1]


def take(source: Path, archive: Path, sums: Path, *, size: int) -> None:
    """Write the first files of an archive, about `size` bytes, to an uncompressed one, and their MD5 sums.

    Uncompressed, so that the processor's time for unpacking does not hide what the filesystem costs.
    """
    taken, lines = 0, []
    with tarfile.open(source, "r|*") as packed, tarfile.open(archive, "w") as plain:
        for member in packed:
            if member.isfile():
                file = packed.extractfile(member)
                assert file is not None
                data = file.read()
                plain.addfile(member, io.BytesIO(data))
                lines.append(f"{hashlib.md5(data).hexdigest()}  {member.name}\n")
                taken += len(data)
            elif member.isdir():
                plain.addfile(member)
            if taken >= size:
                break
    sums.write_text("".join(lines))


def _prepared(assets: Path, scale: Scale) -> tuple[Path, Path]:
    """Make archive and sums at the first call of a run; later calls find them."""
    archive, sums = assets / "source.tar", assets / "source.md5"
    if not sums.exists():
        take(packed_source(), archive, sums, size=scale.source_tree)
    return archive, sums


def _top(archive: Path) -> str:
    with tarfile.open(archive) as opened:
        first = opened.next()
    assert first is not None
    return first.name.split("/")[0]
