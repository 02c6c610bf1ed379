"""The figures of a layer, of a residual sum and of an attention, from what was seen of them."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fanin.signal import Attention, Layer, Sum
from fanin.signal.samples import Arrangement, arrangements
from fanin_jax._probe.walk import FLAT, Seen, Use

__all__ = ["arranged", "attention_of", "layer_of", "sums_of"]

_SMALLEST = 2.0**-25
"""Numbers up to this one float16 rounds to 0."""


def sums_of(seen: Seen, chosen: list[Arrangement | None], samples: int, names: list[str]) -> list[Sum]:
    """Return the residual sums that were seen.

    Args:
        seen: What was seen.
        chosen: Where the samples are in the output of each use.
        samples: How many there are.
        names: What the layer of each use is called.
    """
    known = {np.shape(use.output): way for use, way in zip(seen.uses, chosen, strict=True) if way is not None}
    found = []
    for first, second, total, where, layers in seen.sums:
        way = known.get(np.shape(total)) or next(iter(arrangements(np.shape(total), samples)), None)
        if way is not None:
            branch = min(_between(first, way), _between(second, way))
            found.append(Sum(where, _between(total, way), branch, tuple(names[slice(*layers)])))
    return found


def attention_of(logits: Any, where: str) -> Attention:
    """Return the spread and the entropy of what a softmax is taken of, masked keys left out."""
    known = jnp.asarray(logits, jnp.float32)
    seen = jnp.where(known < -1e4, jnp.nan, known)
    middle = seen - jnp.nanmean(seen, axis=-1, keepdims=True)
    shares = jax.nn.softmax(known, axis=-1)
    entropy = -jnp.mean(jnp.sum(shares * jnp.log(jnp.maximum(shares, 1e-30)), axis=-1))
    keys = max(known.shape[-1], 2)
    return Attention(where, float(jnp.sqrt(jnp.nanmean(jnp.square(middle)))), float(entropy) / math.log(keys))


def layer_of(name: str, use: Use, way: Arrangement, gradient: Any, weight: Any, by_weight: Any) -> Layer:
    """Return one layer's row.

    Args:
        name: What it is called.
        use: The product that it is.
        way: Where the samples are in its output.
        gradient: The derivative of the loss by its product; None without one.
        weight: Its weight.
        by_weight: The derivative of the loss by that; None without one.
    """
    before, units = use.before if use.before is not None else (use.output, use.units)
    seen = way if np.shape(before) == np.shape(use.output) else None
    size, moved = _rms(weight), None if by_weight is None else _rms(by_weight)
    return Layer(
        name=name,
        kind=use.kind,
        std=_between(use.output, way),
        rms=_rms(use.output),
        gradient=None if gradient is None else _rms(gradient),
        nonpositive=0.0 if seen is None else _nonpositive(before, seen, units),
        activation=use.activation,
        saturated=None if use.activation not in FLAT else float(jnp.mean(jnp.abs(before) > FLAT[use.activation])),
        weight_std=_std(weight.astype(jnp.float32)) if weight.size > 1 else None,
        weight_rms=size,
        weight_gradient=moved,
        weight_fan_in=use.fan_in,
        update=moved / size if size and moved is not None else None,
        underflow=None if gradient is None else _underflow(gradient),
        equal=_equal(use, weight, by_weight),
        is_embedding=use.kind == "embedding",
        is_head=not use.is_followed,
    )


def _equal(use: Use, weight: Any, gradient: Any) -> float | None:
    """Return the share of units that are like another in weight and gradient, and 1 where all have one weight.

    Units of zeros are meant.
    """
    kernel = np.asarray(use.kernel, np.float32)
    rest = [axis for axis in range(kernel.ndim) if axis not in use.kernel_units]
    if not use.kernel_units or not rest or not np.isfinite(kernel).all():
        return None

    def rows_of(array: Any) -> Any:
        turned = np.transpose(np.asarray(array, np.float32), (*use.kernel_units, *rest))
        return turned.reshape(math.prod(kernel.shape[axis] for axis in use.kernel_units), -1)

    rows = rows_of(kernel)
    if len(rows) < 2:
        return None
    order = np.argsort(rows @ np.sqrt(np.arange(1, rows.shape[1] + 1)), kind="stable")
    rows = rows[order]
    alike = (rows[1:] == rows[:-1]).all(1) & (rows[1:] != 0).any(1)
    if alike.all():
        return 1.0
    is_as_stored = gradient is not None and np.array_equal(np.asarray(weight, np.float32), kernel)
    if not is_as_stored or not alike.any():
        return 0.0
    moved = rows_of(gradient)[order]
    alike &= np.abs(moved[1:] - moved[:-1]).max(1) <= 1e-4 * np.abs(moved[1:]).max(1)
    return float((np.append(alike, False) | np.append(False, alike)).mean())


def _std(weight: Any) -> float:
    """Return the standard deviation: 0 of equal numbers, whose mean may be rounded."""
    return 0.0 if bool(jnp.max(weight) == jnp.min(weight)) else float(jnp.std(weight))


def _rms(array: Any) -> float:
    return float(jnp.sqrt(jnp.mean(jnp.square(jnp.asarray(array, jnp.float32)))))


def arranged(array: Any, way: Arrangement) -> Any:
    """Return an array with its samples along the first axis."""
    return np.moveaxis(np.reshape(np.asarray(array, np.float32), way.shape), way.axis, 0)


def _between(outputs: Any, way: Arrangement) -> float:
    """Return what tells one sample from another: the root of the mean variance over the samples."""
    return float(np.sqrt(np.mean(np.var(arranged(outputs, way), axis=0, ddof=1))))


def _nonpositive(outputs: Any, way: Arrangement, units: int | None) -> float:
    """Return the share of units that are 0 or below for every sample and position."""
    seen = arranged(outputs, way)
    place = None if units is None else way.place(units)
    seen = np.moveaxis(seen, -1 if place is None else place, -1)
    return float(np.mean(np.all(seen.reshape(-1, seen.shape[-1]) <= 0, axis=0)))


def _underflow(gradient: Any) -> float | None:
    size = np.abs(np.asarray(gradient, np.float32))
    known = int((size > 0).sum())
    return float(((size > 0) & (size <= _SMALLEST)).sum()) / known if known else None
