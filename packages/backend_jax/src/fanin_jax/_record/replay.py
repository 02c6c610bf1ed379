"""Computing an array again that follows no law: its part of the trace, with a named stream for each random source.

The arithmetic is XLA's, so such bits may differ on another processor or in another version of JAX.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from fanin.dtypes import DTYPES
from fanin.exceptions import FaninValueError
from fanin.initializers import Constant, MatrixInitializer
from fanin.models import Parameter
from fanin.models.parameter import part_name
from fanin.stream.keys import named_key
from fanin_jax._batch import Batch
from fanin_jax._lattice import words
from fanin_jax._record.keys import Keys
from fanin_jax._record.laws import settled
from fanin_jax._record.programs import Program
from fanin_jax._record.values import Filled, Source

if TYPE_CHECKING:
    from fanin_jax._record.scheme import Recording

__all__ = ["prepared", "replayed"]

Arrays = Sequence[Any]
Compute = Callable[[Arrays, Arrays], Any]
"""A function of the arrays that a batch has drawn, and of those that were given to it."""


def replayed(recording: Recording, program: Program, seed: int) -> jax.Array:
    """Return an array that follows no law."""
    batch = Batch()
    compute = prepared(recording, program, seed, batch)
    return jax.jit(lambda arguments: compute(*batch.draw(arguments)))(batch.arguments)  # type: ignore[no-any-return]


def prepared(recording: Recording, program: Program, seed: int, batch: Batch) -> Compute:
    """Return what computes an array, and add to a batch what it needs.

    Raises:
        FaninValueError: It was made from an argument of which only the shape is known.
    """
    return _Replay(recording, program, seed, batch).compute()


class _Replay:
    """What an array is computed from: operations, as far back as what is drawn or known."""

    def __init__(self, recording: Recording, program: Program, seed: int, batch: Batch) -> None:
        self.recording, self.program, self.seed, self.batch = recording, program, seed, batch
        self.fold = recording.fold
        self.tape = recording.fold.tape
        self.count = 0

    def compute(self) -> Compute:
        """Return what computes the array."""
        makers = self.tape.makers
        cuts: dict[int, Compute] = {}
        wanted, seen = [self.program.number], set()
        while wanted:
            number = wanted.pop()
            if number in seen:
                continue
            seen.add(number)
            cut = self._cut(number, makers)
            if cut is not None:
                cuts[number] = cut
            else:
                wanted.extend(makers[number].inputs)
        operations = self.tape.slice_of(self.program.number, cuts)

        def computed(drawn: Arrays, given: Arrays) -> Any:
            values = {number: cut(drawn, given) for number, cut in cuts.items()}
            for operation in operations:
                made = operation.run([values[one] for one in operation.inputs])
                values.update(zip(operation.outputs, made, strict=True))
            return values[self.program.number]

        return computed

    def _cut(self, number: int, makers: dict[int, Any]) -> Compute | None:
        """Return what a value is where it need not be computed: given, drawn, or a key."""
        tape, value, aval = self.tape, self.fold.values[number], self.tape.avals[number]
        if number in tape.given:
            return self._given(tape.given[number])
        if number == tape.arguments[0] and not self.program.is_random:
            return self._given_key(aval)
        if number in tape.arguments and not isinstance(value, Keys):
            raise FaninValueError(
                f"{self.program.leaf.name} cannot be computed: it is made from an argument of which only the shape is "
                f"known. Received: a jax.ShapeDtypeStruct. Pass the array itself."
            )
        if isinstance(value, Keys) and self.program.is_random:
            return self._keys(value, aval)
        if not isinstance(value, Filled):
            return None
        if makers[number].name == "random_bits":
            return self._bits(value, aval)
        law = value.law
        if law is None or law.initializer is None or str(aval.dtype) not in DTYPES:
            return None
        source = self.fold.sources[law.source]
        if not (law.ref.is_consecutive and law.ref.offset == 0 and law.ref.size == source.size * len(source.keys)):
            return None
        if isinstance(law.initializer, Constant) or not law.ref.size:
            return None
        return self._drawn(settled(law.initializer, np.dtype(aval.dtype)), source, aval)

    def _given(self, array: Any) -> Compute:
        if getattr(array, "size", 0) <= 64 and isinstance(array, np.ndarray):
            return lambda drawn, given: jnp.asarray(array)
        place = self.batch.give(array)
        return lambda drawn, given: given[place]

    def _given_key(self, aval: Any) -> Compute:
        """Return the key that the function gets: of numbers that stay the framework's own."""
        low, high = self.seed & 0xFFFFFFFF, self.seed >> 32
        place = self.batch.give(np.array([low, high], np.uint32))

        def key(drawn: Arrays, given: Arrays) -> Any:
            made = jax.random.key(given[place][0], impl=_implementation(aval))
            return jax.random.fold_in(made, given[place][1]) if high else made

        return key

    def _streams(self, source: Source) -> list[str]:
        """Return the stream of each slice of a source."""
        number, self.count = self.count, self.count + 1
        several = len(source.keys) > 1
        names = []
        for k in range(len(source.keys)):
            name = self.program.leaf.name
            if several:
                name = self.recording.streams.stacked_by(self.program, source.keys, k)
            names.append(self.recording.streams.source(source.slice(k), part_name(name, number)))
        return names

    def _drawn(self, initializer: Any, source: Source, aval: Any) -> Compute:
        streams = self._streams(source)
        one = self.recording.templates.get(source.slice(0)) or Parameter(source.shape, "float32")
        layout = one.layout
        if isinstance(initializer, MatrixInitializer) and layout is None:
            layout = "I" * (len(one.shape) - 1) + "O"
        unique = list(dict.fromkeys(streams))
        whole = replace(one, dtype=str(aval.dtype), initializer=initializer, layout=layout, stream=streams[0])
        if len(unique) > 1:
            whole = replace(
                whole,
                shape=(len(unique), *one.shape),
                layout=f"S{layout if layout is not None else 'O' * len(one.shape)}",
                stream=tuple(unique),
            )
        place = self.batch.add(whole.plan(None, self.seed))
        order = np.array([unique.index(stream) for stream in streams])
        if len(unique) == len(streams):
            return lambda drawn, given: drawn[place].reshape(aval.shape)
        return lambda drawn, given: drawn[place].reshape(len(unique), *source.shape)[order].reshape(aval.shape)

    def _bits(self, value: Filled, aval: Any) -> Compute:
        """Return random bits: the words of the streams."""
        assert value.law is not None
        source = self.fold.sources[value.law.source]
        keys = np.array([named_key(self.seed, stream) for stream in self._streams(source)], np.uint32).reshape(-1, 2)
        place, width = self.batch.give(keys), aval.dtype.itemsize * 8
        count = math.prod(source.shape) * (2 if width == 64 else 1)

        def bits(drawn: Arrays, given: Arrays) -> Any:
            index = jnp.arange(count, dtype=jnp.uint32)[None, :]
            both = given[place][:, :1], given[place][:, 1:]
            found = words(both, (jnp.uint32(0), jnp.broadcast_to(index, (len(keys), count))))
            if width == 64:
                low, high = (found[:, k::2].astype(jnp.uint64) for k in (0, 1))
                return ((high << 32) | low).reshape(aval.shape)
            return (found >> (32 - width)).astype(aval.dtype).reshape(aval.shape)

        return bits

    def _keys(self, keys: Keys, aval: Any) -> Compute:
        """Return keys for an operation that draws by itself: the words of a stream each."""
        ids = keys.ids // keys.words if keys.words else keys.ids
        unique = list(dict.fromkeys(int(one) for one in ids.flat))
        streams = self._streams(Source(tuple(unique), (), "key"))
        data = np.array([named_key(self.seed, stream) for stream in streams], np.uint32).reshape(-1, 2)
        size = keys.words or _words(aval)
        data = np.tile(data, (1, -(-size // 2)))[:, :size]
        order = np.array([unique.index(int(one)) for one in ids.flat], np.int64)
        if keys.words:
            place = self.batch.give(data[order, (keys.ids % keys.words).reshape(-1)].reshape(aval.shape))
            return lambda drawn, given: given[place]
        place = self.batch.give(data[order].reshape(*aval.shape, size))
        return lambda drawn, given: jax.random.wrap_key_data(given[place], impl=_implementation(aval))


def _implementation(aval: Any) -> Any:
    """Return how keys of a type make numbers."""
    found: list[Any] = []
    jax.eval_shape(lambda key: found.append(jax.random.key_impl(key)), jax.ShapeDtypeStruct((), aval.dtype))  # type: ignore[no-untyped-call]
    return found[0]


def _words(aval: Any) -> int:
    one = jax.ShapeDtypeStruct((), aval.dtype)  # type: ignore[no-untyped-call]
    return int(jax.eval_shape(jax.random.key_data, one).shape[-1])
