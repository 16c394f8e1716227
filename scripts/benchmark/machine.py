"""Machine: where the figures come from, for whoever reads them later."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
MEMINFO = Path("/proc/meminfo")


@dataclass(frozen=True, slots=True)
class Machine:
    """Processor, cores usable by this process, memory in bytes, kernel and Python."""

    cpu: str
    cores: int
    memory: int
    kernel: str
    python: str

    def __str__(self) -> str:
        """Return the description in one line."""
        return (
            f"{self.cpu}, {self.cores} cores, {self.memory / (1 << 30):.0f} GiB, "
            f"Linux {self.kernel}, Python {self.python}"
        )


def describe() -> Machine:
    """Ask the kernel and the interpreter."""
    memory = next(line for line in MEMINFO.read_text().splitlines() if "MemTotal" in line)
    return Machine(
        cpu=cpu_model(CPUINFO.read_text()) or platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory=int(memory.split()[1]) * 1024,
        kernel=platform.release(),
        python=platform.python_version(),
    )


def cpu_model(cpuinfo: str) -> str | None:
    """Find the processor's name in the text of /proc/cpuinfo; arm64 kernels give none."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return None
