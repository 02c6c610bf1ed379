"""Binary formats (specification, section 4.4): rounding an integer times a power of two to the nearest bit pattern."""

from __future__ import annotations

from typing import NamedTuple


class Number(NamedTuple):
    """(-1)^negative * digits * 2^exponent, exactly."""

    negative: bool
    digits: int
    exponent: int


def number(value: float | int, exponent: int = 0) -> Number:
    """Return value * 2^exponent; zero is positive."""
    numerator, denominator = value.as_integer_ratio()
    return Number(numerator < 0, abs(numerator), exponent - (denominator.bit_length() - 1))


def halved(digits: int, times: int) -> int:
    """Return digits / 2^times, rounded to the nearest integer, ties to even."""
    if times <= 0:
        return digits << -times
    whole, rest = digits >> times, digits & ((1 << times) - 1)
    half = 1 << (times - 1)
    return whole + (rest > half or (rest == half and whole & 1))


class Format(NamedTuple):
    """The width in bits, the stored mantissa bits, and the pattern of the largest finite number."""

    width: int
    mantissa: int
    largest: int

    @property
    def least(self) -> int:
        """The exponent of the smallest normal number."""
        return 2 - (1 << (self.width - self.mantissa - 2))

    def pattern(self, x: Number) -> int:
        """Return the bits of x, rounded to nearest even. Raises OverflowError beyond the largest number."""
        sign = x.negative << (self.width - 1)
        if not x.digits:
            return sign
        exponent = max(x.digits.bit_length() - 1 + x.exponent, self.least)
        units = halved(x.digits, exponent - self.mantissa - x.exponent)
        magnitude = ((exponent - self.least) << self.mantissa) + units  # the leading bit of units adds to the exponent
        if magnitude > self.largest:
            raise OverflowError
        return sign | magnitude

    def number(self, pattern: int) -> Number:
        """Return the number that bits stand for."""
        magnitude = pattern & ((1 << (self.width - 1)) - 1)
        field, digits = magnitude >> self.mantissa, magnitude & ((1 << self.mantissa) - 1)
        if field:
            field, digits = field - 1, digits | 1 << self.mantissa
        return Number(pattern != magnitude, digits, field + self.least - self.mantissa)

    def rounded(self, x: Number) -> Number:
        """Return x rounded to this format."""
        return self.number(self.pattern(x))

    def is_normal(self, x: Number) -> bool:
        """Whether a number that is not negative is at least the smallest normal one, and does not overflow."""
        if not x.digits or x.digits.bit_length() - 1 + x.exponent < self.least:
            return False
        try:
            self.pattern(x)
        except OverflowError:
            return False
        return True


def _ieee(width: int, mantissa: int) -> Format:
    return Format(width, mantissa, (((1 << (width - mantissa - 1)) - 1) << mantissa) - 1)


FORMATS = {
    "float64": _ieee(64, 52),
    "float32": _ieee(32, 23),
    "float16": _ieee(16, 10),
    "bfloat16": _ieee(16, 7),
    "float8_e5m2": _ieee(8, 2),
    "float8_e4m3fn": Format(8, 3, 0x7E),  # without infinities: only 0x7F is no number
}
