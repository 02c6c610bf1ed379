"""Packed parameters as several: equal pieces of one law, each with a stream of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from fanin._checks import closest
from fanin.exceptions import FaninError, FaninTypeError, FaninValueError
from fanin.initializers import MatrixInitializer
from fanin.models.parameter import Parameter, Part, packed_regions

__all__ = ["Pieces", "split"]

Pieces = Mapping[str, Sequence[str]]
"""The name of a packed parameter, or a pattern of names, to the names of its pieces."""


def split(parameters: Mapping[str, Parameter], pieces: object) -> dict[str, Parameter]:
    """Return the parameters with the packed ones as parts.

    Raises:
        FaninTypeError: `pieces` does not map names to names.
        FaninValueError: A pattern is for no parameter, or a parameter has no such pieces.
    """
    made = dict(parameters)
    for pattern, names in _checked(pieces).items():
        fitting = [name for name in parameters if fnmatchcase(name, pattern)]
        if not fitting:
            raise FaninValueError(f"no parameter is called {pattern!r}.{closest(pattern, parameters)}")
        made.update({name: _split(name, parameters[name], names) for name in fitting})
    return made


def _checked(pieces: object) -> Pieces:
    if not isinstance(pieces, Mapping):
        raise FaninTypeError(f"pieces must map names to names of pieces. Received: {type(pieces).__name__}.")
    for name, names in pieces.items():
        several = isinstance(names, Sequence) and names and all(isinstance(one, str) and one for one in names)
        if not isinstance(name, str) or not several or len(set(names)) < len(names):
            raise FaninTypeError(
                f'pieces must map a name to names of its pieces, each once: {{"*.in_proj_weight": ("q", "k", "v")}}. '
                f"Received: {name!r}: {names!r}."
            )
    return pieces


def _split(name: str, whole: Parameter, names: Sequence[str]) -> Parameter:
    """Return a parameter as equal parts with the law of the whole.

    Raises:
        FaninValueError: It does not follow one law of independent weights, or cannot be cut into as many pieces.
    """
    regions = packed_regions(whole, [whole.size // len(names)] * len(names))
    if whole.initializer is None or isinstance(whole.initializer, MatrixInitializer) or whole.parts or regions is None:
        raise FaninValueError(
            f"{name} cannot be split into {len(names)} equal pieces along its first out-axis, each with the law of the "
            f"whole. Received: shape {whole.shape}, layout {whole.layout!r}, "
            f"{whole.initializer or whole.note or f'{len(whole.parts)} parts'}."
        )
    try:
        law = whole.initializer.law(whole.initializer.fans(whole.geometry) if whole.initializer.needs_fans else None)
    except FaninError as error:
        raise type(error)(f"{name}: {error}") from error
    stream = name if whole.stream is None else whole.stream
    parts = []
    for region, piece in zip(regions, names, strict=True):
        shape = tuple(stop - start for start, stop in region)
        own = f"{stream}.{piece}" if whole.is_random else None
        parts.append(Part(region, dataclasses.replace(whole, shape=shape, initializer=law, stream=own, parts=())))
    return dataclasses.replace(whole, initializer=None, stream=None, parts=tuple(parts))
