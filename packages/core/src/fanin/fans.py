"""Fans: how many inputs reach an output, and how many outputs an input reaches (specification, section 7)."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Fans", "count_fans"]


@dataclass(frozen=True, slots=True)
class Fans:
    """How many inputs reach one output, and how many outputs one input reaches (He et al. 2015, section 2.2).

    Both include the receptive field. With a stride, the fan-in of a transposed convolution need not be a whole number.
    """

    fan_in: float
    fan_out: float


def count_fans(
    outputs: int, inputs: int, kernel: int, groups: int = 1, transposed: bool = False, stride: tuple[int, ...] = ()
) -> Fans:
    """Return the fans of a kernel.

    `fan_in = in/groups * kernel`. For a transposed convolution it is divided by `prod(stride)`, since that is how many
    inputs reach one output on average. `fan_out = out/groups * kernel`.

    Args:
        outputs: Stored out-channels: all of them, or those of one group if the convolution is transposed.
        inputs: Stored in-channels: those of one group, or all of them if the convolution is transposed.
        kernel: Number of positions of the spatial axes together.
        groups: Number of groups.
        transposed: Whether the convolution is transposed.
        stride: Its stride along each spatial axis, which counts only if it is transposed.

    Example:
        >>> count_fans(128, 64, 3 * 3), count_fans(32, 64, 4 * 4, transposed=True, stride=(2, 2))
        (Fans(fan_in=576.0, fan_out=1152.0), Fans(fan_in=256.0, fan_out=512.0))
    """
    if transposed:
        return Fans((inputs // groups) * kernel / math.prod(stride), float(outputs * kernel))
    return Fans(float(inputs * kernel), float((outputs // groups) * kernel))
