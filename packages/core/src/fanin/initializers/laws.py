"""Distributions of single weights, and the formula that gives them their scale once the fans are known.

Four distributions are drawn directly: constant, normal, uniform and truncated normal. `VarianceScaling` is one formula
for their scale, and the presets (`he_normal` and its family) are settings of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias, get_args

from fanin._checks import closest, finite_number, positive_number, real_number
from fanin.exceptions import FaninValueError
from fanin.fans import Fans
from fanin.initializers.base import Initializer, MatrixInitializer

__all__ = [
    "Constant",
    "Distribution",
    "ElementLaw",
    "Law",
    "Mode",
    "Normal",
    "TruncatedNormal",
    "Uniform",
    "VarianceScaling",
]

Mode = Literal["fan_in", "fan_out", "fan_avg", "fan_geo"]
Distribution = Literal["normal", "uniform", "truncated_normal"]


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
        _set(self, value=finite_number(self.value, "the value of a constant") + 0.0)  # -0.0 becomes 0.0

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
        _set(self, mean=finite_number(self.mean, "mean"), std=positive_number(self.std, "std"))

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
                f"Swap them, or use fanin.constant({low}) for a single value."
            )
        if math.isinf(high - low) or math.isinf(low + high):
            raise FaninValueError(
                f"high - low and low + high must fit in a double. Received: low={low}, high={high}. Use smaller bounds."
            )
        _set(self, low=low, high=high)

    def law(self, fans: Fans | None) -> Uniform:
        """Return the initializer itself, which needs no fans."""
        return self


@dataclass(frozen=True)
class TruncatedNormal(Initializer):
    """Weights follow a normal distribution truncated to [lower, upper] parent standard deviations around its mean.

    The parent is the normal distribution before truncation. `std` is the standard deviation of the weights, and
    `parent_std` that of the parent. `mean` is the mean of the parent; with asymmetric bounds the mean of the weights is
    another.
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
            std=positive_number(self.std, "std"),
            lower=lower,
            upper=upper,
        )

    @property
    def parent_std(self) -> float:
        """The standard deviation before truncation: `std / truncated_std(lower, upper)`."""
        from fanin.stream.normal_tail import truncated_std  # takes milliseconds to import

        return self.std / truncated_std(self.lower, self.upper)

    def law(self, fans: Fans | None) -> TruncatedNormal:
        """Return the initializer itself, which needs no fans."""
        return self


@dataclass(frozen=True)
class VarianceScaling(Initializer):
    """Weights with mean 0 and variance `scale / n`, where n is the fan that `mode` names."""

    kind: ClassVar[str] = "variance_scaling"
    needs_fans: ClassVar[bool] = True
    scale: float
    mode: Mode
    distribution: Distribution

    def __post_init__(self) -> None:
        _set(self, scale=positive_number(self.scale, "scale"))
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

    def law(self, fans: Fans | None) -> ElementLaw:
        """Return N(0, scale/n), its truncation at two parent standard deviations, or U(-b, b) with b = sqrt(3 scale/n).

        Raises:
            FaninValueError: n is 0, so no input reaches an output.
        """
        if fans is None or not (fan := self.fan(fans)) > 0:
            raise FaninValueError(
                f"the variance is {self.scale}/{self.mode}, but {self.mode} is 0 for this shape. Received: {fans}. "
                f"Use a shape without zero dimensions on the axes that it counts, or an initializer without fans."
            )
        variance = self.scale / fan
        if self.distribution == "normal":
            return Normal(0.0, math.sqrt(variance))
        if self.distribution == "truncated_normal":
            return TruncatedNormal(0.0, math.sqrt(variance), -2.0, 2.0)
        bound = math.sqrt(3.0 * variance)
        return Uniform(-bound, bound)


ElementLaw: TypeAlias = Constant | Normal | Uniform | TruncatedNormal
"""The distribution of single weights, which are drawn one by one."""

Law: TypeAlias = ElementLaw | MatrixInitializer
"""An initializer that needs no fans: what a plan is made from."""
