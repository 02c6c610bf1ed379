"""Whether an array follows an initializer's law."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fanin.api import init
from fanin.dtypes import DTYPES
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers import (
    Constant,
    DeltaOrthogonal,
    Initializer,
    Law,
    MatrixInitializer,
    Normal,
    Orthogonal,
    Sparse,
)
from fanin.initializers.names import get_initializer
from fanin.layout import Geometry
from fanin.plans.facts import facts
from fanin.testing.distance import distance
from fanin.testing.limits import Limits
from fanin.testing.power import law_of, limits_of

__all__ = ["assert_follows"]

Floats = npt.NDArray[np.float64]


def assert_follows(
    array: object,
    initializer: str | Initializer,
    layout: str | None = None,
    false_fail_rate: float = 1e-9,
    *,
    groups: int = 1,
    transposed: bool = False,
    stride: int | Sequence[int] | None = None,
) -> None:
    """Fail unless an array looks like weights of an initializer, whoever drew them.

    For a law of single weights the mean, the mean square and the distribution function are compared with the law's,
    and every weight with its bounds. A right array fails with at most the probability `false_fail_rate`, whatever its
    size; `smallest_detectable` says which errors are found. Constants must be exact, and matrices orthogonal.

    Args:
        array: A NumPy array, or anything that `numpy.asarray` reads, torch tensors and JAX arrays included. Its dtype
            is that of the weights.
        initializer: A name or an `Initializer`, as in `fanin.init`.
        layout: One letter per axis, for initializers that count fans or make matrices.
        false_fail_rate: The probability with which a right array may fail.
        groups: Groups of a grouped convolution.
        transposed: Whether it is the kernel of a transposed convolution.
        stride: Stride of the transposed convolution.

    Raises:
        AssertionError: It does not; the message says which statistic is off, by how much, and what that looks like.
        FaninTypeError: It is no array of real numbers.
        FaninValueError: An argument is invalid.

    Example:
        >>> import fanin
        >>> weight = fanin.init((256, 64), "he", layout="OI", name="fc.weight")
        >>> assert_follows(weight, "he", layout="OI")
        >>> try:
        ...     assert_follows(weight, "lecun_normal", layout="OI")
        ... except AssertionError as error:
        ...     print(str(error).partition(",")[2].partition(",")[0].strip())
        0.125^2) of lecun_normal: their standard deviation is 1.41 times 0.125
    """
    values, dtype = _read(array)
    geometry = Geometry.of(values.shape, layout, groups, transposed, stride)
    one = get_initializer(initializer)
    law = one.law(one.fans(geometry) if one.needs_fans else None)
    name = initializer if isinstance(initializer, str) else str(initializer)
    if not values.size:
        raise FaninValueError(f"an array without elements follows any law. Received: shape {values.shape}.")
    limits = None
    if not isinstance(law, (Constant, MatrixInitializer)):
        limits = limits_of(values.size, law_of(law, None), false_fail_rate)
    if not np.isfinite(values).all():
        faults = [f"{int((~np.isfinite(values)).sum())} of them are NaN or infinite"]
    else:
        with np.errstate(over="ignore", invalid="ignore"):  # finite weights, whose squares or sums are not
            if limits is not None:
                faults = list(_of_single_weights(values, dtype, limits))
            else:
                faults = list(_of_a_whole(values, dtype, law, geometry, false_fail_rate))
    if faults:
        raise AssertionError(
            f"{values.size} weights do not follow {facts(law, geometry).law} of {name}: {'; '.join(faults)}."
        )


def _read(array: object) -> tuple[Floats, str]:
    """Return an array's numbers as doubles, and the name of its dtype."""
    given: Any = array
    if hasattr(given, "detach"):  # torch
        given = given.detach()
        dtype = str(given.dtype).removeprefix("torch.")
        given = _read_torch(given) if dtype in DTYPES else np.empty(0)
    else:
        try:
            given = np.asarray(given)
        except ValueError as error:  # rows of several lengths
            raise FaninTypeError(f"weights are an array. Received: {type(array).__name__}, and {error}") from error
        dtype = given.dtype.name
    if dtype not in DTYPES:
        raise FaninTypeError(
            f"weights are an array of {', '.join(DTYPES)}. Received: {type(array).__name__} of dtype {dtype}."
        )
    return np.asarray(given, np.float64), dtype


def _read_torch(tensor: Any) -> Floats:
    """Return the numbers of a tensor of torch.

    Raises:
        FaninValueError: It has no values, or not all of them are in this process's memory, one beside the other.
    """
    if tensor.is_meta:
        raise FaninValueError(
            "a tensor on the meta device has no values that could follow a law. Initialize it first, on a real device."
        )
    if str(tensor.layout) != "torch.strided" or tensor.is_nested or hasattr(tensor, "full_tensor"):
        what = "distributed" if hasattr(tensor, "full_tensor") else "nested" if tensor.is_nested else str(tensor.layout)
        raise FaninValueError(
            f"weights are a dense tensor. Received: one that is {what}. Pass tensor.full_tensor() of a distributed "
            f"one, tensor.to_dense() of a sparse one, or a part of a nested one."
        )
    found: Floats = tensor.to(device="cpu").double().numpy()
    return found


def _of_single_weights(values: Floats, dtype: str, limits: Limits) -> Iterator[str]:
    law = limits.law
    low, high = (_rounded(end, dtype) for end in law.bounds)
    if (outside := int(((values < low) | (values > high)).sum())) > 0:
        yield (
            f"{outside} lie outside of [{low:.6g}, {high:.6g}], from {values.min():.6g} to {values.max():.6g}"
            f"{_rounded_elsewhere(values, law.bounds)}"
        )
    standard = (values.ravel() - law.mean) / law.std
    shift = float(standard.mean())
    if abs(shift) > limits.mean:
        yield (
            f"their mean is {values.mean():.6g}, {abs(shift):.3g} standard deviations from {law.mean:.6g}, and at most "
            f"{limits.mean:.3g} are expected"
        )
    square, (least, most) = float((standard**2).mean()), limits.squares
    if not least <= square <= most:
        ratio, ends = math.sqrt(square), (math.sqrt(max(least, 0.0)), math.sqrt(most))
        yield (
            f"their standard deviation is {ratio:.3g} times {law.std:.6g}, and {ends[0]:.4g} to {ends[1]:.4g} times is "
            f"expected{_likely(ratio)}"
        )
    off = distance(values.ravel(), dtype, limits.law)
    if off > limits.cdf:
        yield f"their distribution function is off by {off:.3g}, and at most {limits.cdf:.3g} is expected"


def _rounded(end: float, dtype: str) -> float:
    """Return a bound as the weights' dtype may round it, away from zero."""
    return end if math.isinf(end) else end * (1 + 2.0 ** -DTYPES[dtype].mantissa)


def _rounded_elsewhere(values: Floats, ends: tuple[float, float]) -> str:
    """Return in which dtype the weights were on their way, where one that is less precise explains their ends."""
    for dtype in ("float16", "bfloat16"):
        low, high = (_rounded(end, dtype) for end in ends)
        if low <= values.min() and values.max() <= high:
            return f", which looks like weights that were rounded to {dtype}"
    return ""


def _likely(ratio: float) -> str:
    """Return what a wrong scale looks like."""
    known = (
        (math.sqrt(2), "a gain of sqrt(2) too much"),
        (1 / math.sqrt(2), "a forgotten gain of sqrt(2)"),
        (2.0, "a factor of 2 in place of its root"),
        (0.8796, "a truncation that is not corrected"),
        (1 / 0.8796, "a correction for a truncation that is none"),
        (math.sqrt(3), "a bound taken for a standard deviation"),
        (1 / math.sqrt(3), "a standard deviation taken for a bound"),
        (math.sqrt(1 / 6), "torch's default, sqrt(1/3) in place of sqrt(2)"),
    )
    return next((f", which looks like {cause}" for factor, cause in known if abs(ratio / factor - 1) < 0.02), "")


def _of_a_whole(values: Floats, dtype: str, law: Law, geometry: Geometry, rate: float) -> Iterator[str]:
    """Yield what is wrong with constants and matrices."""
    if isinstance(law, Constant):
        expected = float(np.asarray(init((1,), law, dtype=dtype)).astype(np.float64)[0])
        if (wrong := int((values != expected).sum())) > 0:
            yield f"{wrong} are not {expected:g}, from {values.min():.6g} to {values.max():.6g}"
        return
    if isinstance(law, (Orthogonal, DeltaOrthogonal, Sparse)):
        yield from _of_a_matrix(values, dtype, law, geometry, rate)
        return
    same = init(
        geometry.shape,
        law,
        layout=geometry.layout,
        dtype=dtype,
        groups=geometry.groups,
        transposed=geometry.transposed,
        stride=geometry.stride if geometry.transposed else None,
    )
    if (wrong := int((values != np.asarray(same).astype(np.float64)).sum())) > 0:
        yield f"{wrong} are others"


def _of_a_matrix(
    values: Floats, dtype: str, law: Orthogonal | DeltaOrthogonal | Sparse, geometry: Geometry, rate: float
) -> Iterator[str]:
    if geometry.groups > 1 or geometry.transposed or geometry.stack_axis is not None:
        raise FaninValueError("matrices in groups, stacks and transposed kernels are tested one by one: pass a slice.")
    letters = geometry.layout or ""
    order = [k for letter in "OIDHW" for k, one in enumerate(letters) if one == letter]
    rows = geometry.channels("O")
    matrix = values.transpose(order).reshape(rows, -1)
    if isinstance(law, Sparse):
        zeros = math.ceil(law.sparsity * rows)
        counts = (matrix == 0).sum(axis=0)
        if (counts < zeros).any():
            yield f"a column has {counts.min()} zeros, and {zeros} are expected"
        rest = matrix[matrix != 0]
        if rest.size:
            yield from _of_single_weights(rest, dtype, limits_of(rest.size, law_of(Normal(0.0, law.std), None), rate))
        return
    if isinstance(law, DeltaOrthogonal):
        taps = matrix.reshape(rows, geometry.channels("I"), -1)
        centre = taps.shape[2] // 2
        if np.delete(taps, centre, axis=2).any():
            yield "taps beside the centre are not 0"
        matrix = taps[:, :, centre]
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    error = float(np.abs(wide @ wide.T / law.gain**2 - np.eye(wide.shape[0])).max())
    limit = 64 * 2.0 ** -DTYPES[dtype].mantissa
    if error > limit:
        yield f"they are not {law.gain:g} times orthonormal rows: off by {error:.3g}, expected {limit:.3g} at most"
