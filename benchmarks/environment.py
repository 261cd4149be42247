"""What a benchmark ran on."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version

import numpy as np
from threadpoolctl import threadpool_info


def environment(packages: tuple[str, ...] = ("numpy", "scipy", "highspy", "torch")) -> dict[str, object]:
    """Processor, threads and versions, for the JSON of a result."""
    return {
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "blas": [
            {key: library.get(key) for key in ("internal_api", "version", "num_threads", "architecture")}
            for library in threadpool_info()
        ],
        "packages": {package: version(package) for package in packages},
        "float": str(np.finfo(np.float64).dtype),
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
