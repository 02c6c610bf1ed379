"""What a backend is: the contract between the core, which plans, and a backend, which draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from fanin.plans import Plan

__all__ = ["ENTRY_POINT_GROUP", "Backend", "Capabilities", "CompilingBackend", "Description"]

ENTRY_POINT_GROUP = "fanin.backends"
"""The entry-point group. An entry point has the backend's name; its value is a class that takes no arguments."""


@dataclass(frozen=True)
class Capabilities:
    """What a backend declares that it can do; the conformance suite checks these claims.

    Attributes:
        dtypes: Names of the dtypes that it can draw, from `fanin.dtypes.DTYPES`. float32 is required.
        devices: Kinds of devices that it was written for ("cpu", "cuda", ...), as information for people.
        jit: Whether it can draw inside functions that its library compiles. If so, it is a `CompilingBackend`.
        level: "exact" if every weight has the specification's bits; "close" if weights may be rounded differently.
            A close weight is off by at most one unit in the last place, and at most three quarters of the weights of a
            drawn tensor are off, which is as many as two different roundings can change. (A constant may be off in
            every element.) A factor that is wrong by one unit is therefore detected in a tensor of some 150 elements,
            but not in a smaller one. The level applies to the elementwise rules; no backend's orthogonal matrices are
            more than close.
        rules: Kinds of the rules that it can draw (see `fanin.plans.rules`). "fill" and "draw" are required. "diagonal"
            and "masked", which are exact, and "haar", which is close, are optional.
    """

    dtypes: frozenset[str]
    devices: tuple[str, ...] = ("cpu",)
    jit: bool = False
    level: Literal["exact", "close"] = "exact"
    rules: frozenset[str] = frozenset({"fill", "draw"})


@dataclass(frozen=True)
class Description:
    """An array as the core sees it: its shape in stored order, and the name of its dtype."""

    shape: tuple[int, ...]
    dtype: str


@runtime_checkable
class Backend(Protocol):
    """A backend draws plans as arrays of one library.

    It keeps no state that a draw could change: the same plan gives the same bits in any order and from any thread.
    It touches no global random generator, default dtype or default device. Arguments that are not keyword-only are
    passed by position, so a backend may name them as it likes.
    """

    name: str
    """The backend's name, which is also that of its entry point."""

    SPEC_VERSION: int
    """The version of the specification that it implements."""

    capabilities: Capabilities
    """What it can do."""

    def draw(self, plan: Plan, *, device: Any = None) -> Any:
        """Return the array that `plan` describes.

        Args:
            plan: A plan whose dtype is among the declared ones.
            device: The device for the array, in the library's own terms; None for the library's default.

        Returns:
            A new array of shape `plan.shape` and dtype `plan.dtype`, in C order, that shares memory with no other
            array.

        Raises:
            FaninValueError: The device is unknown, or the dtype is not available at the moment.
        """
        ...

    def tobytes(self, array: Any) -> bytes:
        """Return the elements of an array of this library as little-endian bytes, in C order of its stored axes."""
        ...

    def describe(self, array: Any) -> Description:
        """Return the shape and the name of the dtype of an array of this library."""
        ...


@runtime_checkable
class CompilingBackend(Backend, Protocol):
    """A backend that can draw inside functions that its library compiles. It declares `jit=True`.

    A draw inside a compiled function has the same bits as one outside, whatever the compiler fuses, folds or reorders.
    The same holds for the product of a drawn weight and a number.
    """

    def compiled(self, function: Callable[[], Any]) -> Callable[[], Any]:
        """Return the function, compiled by the library.

        Args:
            function: A function without arguments that draws with this backend and returns a list of arrays.

        Returns:
            A function that returns equal arrays.
        """
        ...
