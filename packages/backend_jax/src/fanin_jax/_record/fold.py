"""From the tape to what fills each value: one law, or a law and regions with a law of their own.

Whatever is not known to keep a law ends it, so that a fold is either right or not there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from fanin.initializers import Constant
from fanin.initializers.names import profile
from fanin_jax._record.keys import MOVES, Identities, Keys
from fanin_jax._record.laws import Bits, Law, Orthonormal, affine, bitcast, clamped, quantile_of, shifted
from fanin_jax._record.ref import Ref
from fanin_jax._record.tape import Operation, Tape

__all__ = ["Computed", "Even", "Filled", "Fold", "Keys", "Known", "Region", "Source", "Unfolded"]

_FEW: Final = 1 << 14
"""Elements of an array that are computed while the tape is read."""

_SAME: Final = frozenset({"copy", "copy_p", "stop_gradient", "sharding_constraint", "reshard", "mesh_cast", "pvary"})
_LISTS: Final = frozenset({"optimization_barrier", "device_put"})
"""Operations that return each of their operands."""

_ELEMENTWISE: Final = frozenset(
    {
        *("add", "sub", "mul", "div", "neg", "sqrt", "rsqrt", "cbrt", "exp", "exp2", "log", "log1p", "expm1", "pow"),
        *("integer_pow", "square", "max", "min", "sign", "abs", "floor", "ceil", "round", "erf", "erf_inv", "tanh"),
        *("convert_element_type", "and", "or", "xor", "not", "shift_right_logical", "shift_left", "nextafter", "sin"),
        *("cos", "logistic", "rem", "eq", "ne", "lt", "le", "gt", "ge", "select_n", "is_finite", "add_any", "clamp"),
    }
)

Region = tuple[tuple[int, int], ...]
"""A hyper-rectangle of an array: (start, stop) for each axis."""


@dataclass(frozen=True, slots=True)
class Even:
    """An array of which every element is one number, of no axes."""

    number: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Known:
    """A small array whose numbers are known."""

    array: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Computed:
    """An array without random numbers."""


@dataclass(frozen=True, slots=True)
class Unfolded:
    """An array that has random numbers and follows no law."""


@dataclass(frozen=True, slots=True)
class Triangle:
    """The second factor of a QR decomposition, or what was computed from it alone.

    Attributes:
        number: The number of that factor.
    """

    number: int


@dataclass(frozen=True, slots=True)
class Filled:
    """What fills an array.

    Attributes:
        base: The law, or the constant, of the elements that no region has; None where regions have all.
        regions: Boxes with a law, or a constant, of their own, the latest last.
    """

    base: Law | float | None
    regions: tuple[tuple[Region, Law | float], ...] = ()

    @property
    def law(self) -> Law | None:
        """The law of all elements, or None."""
        return self.base if isinstance(self.base, Law) and not self.regions else None

    def mapped(self, function: Callable[[Law | float], Law | float | None]) -> Filled | None:
        """Return what a function of each element makes of it, or None where some law does not survive."""
        base = None if self.base is None else function(self.base)
        regions = [(region, function(law)) for region, law in self.regions]
        if (self.base is not None and base is None) or any(law is None for _, law in regions):
            return None
        return Filled(base, tuple((region, law) for region, law in regions if law is not None))


Value = Keys | Even | Known | Computed | Unfolded | Triangle | Filled


@dataclass(frozen=True, slots=True)
class Source:
    """Random numbers that were drawn at once: for each of some keys, an array.

    Attributes:
        keys: The key of each slice.
        shape: The shape of a slice.
        kind: What was drawn of it.
    """

    keys: tuple[int, ...]
    shape: tuple[int, ...]
    kind: object

    @property
    def size(self) -> int:
        """The number of elements of a slice."""
        return math.prod(self.shape)

    def slice(self, number: int) -> object:
        """Return what identifies a slice: two sources may have one in common."""
        return self.keys[number], self.shape, self.kind


@dataclass
class Fold:
    """What is known of each value of a tape."""

    tape: Tape
    values: dict[int, Value] = field(default_factory=dict)
    identities: Identities = field(default_factory=Identities)
    sources: list[Source] = field(default_factory=list)
    numbers: dict[Source, int] = field(default_factory=dict)

    @classmethod
    def of(cls, tape: Tape, unknown: Sequence[int] = ()) -> Fold:
        """Follow all operations of a tape.

        Args:
            tape: The tape.
            unknown: Arguments whose numbers will be known only later.
        """
        fold = cls(tape)
        with jax.ensure_compile_time_eval():
            for number, given in tape.given.items():
                fold.values[number] = _given(given, fold.identities)
            for number in tape.arguments:
                if number not in fold.values:
                    fold.values[number] = fold._argument(number)
            for operation in tape.operations:
                fold._step(operation)
        return fold

    def _argument(self, number: int) -> Value:
        aval = self.tape.avals[number]
        if jnp.issubdtype(aval.dtype, jax.dtypes.prng_key):
            return Keys(self.identities._fresh("argument", None, number, aval.shape))
        return Computed()

    def _step(self, operation: Operation) -> None:
        """Follow one operation."""
        inputs = [self.values[number] for number in operation.inputs]
        made = self._made(operation, inputs)
        if made is None:
            made = [self._rest(inputs)] * len(operation.outputs)
        self.values.update(zip(operation.outputs, made, strict=True))

    @staticmethod
    def _rest(inputs: list[Value]) -> Value:
        """Return what is known of the result of an operation that nothing else is known of."""
        triangles = {one for one in inputs if isinstance(one, Triangle)}
        others = [one for one in inputs if not isinstance(one, (Even, Known, Computed, Triangle))]
        if others or len(triangles) > 1:
            return Unfolded()
        return triangles.pop() if triangles else Computed()

    def _made(self, operation: Operation, inputs: list[Value]) -> Sequence[Value] | None:
        name, avals = operation.name, [self.tape.avals[number] for number in operation.outputs]
        if name in _LISTS and len(inputs) == len(avals):
            return inputs
        if any(isinstance(one, Keys) for one in inputs) or name in ("random_seed", "random_wrap"):
            return self._keyed(operation, inputs, avals)
        if all(isinstance(one, (Even, Known)) for one in inputs):
            return self._evaluated(operation, inputs, avals)
        if name == "qr":
            return self._factored(operation, inputs[0])
        if len(avals) != 1:
            return None
        made = self._one(operation, inputs)
        return None if made is None else [made]

    def _keyed(self, operation: Operation, inputs: list[Value], avals: list[Any]) -> Sequence[Value] | None:
        """Return what an operation on keys makes."""
        if operation.name == "random_bits":
            assert isinstance(inputs[0], Keys)
            kind = "bits", operation.params["bit_width"]
            source = self._source(Source(tuple(inputs[0].ids.flat), tuple(operation.params["shape"]), kind))
            return [Filled(Law(Bits(kind[1]), source, Ref.whole(avals[0].shape)))]
        known = [_array(one, self.tape.avals[number]) for one, number in zip(inputs, operation.inputs, strict=True)]
        given = [one if isinstance(one, Keys) else array for one, array in zip(inputs, known, strict=True)]
        if operation.name in MOVES and all(one is not None for one in given):
            return self._moved_keys(operation, given)
        made = self.identities.step(operation, given, avals[0].shape) if len(avals) == 1 else None
        if made is None and all(jnp.issubdtype(aval.dtype, jax.dtypes.prng_key) for aval in avals):
            return [
                Keys(self.identities._fresh(operation.name, None, number, aval.shape))
                for number, aval in zip(operation.outputs, avals, strict=True)
            ]
        return None if made is None else [made]

    @staticmethod
    def _moved_keys(operation: Operation, given: list[Any]) -> Sequence[Value] | None:
        """Return keys in other places: the operation itself, done on their numbers."""
        words = {one.words for one in given if isinstance(one, Keys)}
        if len(words) > 1 or any(isinstance(one, Keys) and one.ids.max(initial=0) >= 1 << 31 for one in given):
            return None
        arrays = [jnp.asarray(one.ids.astype(np.int32)) if isinstance(one, Keys) else one for one in given]
        mixed = operation.name in ("concatenate", "dynamic_update_slice") and not all(
            isinstance(one, Keys) for one in given[:2]
        )
        if mixed:
            return None
        return [Keys(np.asarray(made, np.int64), next(iter(words))) for made in operation.run(arrays)]

    def _source(self, source: Source) -> int:
        if source not in self.numbers:
            self.numbers[source] = len(self.sources)
            self.sources.append(source)
        return self.numbers[source]

    def _evaluated(self, operation: Operation, inputs: list[Value], avals: list[Any]) -> Sequence[Value] | None:
        """Return what an operation on known numbers makes, where that is not much work."""
        even = all(isinstance(one, Even) for one in inputs) and bool(inputs)
        if even and len(avals) == 1 and operation.name in _ELEMENTWISE:
            numbers = [one.number for one in inputs if isinstance(one, Even)]
            return [Even(np.asarray(operation.run(numbers)[0]))]
        if even and len(avals) == 1 and operation.name in (*MOVES, *_SAME) and operation.name not in _INDEXED:
            numbers = [one.number for one in inputs if isinstance(one, Even)]
            if all(number.tobytes() == numbers[0].tobytes() for number in numbers):
                return [Even(numbers[0])]
        if sum(math.prod(aval.shape) for aval in avals) > _FEW:
            return None
        arrays = [_array(one, self.tape.avals[number]) for one, number in zip(inputs, operation.inputs, strict=True)]
        if any(array is None for array in arrays):
            return None
        return [_known(np.asarray(made)) for made in operation.run([jnp.asarray(array) for array in arrays])]

    def _factored(self, operation: Operation, value: Value) -> Sequence[Value] | None:
        """Return the factors of a QR decomposition of normal numbers, each matrix from one key."""
        law = value.law if isinstance(value, Filled) else None
        aval = self.tape.avals[operation.inputs[0]]
        rows, columns = aval.shape[-2:]
        from fanin.initializers import Normal

        if law is None or not isinstance(law.drawn, Normal) or law.drawn.mean != 0:
            return None
        source = self.sources[law.source]
        if not (law.ref.is_consecutive and law.ref.offset == 0) or operation.params.get("pivoting"):
            return None
        if source.size != rows * columns or len(source.keys) * source.size != math.prod(aval.shape):
            return None
        if operation.params["full_matrices"] and rows > columns:
            return None
        shape = self.tape.avals[operation.outputs[0]].shape
        matrix = self._source(Source(source.keys, shape[-2:], ("orthogonal", source.shape)))
        triangle = Triangle(operation.outputs[1])
        return [Filled(Law(Orthonormal(), matrix, Ref.whole(shape))), triangle]

    def _one(self, operation: Operation, inputs: list[Value]) -> Value | None:
        """Return what an operation with one result makes of random numbers."""
        name, first = operation.name, inputs[0] if inputs else None
        shape = self.tape.avals[operation.outputs[0]].shape
        if name in _SAME:
            return first
        if name in ("convert_element_type", "reduce_precision"):
            return self._converted(operation, first)
        if name == "concatenate":
            return self._joined(operation, inputs)
        if name in ("dynamic_update_slice", "scatter"):
            return self._overwritten(operation, inputs)
        if name == "pad":
            return self._padded(operation, inputs)
        if name in ("max", "min", "clamp"):
            return self._clamped(operation, inputs)
        if name in ("add", "add_any", "sub", "mul", "div", "neg"):
            return self._affine(operation, inputs)
        if name == "mul" or not isinstance(first, Filled):
            return None
        moved = _moved(operation, first, self.tape.avals[operation.inputs[0]].shape, shape, inputs)
        if moved is not None:
            return moved
        function = self._function(operation, inputs)
        if function is None:
            return None
        return first.mapped(lambda law: law.becomes(function(law.drawn)) if isinstance(law, Law) else None)

    def _function(self, operation: Operation, inputs: list[Value]) -> Callable[[Any], Any] | None:
        """Return what an operation on each element makes of a law."""
        name = operation.name
        dtype = np.dtype(self.tape.avals[operation.outputs[0]].dtype)
        if name == "erf_inv":
            return lambda drawn: quantile_of(drawn, dtype)
        if name == "bitcast_convert_type":
            return lambda drawn: bitcast(drawn, dtype)
        number = _number(inputs[1]) if len(inputs) > 1 else None
        if name == "shift_right_logical" and number is not None:
            return lambda drawn: shifted(drawn, int(number))
        if name == "or" and number is not None:
            return lambda drawn: _under(drawn, int(number))
        return None

    def _converted(self, operation: Operation, value: Value | None) -> Value | None:
        """Return a law in another dtype: no random number becomes a whole one, and bits only become wider."""
        before = np.dtype(self.tape.avals[operation.inputs[0]].dtype)
        after = np.dtype(self.tape.avals[operation.outputs[0]].dtype)
        if not isinstance(value, Filled):
            return None
        if jnp.issubdtype(after, jnp.floating) and jnp.issubdtype(before, jnp.floating):
            return value
        wider = before.kind == after.kind == "u" and after.itemsize >= before.itemsize
        return value if wider and value.law is not None and isinstance(value.law.drawn, Bits) else None

    def _affine(self, operation: Operation, inputs: list[Value]) -> Value | None:
        name = operation.name
        dtype = self.tape.avals[operation.outputs[0]].dtype
        if name == "mul" and (signed := self._signed(operation, inputs)) is not None:
            return signed
        if not jnp.issubdtype(dtype, jnp.floating):
            return None
        if name == "neg":
            return _each(inputs[0], -1.0, 0.0)
        for value, other, is_first in ((inputs[0], inputs[1], True), (inputs[1], inputs[0], False)):
            number = _number(other)
            if not isinstance(value, Filled) or number is None:
                continue
            if name == "mul":
                return _each(value, number, 0.0)
            if name == "div":
                return _each(value, 1.0 / number, 0.0) if is_first and number else None
            if name == "sub":
                return _each(value, 1.0, -number) if is_first else _each(value, -1.0, number)
            return _each(value, 1.0, number)
        return None

    def _signed(self, operation: Operation, inputs: list[Value]) -> Value | None:
        """Return an orthogonal matrix, where the first factor gets the signs of the second one's diagonal."""
        for place in (0, 1):
            value, other = inputs[place], inputs[1 - place]
            law = value.law if isinstance(value, Filled) else None
            if law is None or not isinstance(law.drawn, Orthonormal) or not isinstance(other, Triangle):
                continue
            shape = self.tape.avals[operation.inputs[place]].shape
            if law.ref != Ref.whole(shape) or not self._are_signs(operation.inputs[1 - place], other, shape):
                return None
            return Filled(law.becomes(profile("jax:orthogonal")))
        return None

    def _are_signs(self, number: int, triangle: Triangle, shape: tuple[int, ...]) -> bool:
        """Return whether a value is the signs of a factor's diagonal: tried on numbers."""
        aval = self.tape.avals[triangle.number]
        maker = self.tape.makers()[triangle.number]
        if self.values.get(maker.outputs[0]) is None:
            return False
        trial = np.cos(1.0 + np.arange(math.prod(aval.shape))).reshape(aval.shape).astype(aval.dtype)
        cuts = {triangle.number: jnp.asarray(trial)} | {
            key: jnp.asarray(given) for key, given in self.tape.given.items() if isinstance(given, np.ndarray)
        }
        try:
            found = _followed(self.tape.slice_of(number, cuts), cuts, number)
        except KeyError:
            return False
        signs = np.sign(np.diagonal(trial, axis1=-2, axis2=-1))
        expected = np.broadcast_to(signs[..., None, :], shape)
        return found.ndim == len(shape) and np.array_equal(np.broadcast_to(found, shape), expected)

    def _clamped(self, operation: Operation, inputs: list[Value]) -> Value | None:
        """Return a law within bounds that cut nothing off."""
        values = [one for one in inputs if isinstance(one, Filled)]
        numbers = [_number(one) for one in inputs if not isinstance(one, Filled)]
        if len(values) != 1 or any(number is None for number in numbers):
            return None
        if operation.name == "clamp" and not isinstance(inputs[1], Filled):
            return None
        bounds = [float(number) for number in numbers if number is not None]
        low = bounds[0] if operation.name != "min" else -math.inf
        high = bounds[-1] if operation.name != "max" else math.inf
        return values[0].mapped(
            lambda law: law.becomes(clamped(law.drawn, low, high))
            if isinstance(law, Law)
            else law
            if low <= law <= high
            else None
        )

    def _joined(self, operation: Operation, inputs: list[Value]) -> Value | None:
        """Return what concatenation makes: a region for each array."""
        axis, start = operation.params["dimension"], 0
        made: list[tuple[Region, Law | float]] = []
        for value, number in zip(inputs, operation.inputs, strict=True):
            shape = self.tape.avals[number].shape
            whole = tuple((0, size) for size in shape)
            pieces = _pieces(value, whole)
            if pieces is None:
                return None
            for region, law in pieces:
                moved = (region[axis][0] + start, region[axis][1] + start)
                made.append(((*region[:axis], moved, *region[axis + 1 :]), law))
            start += shape[axis]
        return _whole(made, self.tape.avals[operation.outputs[0]].shape)

    def _overwritten(self, operation: Operation, inputs: list[Value]) -> Value | None:
        """Return an array of which a box was written anew."""
        shape = self.tape.avals[operation.outputs[0]].shape
        is_slice = operation.name == "dynamic_update_slice"
        target, update = inputs[0], inputs[1] if is_slice else inputs[2]
        places = [
            _array(one, self.tape.avals[number])
            for one, number in zip(inputs, operation.inputs, strict=True)
            if one is not target and one is not update
        ]
        base = _pieces(target, tuple((0, size) for size in shape))
        update_shape = self.tape.avals[operation.inputs[1 if is_slice else 2]].shape
        law = _pieces(update, tuple((0, size) for size in update_shape))
        if base is None or law is None or len(law) != 1 or any(place is None for place in places):
            return None
        if is_slice:
            starts = [int(np.clip(place, 0, size - length)) for place, size, length in zip(places, shape, update_shape, strict=True)]
            region: Region | None = tuple((at, at + length) for at, length in zip(starts, update_shape, strict=True))
        else:
            region = _written(operation, shape, update_shape, places[0])
        if region is None:
            return None
        one = law[0][1]
        if isinstance(one, Law):
            ref = one.ref.reshaped(tuple(stop - start for start, stop in region))
            if ref is None:
                return None
            one = replace(one, ref=ref)
        first = base[0]
        if len(base) == 1:
            return Filled(first[1], ((region, one),))
        return _whole([*base, (region, one)], shape)

    def _padded(self, operation: Operation, inputs: list[Value]) -> Value | None:
        """Return an array with a margin of one number."""
        config, number = operation.params["padding_config"], _number(inputs[1])
        shape = self.tape.avals[operation.inputs[0]].shape
        pieces = _pieces(inputs[0], tuple((0, size) for size in shape))
        if number is None or pieces is None or any(low < 0 or high < 0 or inner for low, high, inner in config):
            return None
        moved = tuple(
            (tuple((a + low, b + low) for (a, b), (low, _, _) in zip(region, config, strict=True)), law)
            for region, law in pieces
        )
        return Filled(float(number), moved)


_INDEXED: Final = frozenset({"gather", "select_n", "dynamic_update_slice"})


def _followed(operations: list[Operation], known: dict[int, Any], number: int) -> NDArray[Any]:
    """Return a value that operations on known numbers make."""
    values = dict(known)
    for operation in operations:
        made = operation.run([values[one] for one in operation.inputs])
        values.update(zip(operation.outputs, made, strict=True))
    return np.asarray(values[number])


def _given(given: Any, identities: Identities) -> Value:
    """Return what is known of a value from outside."""
    if jnp.issubdtype(given.dtype, jax.dtypes.prng_key):
        words = np.asarray(jax.random.key_data(given))
        return Keys(identities._fresh("words", words, 0, given.shape))
    if not hasattr(given, "__array__") or getattr(given, "size", _FEW + 1) > _FEW:
        return Computed()
    return _known(np.asarray(given))


def _known(array: NDArray[Any]) -> Value:
    flat = array.reshape(-1)
    if flat.size and all(one.tobytes() == flat[0].tobytes() for one in flat[:2]) and (flat == flat[0]).all():
        return Even(flat[0].reshape(()))
    return Known(array)


def _array(value: Value, aval: Any) -> NDArray[Any] | None:
    """Return the numbers of a value, where they are known and not many."""
    if isinstance(value, Known):
        return value.array
    if isinstance(value, Even) and math.prod(aval.shape) <= _FEW:
        return np.broadcast_to(value.number, aval.shape)
    return None


def _number(value: Value) -> float | None:
    """Return the number that every element of a value is, or None."""
    return value.number.item() if isinstance(value, Even) and value.number.dtype.kind in "fiub" or (
        isinstance(value, Even) and jnp.issubdtype(value.number.dtype, jnp.floating)
    ) else None


def _under(drawn: Any, number: int) -> Bits | None:
    """Return bits with constant bits above them."""
    if not isinstance(drawn, Bits) or drawn.above is not None or number & ((1 << (drawn.width - drawn.shift)) - 1):
        return None
    return replace(drawn, above=number)


def _each(value: Value, factor: float, shift: float) -> Filled | None:
    """Return factor * w + shift of each element."""
    if not isinstance(value, Filled):
        return None

    def made(law: Law | float) -> Law | float | None:
        if not isinstance(law, Law):
            return factor * law + shift
        drawn = affine(law.drawn, factor, shift)
        return drawn.value if isinstance(drawn, Constant) else law.becomes(drawn)

    return value.mapped(made)


def _pieces(value: Value, whole: Region) -> list[tuple[Region, Law | float]] | None:
    """Return the laws of a value, each with the box that follows it, the latest last."""
    if isinstance(value, Even):
        number = _number(value)
        return None if number is None else [(whole, float(number))]
    if not isinstance(value, Filled):
        return None
    return ([] if value.base is None else [(whole, value.base)]) + list(value.regions)


def _whole(pieces: list[tuple[Region, Law | float]], shape: tuple[int, ...]) -> Filled:
    """Return pieces as one value: one law, where they are a source that was taken apart and joined again."""
    laws = [law for _, law in pieces]
    if len(pieces) > 1 and all(isinstance(law, float) and law == laws[0] for law in laws):
        return Filled(laws[0])
    return Filled(None, tuple(pieces))


def _written(
    operation: Operation, shape: tuple[int, ...], update: tuple[int, ...], places: NDArray[Any] | None
) -> Region | None:
    """Return the box that a scatter writes, in C order: tried on numbers."""
    size = math.prod(update)
    if not size or math.prod(shape) > 1 << 26 or places is None:
        return None
    numbers = jnp.arange(1, size + 1, dtype=jnp.int32).reshape(update)
    found = np.asarray(operation.run([jnp.zeros(shape, jnp.int32), jnp.asarray(places), numbers])[0])
    if np.count_nonzero(found) != size:
        return None
    axes = range(len(shape))
    region = []
    for axis in axes:
        hit = np.flatnonzero(found.any(axis=tuple(k for k in axes if k != axis)))
        region.append((int(hit[0]), int(hit[-1]) + 1))
    box = found[tuple(slice(*ends) for ends in region)]
    return tuple(region) if box.size == size and np.array_equal(box.reshape(-1), np.arange(1, size + 1)) else None


def _moved(
    operation: Operation, value: Filled, old: tuple[int, ...], shape: tuple[int, ...], inputs: list[Value]
) -> Filled | None:
    """Return a value with its elements in other places."""
    name, params = operation.name, operation.params
    refs: Callable[[Ref], Ref | None]
    boxes: Callable[[Region], Region | None]
    if name in ("reshape", "squeeze", "expand_dims"):
        refs, boxes = lambda ref: ref.reshaped(shape), lambda box: None
        if value.regions:
            return _reshaped(value, old, shape)
    elif name == "transpose":
        axes = params["permutation"]
        refs = lambda ref: ref.transposed(axes)  # noqa: E731
        boxes = lambda box: tuple(box[k] for k in axes)  # noqa: E731
    elif name == "slice":
        steps = params["strides"] or (1,) * len(shape)
        ends = params["start_indices"], params["limit_indices"]
        return _cut(value, *ends, steps)
    elif name == "dynamic_slice":
        starts = [_number(one) for one in inputs[1:]]
        if any(start is None for start in starts):
            return None
        sizes = params["slice_sizes"]
        ends = zip(starts, old, sizes, strict=True)
        at = [min(max(int(start or 0), 0), size - length) for start, size, length in ends]
        return _cut(value, at, [a + b for a, b in zip(at, sizes, strict=True)], (1,) * len(sizes))
    elif name == "rev":
        refs, boxes = lambda ref: ref.reversed(params["dimensions"]), lambda box: None
    elif name == "broadcast_in_dim":
        axes = tuple(int(axis) for axis in params["broadcast_dimensions"])
        refs = lambda ref: ref.broadcast(shape, axes)  # noqa: E731

        def boxes(box: Region) -> Region | None:
            made = [(0, size) for size in shape]
            for axis, ends in zip(axes, box, strict=True):
                if shape[axis] != 1 and ends == (0, 1):
                    return None
                made[axis] = ends
            return tuple(made)
    else:
        return None
    return _with(value, refs, boxes)


def _with(
    value: Filled, refs: Callable[[Ref], Ref | None], boxes: Callable[[Region], Region | None]
) -> Filled | None:
    def law(one: Law | float | None) -> Law | float | None:
        if not isinstance(one, Law):
            return one
        ref = refs(one.ref)
        return None if ref is None else replace(one, ref=ref)

    base = law(value.base)
    if value.base is not None and base is None:
        return None
    regions = []
    for box, one in value.regions:
        moved, made = boxes(box), law(one)
        if moved is None or made is None:
            return None
        if isinstance(made, Law) and made.ref.shape != tuple(b - a for a, b in moved):
            return None
        regions.append((moved, made))
    return Filled(base, tuple(regions))


def _cut(value: Filled, starts: Sequence[int], stops: Sequence[int], steps: Sequence[int]) -> Filled | None:
    """Return a part of a value."""
    base = value.base
    if isinstance(base, Law):
        base = replace(base, ref=base.ref.sliced(starts, stops, steps))
    if value.regions and any(step != 1 for step in steps):
        return None
    regions: list[tuple[Region, Law | float]] = []
    window = tuple(zip(starts, stops, strict=True))
    for box, law in value.regions:
        common = tuple((max(a, c), min(b, d)) for (a, b), (c, d) in zip(box, window, strict=True))
        if any(a >= b for a, b in common):
            continue
        if isinstance(law, Law):
            inside = [(a - c, b - c) for (a, b), (c, _) in zip(common, box, strict=True)]
            first, last = ([ends[k] for ends in inside] for k in (0, 1))
            law = replace(law, ref=law.ref.sliced(first, last, [1] * len(inside)))
        regions.append((tuple((a - c, b - c) for (a, b), (c, _) in zip(common, window, strict=True)), law))
    shape = tuple(b - a for a, b in window)
    if regions and regions[-1][0] == tuple((0, size) for size in shape):
        return Filled(regions[-1][1])
    return Filled(base, tuple(regions))


def _reshaped(value: Filled, old: tuple[int, ...], shape: tuple[int, ...]) -> Filled | None:
    """Return boxes in another shape, where the axes along which they differ stay what they are."""
    groups = _groups(old, shape)

    def box(region: Region) -> Region | None:
        made: list[tuple[int, int]] = []
        for mine, theirs in groups:
            sizes, new = [old[k] for k in mine], [shape[k] for k in theirs]
            if all(region[k] == (0, old[k]) for k in mine):
                made += [(0, size) for size in new]
                continue
            # the leading axis of more than one position is the one that may be cut
            long = [k for k in mine if old[k] != 1]
            place = next((j for j, size in enumerate(new) if size != 1), None)
            if place is None or any(region[k] != (0, old[k]) for k in long[1:]):
                return None
            inner, step = math.prod(sizes) // old[long[0]], math.prod(new[place + 1 :])
            start, stop = (end * inner for end in region[long[0]])
            if start % step or stop % step:
                return None
            made += [(0, 1)] * place + [(start // step, stop // step)] + [(0, size) for size in new[place + 1 :]]
        return tuple(made)

    def one(region: Region, law: Law | float) -> tuple[Region, Law | float] | None:
        moved = box(region)
        if moved is None:
            return None
        if isinstance(law, Law):
            ref = law.ref.reshaped(tuple(b - a for a, b in moved))
            return None if ref is None else (moved, replace(law, ref=ref))
        return moved, law

    regions = [one(*pair) for pair in value.regions]
    base = value.base
    if isinstance(base, Law):
        ref = base.ref.reshaped(shape)
        if ref is None:
            return None
        base = replace(base, ref=ref)
    if any(region is None for region in regions):
        return None
    return Filled(base, tuple(region for region in regions if region is not None))


def _groups(old: Sequence[int], new: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """Return which axes become which in a reshape: the smallest runs of equal product."""
    groups: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(old) or j < len(new):
        mine, theirs, a, b = [], [], 1, 1
        if i < len(old):
            mine.append(i)
            a, i = a * old[i], i + 1
        if j < len(new):
            theirs.append(j)
            b, j = b * new[j], j + 1
        while a != b:
            if (a < b and i < len(old)) or j >= len(new):
                mine.append(i)
                a, i = a * old[i], i + 1
            else:
                theirs.append(j)
                b, j = b * new[j], j + 1
        groups.append((mine, theirs))
    return groups
