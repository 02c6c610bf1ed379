"""What a placed mutant is: an honest adapter with one mistake, in a place and of a size that a seed chooses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fanin import Initializer
from fanin.initializers import VarianceScaling

from ...honest import HonestAdapter

Values = npt.NDArray[Any]

LAWS: Final = (
    "Normal",
    "Uniform",
    "TruncatedNormal",
    "normal scaling",
    "uniform scaling",
    "truncated_normal scaling",
)
MATRICES: Final = ("Orthogonal", "DeltaOrthogonal", "Sparse")
DTYPES: Final = ("float32", "float64", "float16")


@dataclass(frozen=True)
class Placed:
    """One mistake.

    Attributes:
        family: The kind of mistake, a row of the table of docs/conformance.md.
        mistake: What is wrong, and where.
        adapter: Builds it.
        check: The check that has to catch it.
    """

    family: str
    mistake: str
    adapter: Callable[[], HonestAdapter]
    check: str


Family = Callable[[np.random.Generator], Placed]
"""Chooses a mistake's place and size."""


@dataclass(frozen=True)
class Call:
    """What an adapter is asked for."""

    law: Initializer
    shape: tuple[int, ...]
    layout: str | None
    seed: int
    name: Any
    dtype: str
    groups: int
    transposed: bool
    stride: Any

    @property
    def kind(self) -> str:
        """The law's name among `LAWS` and `MATRICES`."""
        scaling = isinstance(self.law, VarianceScaling)
        return f"{self.law.distribution} scaling" if scaling else type(self.law).__name__  # type: ignore[attr-defined]

    @property
    def size(self) -> int:
        """Number of weights."""
        return int(np.prod(self.shape))


@dataclass(frozen=True)
class Where:
    """The calls that a mistake is in: of some laws, some dtypes, and from some size on."""

    kinds: tuple[str, ...] = (*LAWS, *MATRICES)
    dtypes: tuple[str, ...] = DTYPES
    least: int = 0

    def __contains__(self, call: Call) -> bool:
        return call.kind in self.kinds and call.dtype in self.dtypes and call.size >= self.least

    def __str__(self) -> str:
        kinds = "" if len(self.kinds) > len(LAWS) else ", ".join(self.kinds)
        dtypes = "" if self.dtypes == DTYPES else ", ".join(self.dtypes)
        return " ".join(filter(None, (kinds, dtypes, f"of {self.least} weights or more" if self.least else "")))


class Mistaken(HonestAdapter):
    """Follows every law, but for what a subclass changes in the calls of `where`."""

    name = "mistaken"

    def __init__(self, where: Where = Where(), **settings: Any) -> None:  # immutable
        self.where = where
        self.__dict__.update(settings)

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
    ) -> Values:
        call = Call(initializer, shape, layout, seed, name, dtype, groups, transposed, stride)
        if call not in self.where:
            return self.right(call)
        return self.wrong(call)

    def right(self, call: Call, **changed: Any) -> Values:
        """Return what a right implementation draws, of a call in which some things are changed."""
        given = {**vars(call), **changed}
        law, shape = given.pop("law"), given.pop("shape")
        return super().sample(law, shape, **given)

    def wrong(self, call: Call) -> Values:
        """Return what is drawn where the mistake is."""
        return self.right(call)


def one(generator: np.random.Generator, of: Sequence[Any]) -> Any:
    """Return one of several things."""
    return of[int(generator.integers(len(of)))]
