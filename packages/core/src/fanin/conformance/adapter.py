"""The door of the distribution level: an implementation that has random numbers of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fanin.api import draw
from fanin.contract import Backend
from fanin.dtypes import DTYPES
from fanin.exceptions import FaninError
from fanin.initializers import Initializer
from fanin.plans import plan

__all__ = ["Adapter", "BackendAdapter", "NotClaimed", "from_bytes"]


class NotClaimed(FaninError):  # noqa: N818  # nothing went wrong: it is an answer
    """Raised by an adapter for what its implementation does not offer; its checks are skipped, with this reason."""


class Adapter(ABC):
    """An implementation of weight initialization, as the distribution level sees it.

    A subclass writes `sample`; nothing else is needed.

    Attributes:
        name: What the report calls it.
        named: Whether names select streams of their own.
    """

    name: str = ""
    named: bool = False

    @abstractmethod
    def sample(
        self,
        initializer: Initializer,
        shape: tuple[int, ...],
        *,
        layout: str | None,
        seed: int,
        name: str | Sequence[str] | None = None,
        dtype: str = "float32",
        groups: int = 1,
        transposed: bool = False,
        stride: int | tuple[int, ...] | None = None,
    ) -> npt.NDArray[Any]:
        """Return weights that follow an initializer's law, as a NumPy array.

        Args:
            initializer: The law, of single weights or (a `fanin.initializers.MatrixInitializer`) of whole matrices. An
                implementation that documents another law under the same name is asked for the law, not for the name:
                the adapter finds the call that is documented to give it.
            shape: Stored shape.
            layout: What each axis is (see `fanin.init`), or None.
            seed: An integer in [0, 2^64).
            name: The parameter's name, or a stack's names; to be ignored where `named` is false.
            dtype: "float64", "float32", "float16" or "bfloat16".
            groups: Groups of a grouped convolution.
            transposed: Whether it is a transposed convolution's kernel.
            stride: Stride of the transposed convolution.

        Returns:
            An array of this shape, whose dtype holds the drawn values exactly. Where NumPy knows the dtype asked for,
            it is expected to be that one; a bfloat16 is expected as float32.

        Raises:
            NotClaimed: The implementation does not offer this.
        """


class BackendAdapter(Adapter):
    """A fanin backend on a device, as an implementation for the distribution level.

    Attributes:
        backend: The backend.
        device: Where it shall draw; None for the default.
    """

    named = True

    def __init__(self, backend: Backend, device: Any = None) -> None:
        self.name = backend.name
        self.backend = backend
        self.device = device

    def sample(
        self,
        initializer: Initializer,
        shape: tuple[int, ...],
        *,
        layout: str | None,
        seed: int,
        name: str | Sequence[str] | None = None,
        dtype: str = "float32",
        groups: int = 1,
        transposed: bool = False,
        stride: int | tuple[int, ...] | None = None,
    ) -> npt.NDArray[Any]:
        """Return what `fanin.init` draws with the backend."""
        if dtype not in self.backend.capabilities.dtypes:
            raise NotClaimed(f"the backend does not declare {dtype}")
        made = plan(
            shape,
            initializer,
            layout=layout,
            seed=seed,
            name=name,
            dtype=dtype,
            groups=groups,
            transposed=transposed,
            stride=stride,
        )
        if made.rule.kind not in self.backend.capabilities.rules:
            raise NotClaimed(f"the backend does not declare the rule {made.rule.kind!r}")
        array = draw(made, backend=self.backend, device=self.device)
        described = self.backend.describe(array)
        return from_bytes(self.backend.tobytes(array), described.dtype).reshape(described.shape)


def from_bytes(data: bytes, dtype: str) -> npt.NDArray[Any]:
    """Return little-endian bytes as a NumPy array; a bfloat16 becomes the float32 of the same value.

    Raises:
        NotClaimed: NumPy has no format that the bytes can be read as.
    """
    if dtype == "bfloat16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    if dtype in ("float16", "float32", "float64"):
        return np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).astype(dtype)
    raise NotClaimed(f"the distribution level does not read {dtype}" if dtype in DTYPES else f"unknown dtype {dtype!r}")
