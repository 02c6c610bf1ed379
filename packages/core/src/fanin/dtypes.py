"""The floating-point formats that weights can have, and rounding to them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from fanin._checks import closest
from fanin.exceptions import FaninTypeError, FaninValueError

__all__ = ["DTYPES", "DType", "dtype_of"]


@dataclass(frozen=True, slots=True)
class DType:
    """One binary floating-point format.

    Attributes:
        name: The name that NumPy, torch and JAX share.
        bits: Width in bits.
        mantissa: Stored mantissa bits.
        max_exponent: Largest exponent e of a finite number 1.xxx * 2^e.
        largest: Largest finite number.
        infinities: Whether the format has infinities. Without them, an overflow gives NaN.
        compute: The format in which the weight is computed before it is rounded to this one.
    """

    name: str
    bits: int
    mantissa: int
    max_exponent: int
    largest: float
    infinities: bool
    compute: Literal["float32", "float64"]

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.bits // 8

    @property
    def min_exponent(self) -> int:
        """Exponent of the smallest normal number."""
        return 2 - (1 << (self.bits - self.mantissa - 2))

    @property
    def smallest_normal(self) -> float:
        """The smallest positive normal number."""
        return math.ldexp(1.0, self.min_exponent)

    def round(self, value: float) -> float:
        """Return the double `value` rounded to this format, ties to even. A value that is too large gives an infinity.

        A zero result keeps the sign of `value`, as in IEEE 754.

        Example:
            >>> DTYPES["bfloat16"].round(1 / 3)
            0.333984375
        """
        if value == 0.0 or not math.isfinite(value) or self.name == "float64":
            return value
        exponent = max(math.frexp(value)[1] - 1, self.min_exponent)
        step = math.ldexp(1.0, exponent - self.mantissa)
        rounded = round(value / step) * step  # all exact except `round`, which rounds half to even
        return math.copysign(math.inf if abs(rounded) > self.largest else rounded, value)

    def encode(self, value: float) -> int:
        """Return the bit pattern of `value` as an unsigned integer. The format must hold `value` exactly.

        Example:
            >>> hex(DTYPES["float32"].encode(-1.5))
            '0xbfc00000'
        """
        sign = (1 << (self.bits - 1)) if math.copysign(1.0, value) < 0 else 0
        if value == 0.0:
            return sign
        magnitude = abs(value)
        exponent = max(math.frexp(magnitude)[1] - 1, self.min_exponent)
        units = int(math.ldexp(magnitude, self.mantissa - exponent))
        # The leading bit of a normal number, units >> mantissa, adds one to the exponent field; a subnormal has none.
        return sign | (((exponent - self.min_exponent) << self.mantissa) + units)


DTYPES: Final[dict[str, DType]] = {
    dtype.name: dtype
    for dtype in (
        DType("float64", 64, 52, 1023, 1.7976931348623157e308, True, "float64"),
        DType("float32", 32, 23, 127, (2 - 2.0**-23) * 2.0**127, True, "float32"),
        DType("float16", 16, 10, 15, 65504.0, True, "float32"),
        DType("bfloat16", 16, 7, 127, (2 - 2.0**-7) * 2.0**127, True, "float32"),
        DType("float8_e5m2", 8, 2, 15, 57344.0, True, "float32"),
        DType("float8_e4m3fn", 8, 3, 8, 448.0, False, "float32"),
    )
}
"""Every format of the specification, by name. A backend declares which of them it can draw."""


def dtype_of(dtype: object) -> DType:
    """Return the format that a name, or a dtype object of an array library, stands for.

    Args:
        dtype: "float32", `numpy.float32`, `numpy.dtype("float32")`, `torch.float32`, `jax.numpy.float32`, ...

    Raises:
        FaninValueError: It is a dtype that weights cannot have (integer, complex, bool), or an unknown name.
        FaninTypeError: It is not a dtype.

    Example:
        >>> dtype_of("bfloat16").bits
        16
    """
    if isinstance(dtype, str):
        name = dtype
    elif isinstance(named := getattr(dtype, "name", None) or getattr(dtype, "__name__", None), str):
        name = named  # numpy.dtype has a name; scalar classes (NumPy's, JAX's) have a __name__
    elif str(dtype).startswith("torch."):
        name = str(dtype).removeprefix("torch.")
    else:
        raise FaninTypeError(
            f"dtype must be the name of a floating-point format or a library's dtype. Received: {dtype!r} of type "
            f"{type(dtype).__name__}. Accepted: {', '.join(DTYPES)}."
        )
    if name in DTYPES:
        return DTYPES[name]
    raise FaninValueError(_unknown(name, repr(dtype)))


@lru_cache(maxsize=64)
def _unknown(name: str, received: str) -> str:
    kind = "weights must be real floating-point numbers. Received: dtype" if _is_other(name) else "unknown dtype"
    hint = "" if _is_other(name) else closest(name.rpartition(".")[2], DTYPES)
    return f"{kind} {received}. Accepted: {', '.join(DTYPES)}.{hint}"


def _is_other(name: str) -> bool:
    return name.startswith(("int", "uint", "complex", "bool", "str", "object", "datetime", "timedelta"))
