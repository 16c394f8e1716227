"""Machine: where the figures come from, for whoever reads them later."""

from __future__ import annotations

import os
import platform
import sqlite3
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.backends.openssl.backend import backend

from benchmark.commands import run
from benchmark.failure import BenchError

if TYPE_CHECKING:
    from collections.abc import Mapping

CPUINFO = Path("/proc/cpuinfo")
MEMINFO = Path("/proc/meminfo")
LIBRARIES = ("cryptography", "msgpack", "whatsapp-chat-exporter")


def describe(folder: Path) -> dict[str, Any]:
    """Ask the kernel and the interpreter; `folder` is where the loop files lie.

    The keys are: `cpu`, `cores` usable by this process, `memory` in bytes, `kernel`, `system`, `disk`
    (filesystem and device of `folder`), `python` and `libraries`.
    """
    memory = next(line for line in MEMINFO.read_text().splitlines() if "MemTotal" in line)
    return {
        "cpu": cpu_model(CPUINFO.read_text()) or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory": int(memory.split()[1]) * 1024,
        "kernel": platform.release(),
        "system": _system(),
        "disk": _disk(folder),
        "python": platform.python_version(),
        "libraries": {
            **_libraries(),
            "OpenSSL": backend.openssl_version_text().removeprefix("OpenSSL "),
            "SQLite": sqlite3.sqlite_version,
        },
    }


def in_one_line(machine: Mapping[str, Any]) -> str:
    """Return a description in one line."""
    libraries = ", ".join(f"{name} {which}" for name, which in machine["libraries"].items())
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory'] / (1 << 30):.0f} GiB, {machine['disk']}, "
        f"{machine['system']}, Linux {machine['kernel']}, Python {machine['python']}, {libraries}"
    )


def cpu_model(cpuinfo: str) -> str | None:
    """Find the processor's name in the text of /proc/cpuinfo; arm64 kernels give none."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return None


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()


def _disk(folder: Path) -> str:
    try:
        return " ".join(run(["findmnt", "--noheadings", "--output", "FSTYPE,SOURCE", "--target", folder]).split())
    except BenchError:
        return "unknown disk"


def _libraries() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found
