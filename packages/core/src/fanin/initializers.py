"""Initializers: frozen values that say which law the weights follow, given the fans (specification, section 8).

Four laws are drawn directly: a constant, a normal, a uniform and a truncated normal. `VarianceScaling` is one formula
for their width, and the presets (`he_normal` and its family) are settings of it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, TypeAlias, get_args

from fanin._checks import closest, finite_number, real_number
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.layout import Fans, Geometry

__all__ = [
    "Constant",
    "Distribution",
    "Initializer",
    "Law",
    "Mode",
    "Normal",
    "TruncatedNormal",
    "Uniform",
    "VarianceScaling",
]

Mode = Literal["fan_in", "fan_out", "fan_avg", "fan_geo"]
Distribution = Literal["normal", "uniform", "truncated_normal"]

_KINDS: Final[dict[str, type[Initializer]]] = {}
"""Every initializer by its kind, for `from_dict`."""


class Initializer:
    """Base of the initializers: a frozen, comparable, hashable value that knows its law once the fans are known."""

    kind: ClassVar[str]
    needs_fans: ClassVar[bool] = False
    is_random: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        if "kind" in vars(cls):
            _KINDS[cls.kind] = cls

    def fans(self, geometry: Geometry) -> Fans:
        """Return the fans of a tensor that `law` goes by: the geometry's, or a profile's own count.

        Raises:
            FaninValueError: The layout is not stated.
        """
        return geometry.fans()

    def law(self, fans: Fans | None) -> Law:
        """Return the law of the weights, as one of the initializers that need no fans.

        Args:
            fans: The tensor's fans; None is accepted where `needs_fans` is false.
        """
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Return the initializer as plain data, `{"initializer": kind, ...settings}`; `from_dict` reads it."""
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
            import fanin.profiles  # noqa: F401  # it may be one of theirs, which are loaded only where they are needed
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


def _set(initializer: Initializer, **values: float) -> None:
    for name, value in values.items():
        object.__setattr__(initializer, name, value)


@dataclass(frozen=True)
class Constant(Initializer):
    """Every weight is `value`."""

    kind: ClassVar[str] = "constant"
    is_random: ClassVar[bool] = False
    value: float

    def __post_init__(self) -> None:
        _set(self, value=finite_number(self.value, "the value of a constant") + 0.0)  # one zero, not two that are equal

    def law(self, fans: Fans | None) -> Constant:
        """Return the initializer itself, which needs no fans."""
        return self


@dataclass(frozen=True)
class Normal(Initializer):
    """Weights follow N(mean, std^2)."""

    kind: ClassVar[str] = "normal"
    mean: float = 0.0
    std: float = 0.01

    def __post_init__(self) -> None:
        _set(self, mean=finite_number(self.mean, "mean"), std=_positive(self.std, "std"))

    def law(self, fans: Fans | None) -> Normal:
        """Return the initializer itself, which needs no fans."""
        return self


@dataclass(frozen=True)
class Uniform(Initializer):
    """Weights follow U(low, high)."""

    kind: ClassVar[str] = "uniform"
    low: float
    high: float

    def __post_init__(self) -> None:
        low, high = finite_number(self.low, "low"), finite_number(self.high, "high")
        if low >= high:
            raise FaninValueError(
                f"low must be below high. Received: low={low}, high={high}. "
                f"Swap them, or use fanin.constant({low}) for one value."
            )
        if math.isinf(high - low) or math.isinf(low + high):
            raise FaninValueError(
                f"high - low and low + high must fit a double. Received: low={low}, high={high}. Use smaller ends."
            )
        _set(self, low=low, high=high)

    def law(self, fans: Fans | None) -> Uniform:
        """Return the initializer itself, which needs no fans."""
        return self


@dataclass(frozen=True)
class TruncatedNormal(Initializer):
    """Weights follow a normal law truncated to [lower, upper] parent standard deviations about its mean.

    `std` is the standard deviation of the weights; the parent's is `parent_std`. With unequal bounds the weights' own
    mean is not the parent's, `mean`.
    """

    kind: ClassVar[str] = "truncated_normal"
    mean: float = 0.0
    std: float = 0.01
    lower: float = -2.0
    upper: float = 2.0

    def __post_init__(self) -> None:
        lower = real_number(self.lower, "lower")
        upper = real_number(self.upper, "upper")
        if lower >= upper:
            raise FaninValueError(f"lower must be below upper. Received: lower={lower}, upper={upper}. Swap them.")
        _set(
            self,
            mean=finite_number(self.mean, "mean"),
            std=_positive(self.std, "std"),
            lower=lower,
            upper=upper,
        )

    @property
    def parent_std(self) -> float:
        """The standard deviation before truncation: `std / truncated_std(lower, upper)`."""
        from fanin.normal_law import truncated_std  # takes milliseconds to import

        return self.std / truncated_std(self.lower, self.upper)

    def law(self, fans: Fans | None) -> TruncatedNormal:
        """Return the initializer itself, which needs no fans."""
        return self


@dataclass(frozen=True)
class VarianceScaling(Initializer):
    """Weights with mean 0 and variance `scale / n`, n the fan that `mode` names."""

    kind: ClassVar[str] = "variance_scaling"
    needs_fans: ClassVar[bool] = True
    scale: float
    mode: Mode
    distribution: Distribution

    def __post_init__(self) -> None:
        _set(self, scale=_positive(self.scale, "scale"))
        for name, value, choices in (
            ("mode", self.mode, get_args(Mode)),
            ("distribution", self.distribution, get_args(Distribution)),
        ):
            if value not in choices:
                raise FaninValueError(
                    f"{name} must be one of {', '.join(choices)}. Received: {value!r}.{closest(str(value), choices)}"
                )

    def fan(self, fans: Fans) -> float:
        """Return n: fan_in, fan_out, their arithmetic mean (fan_avg) or geometric mean (fan_geo)."""
        if self.mode == "fan_in":
            return fans.fan_in
        if self.mode == "fan_out":
            return fans.fan_out
        if self.mode == "fan_avg":
            return (fans.fan_in + fans.fan_out) / 2
        return math.sqrt(fans.fan_in * fans.fan_out)

    def law(self, fans: Fans | None) -> Law:
        """Return N(0, scale/n), its truncation at two parent standard deviations, or U(-b, b) with b = sqrt(3 scale/n).

        Raises:
            FaninValueError: n is 0, since then no input reaches an output.
        """
        if fans is None or not (fan := self.fan(fans)) > 0:
            raise FaninValueError(
                f"the variance is {self.scale}/{self.mode}, and {self.mode} is 0 for this shape (received: {fans}). "
                f"Use a shape without zero dimensions on the axes that it counts, or an initializer without fans."
            )
        variance = self.scale / fan
        if self.distribution == "normal":
            return Normal(0.0, math.sqrt(variance))
        if self.distribution == "truncated_normal":
            return TruncatedNormal(0.0, math.sqrt(variance), -2.0, 2.0)
        bound = math.sqrt(3.0 * variance)
        return Uniform(-bound, bound)


Law: TypeAlias = Constant | Normal | Uniform | TruncatedNormal
"""An initializer whose law is known without fans: what a plan is made from."""


def _positive(value: object, what: str) -> float:
    number = finite_number(value, what)
    if number <= 0:
        raise FaninValueError(
            f"{what} must be above 0. Received: {number}. For weights that are all equal use fanin.constant(value)."
        )
    return number
