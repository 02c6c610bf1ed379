"""Small backends and adapters for the tests of the suite's own machinery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fanin import Initializer, reference
from fanin.conformance import Adapter, NotClaimed
from fanin.contract import Capabilities, Description
from fanin.initializers import Constant
from fanin.plans import Plan


class ReferenceBackend:
    """The scalar reference as a backend: right, and slow."""

    name = "reference"
    SPEC_VERSION = 1
    capabilities = Capabilities(dtypes=frozenset({"float32"}))

    def draw(self, plan: Plan, *, device: Any = None) -> npt.NDArray[Any]:
        return np.frombuffer(reference.tobytes(plan), "<f4").reshape(plan.shape).copy()

    def tobytes(self, array: npt.NDArray[Any]) -> bytes:
        return array.tobytes()

    def describe(self, array: npt.NDArray[Any]) -> Description:
        return Description(array.shape, array.dtype.name)


class ShiftedBackend(ReferenceBackend):
    """Every weight one unit of the last place too far from zero."""

    name = "shifted"

    def draw(self, plan: Plan, *, device: Any = None) -> npt.NDArray[Any]:
        return (super().draw(plan).view(np.uint32) + np.uint32(1)).view(np.float32)


class OnesAdapter(Adapter):
    """Offers constants only, and draws ones for all of them."""

    name = "ones"

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
        if not isinstance(initializer, Constant):
            raise NotClaimed("constants only")
        return np.ones(shape, "float32" if dtype == "bfloat16" else dtype)
