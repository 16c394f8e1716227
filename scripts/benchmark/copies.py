"""Copies: a folder as WhatsApp leaves it, copied into the system and out of it with cp -a."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.commands import run
from benchmark.failure import BenchError

if TYPE_CHECKING:
    from benchmark.place import Place
    from benchmark.scale import Scale

# Stickers, voice notes and small pictures.
SMALLEST, LARGEST = 2048, 32768
PER_FOLDER = 1000
MIB = 1 << 20


def run_job(place: Place, scale: Scale) -> None:
    """Measure the rows of the job `copy`."""
    source = _prepared(place.assets, scale)
    inside, outside = place.root / "WhatsApp", place.beside / "WhatsApp"
    # Read once, so that the source comes from memory for every system.
    wanted = _sum_up(source)
    place.settle()
    with place.timed("copy-in", count=1):
        run(["cp", "-a", source, inside])
    if place.wants("copy-out"):
        place.cold()
        with place.timed("copy-out", count=1):
            run(["cp", "-a", inside, outside])
        if (got := _sum_up(outside)) != wanted:
            msg = f"{place.system.name}: (files, bytes, XOR of ends) {got} came out, {wanted} went in"
            raise BenchError(msg)


def build(folder: Path, scale: Scale) -> None:
    """Write the folder: many small files, a few videos and one database, the same bytes each time."""
    draw = random.Random(scale.seed)
    for number in range(scale.copied_files):
        place = folder / "Media" / "WhatsApp Images" / f"{number // PER_FOLDER:03d}"
        if number % PER_FOLDER == 0:
            place.mkdir(parents=True)
        (place / f"IMG-20240101-WA{number:05d}.jpg").write_bytes(draw.randbytes(draw.randint(SMALLEST, LARGEST)))
    big = {folder / "Media" / "WhatsApp Video" / f"VID-{n}.mp4": scale.copied_video for n in range(scale.copied_videos)}
    big[folder / "Databases" / "msgstore.db"] = scale.copied_database
    for path, size in big.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for _ in range(size // MIB):
                file.write(draw.randbytes(MIB))


def _prepared(assets: Path, scale: Scale) -> Path:
    folder = assets / "WhatsApp"
    if not folder.exists():
        unfinished = assets / "WhatsApp.unfinished"
        build(unfinished, scale)
        unfinished.rename(folder)
    return folder


def _sum_up(folder: Path) -> tuple[int, int, int]:
    """Read everything; return the number of files, their bytes, and the XOR of their last 8 bytes."""
    files = size = mixed = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            data = Path(parent, name).read_bytes()
            files, size, mixed = files + 1, size + len(data), mixed ^ int.from_bytes(data[-8:])
    return files, size, mixed
