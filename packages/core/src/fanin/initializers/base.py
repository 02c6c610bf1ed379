"""What an initializer is: a frozen value that gives the distribution of the weights, once the fans are known."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from fanin._checks import closest
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.fans import Fans
from fanin.layout import Geometry

if TYPE_CHECKING:
    from fanin.initializers.laws import Law

__all__ = ["Initializer", "MatrixInitializer"]

_KINDS: Final[dict[str, type[Initializer]]] = {}
"""Every class of initializers by its kind, for `from_dict`."""


class Initializer:
    """Base of the initializers: frozen, comparable, hashable values that give a distribution once fans are known."""

    kind: ClassVar[str]
    needs_fans: ClassVar[bool] = False
    is_random: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        if "kind" in vars(cls):
            _KINDS[cls.kind] = cls

    def fans(self, geometry: Geometry) -> Fans:
        """Return the fans that `law` uses for a tensor: those of the geometry, or a profile's own count.

        Raises:
            FaninValueError: The layout is not stated.
        """
        return geometry.fans()

    def law(self, fans: Fans | None) -> Law:
        """Return the distribution of single weights or of matrices, as one of the initializers that need no fans.

        Args:
            fans: The tensor's fans; may be None if `needs_fans` is false.
        """
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Return the initializer as plain data, `{"initializer": kind, ...settings}`; `from_dict` reads it back."""
        return {"initializer": self.kind, **dataclasses.asdict(self)}  # type: ignore[call-overload]  # all are dataclasses

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Initializer:
        """Return the initializer that `to_dict` described.

        Raises:
            FaninValueError: The kind is unknown or a setting is missing, unknown or out of range.
            FaninTypeError: `data` is not a mapping, or a setting has the wrong type.
        """
        if not isinstance(data, Mapping):
            raise FaninTypeError(
                f"an initializer's data must be a mapping, as to_dict returns it. Received: {data!r} of type "
                f"{type(data).__name__}."
            )
        settings = dict(data)
        kind = settings.pop("initializer", None)
        if isinstance(kind, str) and kind not in _KINDS:
            import fanin.profiles  # noqa: F401  # they define more kinds, and are loaded only when needed
        if not isinstance(kind, str) or kind not in _KINDS:
            raise FaninValueError(
                f'"initializer" must be one of {", ".join(_KINDS)}. Received: {kind!r}.{closest(str(kind), _KINDS)}'
            )
        try:
            return _KINDS[kind](**settings)
        except TypeError as error:
            if isinstance(error, FaninTypeError):
                raise
            names = [field.name for field in dataclasses.fields(_KINDS[kind])]  # type: ignore[arg-type]
            raise FaninValueError(f"{kind} has the settings {', '.join(names)}. Received: {settings}.") from error


class MatrixInitializer(Initializer):
    """Base of the initializers that need to know which axes are out and which are in."""

    def law(self, fans: Fans | None) -> Self:
        """Return the initializer itself, which needs no fans."""
        return self

    def regrouped(self, geometry: Geometry) -> Geometry:
        """Return the tensor whose groups have one matrix each: the tensor itself, or one with a profile's own groups.

        Raises:
            FaninValueError: The initializer is not defined for the tensor.
        """
        return geometry
