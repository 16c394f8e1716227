"""Mounting: how long it takes until a mount answers, and what it costs when nobody asks anything."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.place import Place
    from benchmark.scale import Scale

FILES = 100
REST_S = 6.0
"""Longer than anything is put off: wafs looks every 5 s for what it has to write."""
MOST_REST_S = 30.0


def run_job(place: Place, scale: Scale) -> None:
    """Measure the rows of the job `mount`; native ext4 mounts nothing and gets no value."""
    if not place.system.is_mount:
        return
    if place.wants("mount") and place.system.cheap_password:
        place.keep("mount", statistics.median(_mount(place) for _ in range(scale.mounts)) * 1e3)
    if place.wants("idle-cpu"):
        for number in range(FILES):
            with open(place.path(f"file-{number}"), "wb") as file:
                file.write(bytes(8192))
        _rest(place)
        with place.charged("idle-cpu", count=scale.idle_s):
            time.sleep(scale.idle_s)


def _rest(place: Place) -> None:
    """Wait until the daemon has done what it still had to do for the files: it sleeps for 6 s, or 30 s are over."""
    deadline = time.monotonic() + MOST_REST_S
    before = -1
    while (seen := place.wake_ups()) != before and time.monotonic() < deadline:
        before = seen
        time.sleep(REST_S)


def _mount(place: Place) -> float:
    place.unmount()
    place.settle()
    return place.mount()
