"""What a traced function does, as a flat list of operations: calls opened, dead code left out, maps as batches."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Primitive, jaxpr_as_fun
from jax.interpreters import partial_eval

__all__ = ["Operation", "Tape"]

_CALLS: Final = frozenset(
    {
        *("jit", "pjit", "closed_call", "core_call", "remat", "remat2", "checkpoint"),
        *("custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr"),
    }
)
"""Operations that only do what is inside of them."""

_INSIDE: Final = ("jaxpr", "call_jaxpr", "fun_jaxpr")
"""What that is called."""

_MOST: Final = 20_000
"""Operations that a loop may be unrolled to."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        name: What JAX calls it.
        primitive: What does it.
        params: Its settings.
        place: Its place in the order in which they are done.
        inputs: The numbers of the values that it takes.
        outputs: The numbers of those that it makes.
    """

    name: str
    primitive: Primitive
    params: Mapping[str, Any]
    place: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def run(self, values: Sequence[Any]) -> Sequence[Any]:
        """Do it, on arrays or under a trace, and return what it makes."""
        primitive: Any = self.primitive
        prepared = primitive.get_bind_params(dict(self.params))
        functions, params = prepared if isinstance(prepared, tuple) else ((), prepared)  # a tuple in older JAX
        made = primitive.bind(*functions, *values, **params)
        return made if primitive.multiple_results else [made]


@dataclass
class Tape:
    """The operations that a function's results come from; values are numbered.

    Attributes:
        operations: In an order in which they can be done.
        avals: The shape and dtype of each value.
        given: The values that are known from the start.
        arguments: The numbers of the function's arguments.
        results: The numbers of its results.
        makers: The operation that makes each value.
    """

    operations: list[Operation] = field(default_factory=list)
    avals: list[Any] = field(default_factory=list)
    given: dict[int, Any] = field(default_factory=dict)
    arguments: list[int] = field(default_factory=list)
    results: list[int] = field(default_factory=list)
    makers: dict[int, Operation] = field(default_factory=dict)

    @classmethod
    def of(cls, closed: ClosedJaxpr) -> Tape:
        """Return the tape of a traced function."""
        live, used = partial_eval.dce_jaxpr(closed.jaxpr, [True] * len(closed.jaxpr.outvars), instantiate=True)
        assert all(used)
        tape = cls()
        constants = [tape._give(value, var.aval) for var, value in zip(live.constvars, closed.consts, strict=True)]
        tape.arguments = [tape._new(var.aval) for var in live.invars]
        tape.results = tape._write(live, constants, tape.arguments)
        return tape

    def slice_of(self, number: int, cuts: Collection[int] = ()) -> list[Operation]:
        """Return the operations that a value comes from, in order, as far back as `cuts`, values that are known."""
        found: dict[int, Operation] = {}
        wanted = [number]
        while wanted:
            one = wanted.pop()
            operation = None if one in cuts else self.makers.get(one)
            if operation is not None and operation.place not in found:
                found[operation.place] = operation
                wanted.extend(operation.inputs)
        return [found[place] for place in sorted(found)]

    def _new(self, aval: Any) -> int:
        self.avals.append(aval)
        return len(self.avals) - 1

    def _give(self, value: Any, aval: Any) -> int:
        number = self._new(aval)
        self.given[number] = value
        return number

    def _write(self, jaxpr: Jaxpr, constants: Sequence[int], inputs: Sequence[int]) -> list[int]:
        """Write the operations of a jaxpr, and return the numbers of its results."""
        numbers: dict[Any, int] = dict(zip(jaxpr.constvars, constants, strict=True))
        numbers.update(zip(jaxpr.invars, inputs, strict=True))

        def number_of(atom: Any) -> int:
            return self._give(np.asarray(atom.val), atom.aval) if isinstance(atom, Literal) else numbers[atom]

        for eqn in jaxpr.eqns:
            taken = [number_of(atom) for atom in eqn.invars]
            numbers.update(zip(eqn.outvars, self._step(eqn, taken), strict=True))
        return [number_of(atom) for atom in jaxpr.outvars]

    def _step(self, eqn: JaxprEqn, taken: list[int]) -> list[int]:
        name = eqn.primitive.name
        if name in _CALLS:
            inner = next((eqn.params[key] for key in _INSIDE if key in eqn.params), None)
            if isinstance(inner, Jaxpr) and not inner.constvars:
                inner = ClosedJaxpr(inner, ())
            if isinstance(inner, ClosedJaxpr) and len(inner.jaxpr.invars) == len(taken):
                return self._open(inner, taken)
        if name == "scan" and not eqn.params["num_carry"]:
            return self._open(_batched(eqn), taken)
        if name == "scan" and _is_short(eqn) and any(_may_be_key(atom.aval) for atom in eqn.invars):
            return self._open(_unrolled(eqn), taken)
        outputs = [self._new(var.aval) for var in eqn.outvars]
        place = len(self.operations)
        operation = Operation(name, eqn.primitive, eqn.params, place, tuple(taken), tuple(outputs))
        self.operations.append(operation)
        self.makers.update(dict.fromkeys(outputs, operation))
        return outputs

    def _open(self, inner: ClosedJaxpr, taken: list[int]) -> list[int]:
        constants = [
            self._give(value, var.aval) for var, value in zip(inner.jaxpr.constvars, inner.consts, strict=True)
        ]
        return self._write(inner.jaxpr, constants, taken)


def _batched(eqn: JaxprEqn) -> ClosedJaxpr:
    """Return a loop that carries nothing from step to step as one step on batches."""
    params = eqn.params
    axes = [None] * params["num_consts"] + [0] * (len(eqn.invars) - params["num_consts"])
    body = jax.vmap(jaxpr_as_fun(params["jaxpr"]), in_axes=axes, axis_size=params["length"])
    return jax.make_jaxpr(body)(*_shapes(eqn))


def _unrolled(eqn: JaxprEqn) -> ClosedJaxpr:
    """Return a loop as all of its steps, one after the other."""
    params, length = eqn.params, eqn.params["length"]
    step = jaxpr_as_fun(params["jaxpr"])

    def steps(*inputs: Any) -> list[Any]:
        constants, carried = inputs[: params["num_consts"]], inputs[params["num_consts"] :][: params["num_carry"]]
        moving = inputs[params["num_consts"] + params["num_carry"] :]
        made: list[Any] = [None] * length
        for k in range(length)[:: -1 if params["reverse"] else 1]:
            here = [jax.lax.index_in_dim(array, k, keepdims=False) for array in moving]
            outputs = step(*constants, *carried, *here)
            carried, made[k] = outputs[: params["num_carry"]], outputs[params["num_carry"] :]
        return [*carried, *(jax.numpy.stack(one) for one in zip(*made, strict=True))]

    return jax.make_jaxpr(steps)(*_shapes(eqn))


def _shapes(eqn: JaxprEqn) -> list[jax.ShapeDtypeStruct]:
    avals: list[Any] = [atom.aval for atom in eqn.invars]
    return [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in avals]  # type: ignore[no-untyped-call]


def _is_short(eqn: JaxprEqn) -> bool:
    return bool(0 < eqn.params["length"] * max(1, len(eqn.params["jaxpr"].jaxpr.eqns)) <= _MOST)


def _may_be_key(aval: Any) -> bool:
    return aval.dtype == np.uint32 or bool(jax.numpy.issubdtype(aval.dtype, jax.dtypes.prng_key))
