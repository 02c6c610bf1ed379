"""What the figures depend on: the processor, and the versions of what is measured."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

__all__ = ["machine"]

LIBRARIES = ("fanin", "fanin-kernels", "numpy", "torch", "jax")


def machine(libraries: tuple[str, ...] = LIBRARIES) -> dict[str, str]:
    """Return what the figures depend on."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [
            line.split(":", 1)[1].strip()
            for line in cpuinfo.read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ]
        name = models[0] if models else name
    return {
        "processor": name,
        "cores": str(len(os.sched_getaffinity(0))),
        "python": platform.python_version(),
        **{library: version(library) for library in libraries},
    }
