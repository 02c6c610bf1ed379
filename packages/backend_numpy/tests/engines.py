"""The engines that the tests run: plain NumPy, and each instruction set that there are compiled kernels for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal, cast

import pytest

import fanin_numpy

__all__ = ["engines", "use"]

_CHOSEN: Final = os.environ.get("FANIN_TEST_ENGINES", "numpy,native").split(",")
"""Said by who runs the tests, so that missing kernels are an error and not a silence."""


def engines() -> list[tuple[str, str]]:
    """Return each engine's name, and the path of its compiled kernels or ""."""
    found = [("numpy", "")] if "numpy" in _CHOSEN else []
    if "native" in _CHOSEN:
        from fanin_kernels import supported_paths

        found += [("native", path) for path in supported_paths()]
    return found


@contextmanager
def use(name: str, path: str) -> Iterator[None]:
    """Draw with an engine."""
    with pytest.MonkeyPatch.context() as patch:
        if path:
            patch.setenv("FANIN_KERNEL", path)
        fanin_numpy.set_engine(cast(Literal["native", "numpy"], name))
        assert fanin_numpy.NumpyBackend().engine == (f"native ({path})" if path else name)
        yield
    fanin_numpy.set_engine(None)
