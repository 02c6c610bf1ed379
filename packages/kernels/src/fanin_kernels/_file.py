"""The library's file, beside this one."""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache
from pathlib import Path
from typing import Final

__all__ = ["load"]

_NAMES: Final = {"win32": "fanin_kernels.dll", "darwin": "libfanin_kernels.dylib"}


@lru_cache(maxsize=1)
def load() -> ctypes.CDLL:
    """Load the library.

    Raises:
        ImportError: The package was built without it, or this machine cannot load it.
    """
    path = Path(__file__).with_name(_NAMES.get(sys.platform, "libfanin_kernels.so"))
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        what = "was built without its library" if not path.exists() else f"cannot load {path.name}: {error}"
        raise ImportError(
            f"fanin-kernels {what}. Install a C compiler, then run: pip install --force-reinstall --no-deps "
            f"--no-cache-dir fanin-kernels. Or draw without it: FANIN_ENGINE=numpy."
        ) from error
