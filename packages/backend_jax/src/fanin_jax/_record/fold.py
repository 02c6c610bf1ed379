"""From the tape to what fills each value: one law, or a law and regions with a law of their own.

Whatever is not known to keep a law ends it, so that a fold is either right or not there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np

from fanin_jax._record.arithmetic import transformed
from fanin_jax._record.keys import MOVES, Identities, Keys
from fanin_jax._record.laws import Bits, Law
from fanin_jax._record.matrices import factored, signed
from fanin_jax._record.moves import joined, moved, overwritten, padded
from fanin_jax._record.ref import Ref
from fanin_jax._record.tape import Operation, Tape
from fanin_jax._record.values import (
    FEW,
    Computed,
    Even,
    Filled,
    Known,
    Source,
    Triangle,
    Unfolded,
    Value,
    array_of,
    known,
)

__all__ = ["Fold"]

_SAME: Final = frozenset({"copy", "copy_p", "stop_gradient", "sharding_constraint", "reshard", "mesh_cast", "pvary"})
_LISTS: Final = frozenset({"optimization_barrier", "device_put"})
"""Operations that return each of their operands."""

_EVEN: Final = frozenset(
    {
        *("add", "sub", "mul", "div", "neg", "sqrt", "rsqrt", "cbrt", "exp", "exp2", "log", "log1p", "expm1", "pow"),
        *("integer_pow", "square", "max", "min", "sign", "abs", "floor", "ceil", "round", "erf", "erf_inv", "tanh"),
        *("convert_element_type", "and", "or", "xor", "not", "shift_right_logical", "shift_left", "nextafter", "sin"),
        *("cos", "logistic", "rem", "eq", "ne", "lt", "le", "gt", "ge", "select_n", "is_finite", "add_any", "clamp"),
    }
)
"""Operations on each element, which make one number of one number each."""

_SPREAD: Final = frozenset(
    {
        *("reshape", "squeeze", "expand_dims", "transpose", "slice", "rev", "broadcast_in_dim", "concatenate", "stack"),
        *("tile", "dynamic_slice", *_SAME),
    }
)
"""Operations that make an array of one number of arrays of that number."""


@dataclass
class Fold:
    """What is known of each value of a tape.

    Attributes:
        tape: The tape.
        values: What is known, by a value's number.
        identities: The keys that were met.
        sources: The random sources.
    """

    tape: Tape
    values: dict[int, Value] = field(default_factory=dict)
    identities: Identities = field(default_factory=Identities)
    sources: list[Source] = field(default_factory=list)
    _numbers: dict[Source, int] = field(default_factory=dict)

    @classmethod
    def of(cls, tape: Tape) -> Fold:
        """Follow all operations of a tape."""
        fold = cls(tape)
        with jax.ensure_compile_time_eval():
            for number, given in tape.given.items():
                fold.values[number] = fold._given(number, given)
            for number in tape.arguments:
                if number not in fold.values:
                    fold.values[number] = fold._argument(number)
            for operation in tape.operations:
                inputs = [fold.values[number] for number in operation.inputs]
                made = fold._made(operation, inputs) or [_rest(inputs)] * len(operation.outputs)
                fold.values.update(zip(operation.outputs, made, strict=True))
        return fold

    def source(self, source: Source) -> int:
        """Return the number of a source, which is new or known."""
        if source not in self._numbers:
            self._numbers[source] = len(self.sources)
            self.sources.append(source)
        return self._numbers[source]

    def _given(self, number: int, given: Any) -> Value:
        """Return what is known of a value from outside."""
        if jnp.issubdtype(given.dtype, jax.dtypes.prng_key):
            words = np.asarray(jax.random.key_data(given))
            return Keys(self.identities.fresh("words", words, number, given.shape))
        few = getattr(given, "size", FEW + 1) <= FEW and getattr(given, "is_fully_addressable", True)
        return known(np.asarray(given)) if few else Computed()

    def _argument(self, number: int) -> Value:
        """Return what is known of an argument."""
        aval = self.tape.avals[number]
        if jnp.issubdtype(aval.dtype, jax.dtypes.prng_key):
            return Keys(self.identities.fresh("argument", None, number, aval.shape))
        return Computed()

    def _made(self, operation: Operation, inputs: list[Value]) -> Sequence[Value] | None:
        """Return what an operation makes; None where that is not known."""
        name, avals = operation.name, [self.tape.avals[number] for number in operation.outputs]
        if name in _LISTS and len(inputs) == len(avals):
            return inputs
        if any(isinstance(one, Keys) for one in inputs) or name in ("random_seed", "random_wrap"):
            return self._keyed(operation, inputs, avals)
        if (inputs or name == "iota") and all(isinstance(one, (Even, Known)) for one in inputs):
            return self._evaluated(operation, inputs, avals)
        if name == "qr":
            return factored(operation, inputs[0], self)
        if name in ("split", "unstack"):
            return _taken_apart(operation, inputs[0], self.tape)
        if len(avals) != 1:
            return None
        made = self._one(operation, inputs)
        if isinstance(made, Filled):
            made = made.broadcast(avals[0].shape)
        return None if made is None else [made]

    def _one(self, operation: Operation, inputs: list[Value]) -> Value | None:
        """Return the one result of an operation on random numbers."""
        name, avals = operation.name, self.tape.avals
        if name in _SAME:
            return inputs[0]
        if name in ("concatenate", "stack"):
            return joined(operation, inputs, avals)
        if name in ("dynamic_update_slice", "scatter"):
            return overwritten(operation, inputs, avals)
        if name == "pad":
            return padded(operation, inputs, avals)
        if name == "mul" and (matrix := signed(operation, inputs, self)) is not None:
            return matrix
        return moved(operation, inputs, avals) or transformed(operation, inputs, avals)

    def _keyed(self, operation: Operation, inputs: list[Value], avals: list[Any]) -> Sequence[Value] | None:
        """Return what an operation on keys makes."""
        if operation.name == "random_bits":
            assert isinstance(inputs[0], Keys)
            width = operation.params["bit_width"]
            keys = tuple(int(key) for key in inputs[0].ids.flat)
            source = self.source(Source(keys, tuple(operation.params["shape"]), ("bits", width)))
            return [Filled(Law(Bits(width), source, Ref.whole(avals[0].shape)))]
        arrays = [array_of(one, self.tape.avals[number]) for one, number in zip(inputs, operation.inputs, strict=True)]
        given = [one if isinstance(one, Keys) else array for one, array in zip(inputs, arrays, strict=True)]
        if operation.name in MOVES and all(one is not None for one in given):
            return _moved_keys(operation, given)
        made = self.identities.step(operation, given, avals[0].shape) if len(avals) == 1 else None
        if made is not None:
            return [made]
        if not all(jnp.issubdtype(aval.dtype, jax.dtypes.prng_key) for aval in avals):
            return None
        return [
            Keys(self.identities.fresh(operation.name, None, number, aval.shape))
            for number, aval in zip(operation.outputs, avals, strict=True)
        ]

    def _evaluated(self, operation: Operation, inputs: list[Value], avals: list[Any]) -> Sequence[Value] | None:
        """Return what an operation on known numbers makes, where that is not much work."""
        numbers = [one.number for one in inputs if isinstance(one, Even)]
        if inputs and len(numbers) == len(inputs) and len(avals) == 1:
            if operation.name in _EVEN:
                return [Even(np.asarray(operation.run(numbers)[0]))]
            if operation.name in _SPREAD and len({number.tobytes() for number in numbers[: _data(operation)]}) == 1:
                return [Even(numbers[0])]
        if sum(math.prod(aval.shape) for aval in avals) > FEW:
            return None
        arrays = [array_of(one, self.tape.avals[number]) for one, number in zip(inputs, operation.inputs, strict=True)]
        if any(array is None for array in arrays):
            return None
        return [known(np.asarray(made)) for made in operation.run([jnp.asarray(array) for array in arrays])]


def _data(operation: Operation) -> int | None:
    """Return how many of the operands are data, and not places; None for all."""
    return 1 if operation.name == "dynamic_slice" else None


def _rest(inputs: list[Value]) -> Value:
    """Return what is known of the result of an operation of which nothing else is known."""
    triangles = {one for one in inputs if isinstance(one, Triangle)}
    random = any(isinstance(one, (Keys, Filled, Unfolded)) for one in inputs)
    if random or len(triangles) > 1:
        return Unfolded()
    return triangles.pop() if triangles else Computed()


def _moved_keys(operation: Operation, given: list[Any]) -> Sequence[Value] | None:
    """Return keys in other places: the operation itself, done on their numbers."""
    keys = [one for one in given if isinstance(one, Keys)]
    words = {one.words for one in keys}
    mixed = operation.name in ("concatenate", "stack", "dynamic_update_slice") and not all(
        isinstance(one, Keys) for one in given[: 2 if operation.name == "dynamic_update_slice" else None]
    )
    if mixed or len(words) > 1 or any(one.ids.max(initial=0) >= 1 << 31 for one in keys):
        return None
    arrays = [jnp.asarray(one.ids.astype(np.int32)) if isinstance(one, Keys) else one for one in given]
    return [Keys(np.asarray(made, np.int64), next(iter(words))) for made in operation.run(arrays)]


def _taken_apart(operation: Operation, value: Value, tape: Tape) -> Sequence[Value] | None:
    """Return the pieces that an array is split into."""
    if not isinstance(value, Filled):
        return None
    axis, shape = operation.params["axis"], tape.avals[operation.inputs[0]].shape
    pieces: list[Value] = []
    start = 0
    for number in operation.outputs:
        size = 1 if operation.name == "unstack" else tape.avals[number].shape[axis]
        starts = [start if k == axis else 0 for k in range(len(shape))]
        stops = [start + size if k == axis else length for k, length in enumerate(shape)]
        piece = value.cut(starts, stops, [1] * len(shape))
        if piece is not None and operation.name == "unstack":
            cut_shape = tuple(1 if k == axis else length for k, length in enumerate(shape))
            piece = piece.reshaped(cut_shape, tape.avals[number].shape)
        pieces.append(Unfolded() if piece is None else piece)
        start += size
    return pieces
