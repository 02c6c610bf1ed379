"""What a backend is: the contract between the core, which plans, and a backend, which draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from fanin.plans import Plan

__all__ = ["ENTRY_POINT_GROUP", "Backend", "Capabilities", "CompilingBackend", "Description"]

ENTRY_POINT_GROUP = "fanin.backends"
"""The entry-point group: its name is the backend's, its value a class that is built without arguments."""


@dataclass(frozen=True)
class Capabilities:
    """What a backend declares it can do; the conformance suite checks what is declared.

    Attributes:
        dtypes: Names of the dtypes it draws, from `fanin.dtypes.DTYPES`; at least float32.
        devices: Device kinds that it was written for, for people to read ("cpu", "cuda", ...).
        jit: Whether it can draw inside the library's own compiled functions; if so, it is a `CompilingBackend`.
        level: "exact" if every weight has the specification's bits; "close" if weights are rounded in another way: each
            is at most one unit of the last place off, and of a drawn tensor at most three quarters are, which is as
            many as two other roundings can move (a constant may be off in all). So a factor that is off by one unit is
            seen in a tensor of some 150 elements, and in a smaller one is not. (That is of the elementwise rules; no
            backend's orthogonal matrices are more than close.)
        rules: Kinds of the rules that it draws (see `fanin.plans.rules`): at least "fill" and "draw", and where it can
            also "diagonal" and "masked", which are exact, and "haar", which is close.
    """

    dtypes: frozenset[str]
    devices: tuple[str, ...] = ("cpu",)
    jit: bool = False
    level: Literal["exact", "close"] = "exact"
    rules: frozenset[str] = frozenset({"fill", "draw"})


@dataclass(frozen=True)
class Description:
    """An array as the core sees it: its shape in stored order, and its dtype's name."""

    shape: tuple[int, ...]
    dtype: str


@runtime_checkable
class Backend(Protocol):
    """A backend draws plans as arrays of one library.

    It keeps no state that a draw could change: the same plan gives the same bits in any order, from any thread.
    It touches no global random generator, default dtype or default device. What is not keyword-only is passed by
    position, so its name is the backend's own.
    """

    name: str
    """The backend's name, that of its entry point."""

    SPEC_VERSION: int
    """The version of the specification that it implements."""

    capabilities: Capabilities
    """What it can do."""

    def draw(self, plan: Plan, *, device: Any = None) -> Any:
        """Return the array that `plan` describes.

        Args:
            plan: A plan whose dtype is among the declared ones.
            device: Where the array shall live, in the library's own terms; None for the library's default.

        Returns:
            A new array of shape `plan.shape` and dtype `plan.dtype`, in C order, that shares memory with no other.

        Raises:
            FaninValueError: The device is unknown, or a dtype is not available now.
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
    """A backend whose library compiles functions, and which can draw inside them: it declares `jit=True`.

    A draw in a compiled function has the bits of the draw outside, whatever the compiler fuses, folds or reorders; so
    has the product of the drawn weight and a number.
    """

    def compiled(self, function: Callable[[], Any]) -> Callable[[], Any]:
        """Return the function, compiled by the library.

        Args:
            function: A function without arguments that draws with this backend, and returns a list of arrays.

        Returns:
            A function that returns equal arrays.
        """
        ...
