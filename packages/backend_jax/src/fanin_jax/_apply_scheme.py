"""A scheme into what a function returns: every array, in one compiled function."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec, Sharding

from fanin.dtypes import DTYPES
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.models import Parameter, Scheme
from fanin.models.parameter import part_name
from fanin_jax._backend import check_sharding
from fanin_jax._batch import Batch
from fanin_jax._record.programs import Program
from fanin_jax._record.replay import prepared
from fanin_jax._record.scheme import RecordedScheme

__all__ = ["Application", "check_scheme"]

Compute = Callable[[Sequence[Any], Sequence[Any]], Any]


class Application:
    """The compiled function that draws what a function returns.

    Args:
        recorded: The function's own scheme.
        scheme: The scheme to draw, which may be the same.
        seed: The seed.
        shardings: As `jax.jit` takes them, or None.
    """

    def __init__(self, recorded: RecordedScheme, scheme: Scheme, seed: int, shardings: Any) -> None:
        self._recording = recorded.recording
        programs = self._recording.programs
        self._shardings = [None] * len(programs) if shardings is None else _matched(shardings, recorded)
        self._batch = Batch()
        self._leaves = [
            self._leaf(program, scheme, seed, sharding)
            for program, sharding in zip(programs, self._shardings, strict=True)
        ]
        placed = self._shardings if shardings is not None else None
        self.function = jax.jit(self._draw) if placed is None else jax.jit(self._draw, out_shardings=placed)

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What the function takes."""
        return self._batch.arguments

    def built(self) -> Any:
        """Return what the recorded function returns, with new arrays."""
        return self._recording.traced.rebuild(self.function(self.arguments))

    def _draw(self, arguments: tuple[Any, ...]) -> list[Any]:
        drawn, given = self._batch.draw(arguments)
        return [leaf(drawn, given) for leaf in self._leaves]

    def _leaf(self, program: Program, scheme: Scheme, seed: int, sharding: Any) -> Compute:
        """Return what computes an array, and add what it needs to the batch."""
        leaf = program.leaf
        parameter = None if leaf.is_key else scheme[leaf.name]
        if parameter is None or not parameter.follows_laws:
            return prepared(self._recording, program, seed, self._batch)
        dtype = str(leaf.dtype)
        if dtype not in DTYPES:
            constant = getattr(parameter.initializer, "value", 0.0)
            return lambda drawn, given: jnp.full(leaf.shape, constant, leaf.dtype)
        several = sharding if _is_spread(sharding) else None
        return self._parameter(replace(parameter.with_dtype(dtype)), leaf.name, seed, several)

    def _parameter(self, parameter: Parameter, name: str, seed: int, sharding: Any) -> Compute:
        """Return what computes a parameter: its own law, and its parts over it."""
        own = parameter if parameter.initializer is not None else Parameter(parameter.shape, parameter.dtype, "zeros")  # type: ignore[arg-type]
        place = self._batch.add(own.plan(name, seed), sharding)
        parts = [
            (tuple(start for start, _ in part.region), self._parameter(part.parameter, part_name(name, k), seed, None))
            for k, part in enumerate(parameter.parts)
        ]

        def computed(drawn: Sequence[Any], given: Sequence[Any]) -> Any:
            whole = drawn[place]
            for starts, part in parts:
                whole = jax.lax.dynamic_update_slice(whole, part(drawn, given), starts)
            return whole

        return computed


def check_scheme(scheme: object, recorded: RecordedScheme) -> Scheme:
    """Return a scheme, if it is one of what a function returns.

    Raises:
        FaninTypeError: It is no scheme.
        FaninValueError: It is another function's.
    """
    if not isinstance(scheme, Scheme):
        raise FaninTypeError(
            f"scheme must be a fanin.Scheme or None. Received: {type(scheme).__name__}. Use what fanin_jax.record or "
            f"fanin.Scheme.from_json returns."
        )
    faults = []
    for name, parameter in recorded.items():
        if name not in scheme:
            close = difflib.get_close_matches(name, scheme, n=1)
            faults.append(f"{name} is not in the scheme" + (f" (which has {close[0]})" if close else ""))
        elif scheme[name].shape != parameter.shape:
            faults.append(f"{name} has shape {parameter.shape}, and {scheme[name].shape} in the scheme")
        elif parameter.dtype not in DTYPES and scheme[name].dtype != parameter.dtype:
            faults.append(f"{name} has dtype {parameter.dtype}, and {scheme[name].dtype} in the scheme")
    for name in scheme:
        if name not in recorded:
            close = difflib.get_close_matches(name, recorded, n=1)
            faults.append(
                f"the function returns no {name}, which the scheme has" + (f" (it returns {close[0]})" if close else "")
            )
    if faults:
        shown = "; ".join(faults[:8]) + (f"; and {len(faults) - 8} more" if len(faults) > 8 else "")
        raise FaninValueError(
            f"the scheme is not that of what the function returns: {shown}. Record the function itself, whose tree "
            f"must be the same at each call; or carry laws over: recorded.like(scheme, names={{target: source}})."
        )
    return scheme


def _is_spread(sharding: Any) -> bool:
    """Return whether a sharding may split an array, so that each part is to be drawn where it lives."""
    if isinstance(sharding, PartitionSpec):
        return True
    return isinstance(sharding, NamedSharding) and len(sharding.device_set) > 1


def _is_sharding(node: Any) -> bool:
    return node is None or isinstance(node, (Sharding, PartitionSpec))


def _matched(shardings: Any, recorded: RecordedScheme) -> list[Any]:
    """Return one sharding per array, of one sharding, a tree of them or a tree that is shorter.

    Raises:
        FaninTypeError: Something in it is no sharding.
        FaninValueError: It has another tree than the function returns, or does not divide an array.
    """
    traced = recorded.recording.traced
    found: list[Any] = [None] * len(traced.leaves)

    def note(sharding: Any, below: Any) -> None:
        if not _is_sharding(sharding):
            raise FaninTypeError(
                f"shardings are made of jax.sharding.Sharding, PartitionSpec and None. Received: {sharding!r} of type "
                f"{type(sharding).__name__}."
            )
        for place in jax.tree.leaves(below):
            found[place.number] = sharding

    try:
        jax.tree.map(note, shardings, traced.tree, is_leaf=_is_sharding)
    except ValueError as error:
        raise FaninValueError(
            f"the shardings do not fit what the function returns: {error}. Pass one sharding, or a tree like that of "
            f"jax.eval_shape(function, key, ...), whose branches may each be one sharding."
        ) from error
    for leaf, sharding in zip(traced.leaves, found, strict=True):
        if isinstance(sharding, Sharding):
            try:
                check_sharding(sharding, leaf.shape)
            except FaninValueError as error:
                raise FaninValueError(f"{leaf.name}: {error}") from error
    return found
