"""The names of streams: an array's own, and for a stack of layers one per layer, as if each stood by itself."""

from __future__ import annotations

from collections.abc import Sequence

from fanin.models.parameter import part_name
from fanin_jax._record.keys import Identities
from fanin_jax._record.programs import Draw, Program

__all__ = ["Streams"]


class Streams:
    """Which stream each slice of a source is drawn from: the first array that is it gives it its name.

    Args:
        programs: The arrays that a function returns.
        identities: The keys.
    """

    def __init__(self, programs: Sequence[Program], identities: Identities) -> None:
        self._programs = programs
        self._identities = identities
        self._origins = {
            id(draw): self._origin(draw) for program in programs for draw in program.draws if draw.axis is not None
        }
        self._depths: dict[object, bool] = {}
        self._names: dict[object, str] = {}

    def _origin(self, draw: Draw) -> object:
        found = self._identities.origin(draw.keys)
        return None if found is None else (found, len(draw.keys))

    def of(self, program: Program, draw: Draw) -> tuple[str, ...]:
        """Return the streams of a box that follows a law: those that its slices have, or its own."""
        place = program.draws.index(draw)
        base = program.base is draw
        streams = []
        for k, one in enumerate(draw.slices):
            identity = one if draw.whole else (one, draw.within)
            if identity not in self._names:
                name = program.leaf.name if draw.axis is None else self.stacked(program, draw, k)
                self._names[identity] = name if base else part_name(name, place)
            streams.append(self._names[identity])
        return tuple(streams)

    def source(self, identity: object, name: str) -> str:
        """Return the stream of a slice, which is this name where it has none yet."""
        return self._names.setdefault(identity, name)

    def stacked(self, program: Program, draw: Draw, number: int) -> str:
        """Return the name that a slice would have if its layer stood by itself: "blocks.3.kernel"."""
        return self._at(program, self._origins[id(draw)], len(draw.slices), number)

    def stacked_by(self, program: Program, keys: tuple[int, ...], number: int) -> str:
        """Return the name that a slice of an array that follows no law would have."""
        found = self._identities.origin(keys)
        return self._at(program, None if found is None else (found, len(keys)), len(keys), number)

    def _at(self, program: Program, origin: object, size: int, number: int) -> str:
        path = program.leaf.path
        depth = self._depth(path, origin, size)
        return ".".join((*path[:depth], str(number), *path[depth:]))

    def _depth(self, path: tuple[str, ...], origin: object, size: int) -> int:
        """Return how many parts of a path are above the stack: as few as have only arrays of it below them."""
        if origin is not None:
            for depth in range(len(path)):
                key = (origin, path[:depth])
                if key not in self._depths:
                    below = (other for other in self._programs if other.leaf.path[:depth] == path[:depth])
                    self._depths[key] = all(self._belongs(other, origin, size) for other in below)
                if self._depths[key]:
                    return depth
        return max(0, len(path) - 1)

    def _belongs(self, program: Program, origin: object, size: int) -> bool:
        if program.draws:
            stacked = {self._origins.get(id(draw)) for draw in program.draws}
            return stacked == {origin}
        return size in program.leaf.shape or program.leaf.is_key
