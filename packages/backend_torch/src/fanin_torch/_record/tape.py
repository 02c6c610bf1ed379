"""The tape: which operations filled which memory, written down while any code builds or re-initialises a module."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from fanin_torch._record.leaves import leaves_of, with_leaves
from fanin_torch._record.ref import Ref
from fanin_torch._record.told import Told, bytes_of
from fanin_torch._record.undrawn import Undrawn

__all__ = ["CONSTANTS", "EMPTY", "METADATA", "SOURCES", "Operation", "Slice", "Tape"]

EMPTY: Final = frozenset({"empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided", "empty_permuted"})
CONSTANTS: Final = {
    "zero_": 0.0,
    "zeros": 0.0,
    "zeros_like": 0.0,
    "new_zeros": 0.0,
    "ones": 1.0,
    "ones_like": 1.0,
    "new_ones": 1.0,
}
SOURCES: Final = {
    "normal_": "normal",
    "randn": "normal",
    "randn_like": "normal",
    "normal": "normal",
    "uniform_": "uniform",
    "rand": "uniform",
    "rand_like": "uniform",
}
"""Operations that fill a tensor with independent random numbers, and their distribution."""

METADATA: Final = frozenset(
    {"t_", "transpose_", "squeeze_", "unsqueeze_", "detach_", "as_strided_", "requires_grad_", "set_", "set_data"}
)
"""Operations in place that change what a tensor is a view of, and no element of any storage."""

_REPLACING: Final = frozenset({*CONSTANTS, *SOURCES, "fill_", "copy_", "eye"})
"""Operations in place that do not read what they overwrite."""

_NORMS: Final = frozenset({"native_batch_norm", "cudnn_batch_norm", "miopen_batch_norm"})
"""Operators that write the running mean and variance, their arguments 3 and 4, and do not say so in their schema."""

_LOOKS: Final = frozenset({"_local_scalar_dense", "is_nonzero", "equal", "allclose"})
"""Operations that tell Python a value."""


@dataclass(slots=True)
class Operation:
    """One operation, with the tensors of its arguments as `Ref`.

    Attributes:
        number: Its place on the tape.
        name: "normal_", "mul", ...; of a hooked function of torch.nn.init "init.orthogonal_", ...; "numpy" for what
            was written from outside of torch.
        function: The operator, or None for what is none.
        args: Its arguments by position.
        kwargs: Its arguments by name.
        made: New storages that it returned, None for a result that is none of them.
        written: Views that it wrote in place.
        opaque: Whether nothing is known of its result, as when it read a tensor without a storage, a sparse one.
    """

    number: int
    name: str
    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    made: list[Ref | None]
    written: list[Ref]
    opaque: bool = False

    @property
    def filled(self) -> list[Ref]:
        """Every view that it filled, new ones first."""
        return [ref for ref in self.made if ref is not None] + self.written

    @property
    def target(self) -> Ref:
        """What it filled first."""
        return self.filled[0]

    @property
    def is_random(self) -> bool:
        """Whether its result depends on a generator."""
        if self.function is None:
            return self.is_hook and self.name != "init.dirac_"
        return torch.Tag.nondeterministic_seeded in self.function.tags

    @property
    def is_hook(self) -> bool:
        """Whether it is a hooked function of torch.nn.init."""
        return self.name.startswith("init.")

    def reads(self) -> Iterator[Ref]:
        """Yield the tensors among its arguments, but for one that says no more than a shape."""
        args = self.args[1:] if self.name.startswith("new_") or self.name.endswith("_like") else self.args
        return (leaf for leaf in leaves_of((args, self.kwargs)) if isinstance(leaf, Ref))

    def replaces(self, key: int) -> bool:
        """Return whether it fills a storage without reading what was there."""
        if any(ref is not None and ref.key == key for ref in self.made):
            return True
        plain = self.is_hook or self.name in _REPLACING
        return plain and any(ref.key == key and ref.whole for ref in self.written)


@dataclass
class Slice:
    """What the contents of a storage come from.

    Attributes:
        operations: The operations, in order.
        unfilled: Storages that nobody filled, or that an operation filled of which nothing is known.
        outside: Storages whose first contents came from outside of the tape.
        doubtful: Storages among the unfilled whose first contents Python may have made from random numbers.
    """

    operations: list[Operation]
    unfilled: set[int]
    outside: set[int]
    doubtful: set[int]

    @property
    def sources(self) -> set[int]:
        """The numbers of its random operations."""
        return {operation.number for operation in self.operations if operation.is_random}


@dataclass
class _Memory:
    """What the tape knows of a storage: it is kept alive, so that its key stays its own."""

    storage: torch.UntypedStorage
    touched: list[int] = field(default_factory=list)


class Tape(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes down the operations of the thread in which it is entered.

    Attributes:
        draws: Whether random operations are carried out; without, building costs no random numbers.
        outer: The recording inside of which this one is, which sees the same operations.
        operations: What was done.
        given: Copies of storages that were made outside of the tape, as `torch.tensor([...])` makes them.
        told: What Python was told of random numbers, and what may come of it.
    """

    def __init__(self, draws: bool = True, outer: Tape | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.draws = draws
        self.outer = outer
        self.operations: list[Operation] = []
        self.given: dict[int, Tensor] = {}
        self.told = Told()
        self.undrawn = Undrawn()
        self._memories: dict[int, _Memory] = {}
        self._random: set[int] = set()

    def knows(self, tensor: Tensor) -> bool:
        """Return whether a tensor's storage is on the tape."""
        return tensor.untyped_storage()._cdata in self._memories

    def is_random(self, tensor: Tensor) -> bool:
        """Return whether a tensor's contents depend on a generator."""
        return _has_storage(tensor) and tensor.untyped_storage()._cdata in self._random

    def ref(self, tensor: Tensor, replaced: bool = False) -> Ref:
        """Return where a tensor is, after its storage has been noted; one from outside is copied, unless replaced."""
        ref = Ref.of(tensor)
        self.note_writes(ref.key)
        if ref.key not in self._memories:
            self._memories[ref.key] = _Memory(tensor.untyped_storage())
            if not (replaced and ref.whole) and not tensor.is_meta:
                self.given[ref.key] = bytes_of(tensor).clone()
                self.told.bring(ref.key, tensor)
        return ref

    def note_read(self, tensor: Tensor) -> None:
        """Note that Python is about to get all numbers of a tensor, and see to it that they are there."""
        if _has_storage(tensor) and self.knows(tensor):
            self.undrawn.settle([tensor])
            ref = self.ref(tensor)
            if ref.key in self._random:
                self.told.looks.append((len(self.operations), ref.key, None))
            if not tensor.is_meta:
                self.told.share(ref, tensor)
        if self.outer is not None:
            self.outer.note_read(tensor)

    def note_writes(self, key: int | None = None) -> None:
        """Note what Python has written into the memory that it got: into all of it, or into one storage."""
        for ref in self.told.changed(key):
            self._append(Operation(len(self.operations), "numpy", None, (), {}, [], [ref], opaque=True))

    def note_raw(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function that writes memory and not by operations, and note that nothing is known of what it wrote."""
        given = [leaf for leaf in leaves_of((args, kwargs)) if isinstance(leaf, Tensor) and _has_storage(leaf)]
        self.undrawn.settle(given)
        result = function(*args, **kwargs)
        for leaf in [*leaves_of(result), *given[:1]]:
            if isinstance(leaf, Tensor) and _has_storage(leaf):
                name = function.__name__
                self._append(Operation(len(self.operations), name, None, (), {}, [], [self.ref(leaf)], opaque=True))
        return result

    @contextmanager
    def printing(self, tensor: Tensor) -> Iterator[None]:
        """Let a tensor be printed: its numbers are there, and that Python is told them does not count."""
        if _has_storage(tensor):
            self.undrawn.settle([tensor])
        with self.told.printing():
            yield

    def note_hook(self, name: str, tensor: Tensor, settings: tuple[Any, ...]) -> None:
        """Append what a function of torch.nn.init does to a tensor."""
        ref = self.ref(tensor, replaced=True)
        self._append(Operation(len(self.operations), f"init.{name}", None, (ref, *settings), {}, [], [ref]))
        if self.outer is not None:
            self.outer.note_hook(name, tensor, settings)

    def _append(self, operation: Operation) -> None:
        self.operations.append(operation)
        tainted = self._reads_random(operation)
        for ref in operation.filled:
            self._memories[ref.key].touched.append(operation.number)
            self.told.forget(ref.key)
            if tainted:
                self._random.add(ref.key)
            elif operation.replaces(ref.key):
                self._random.discard(ref.key)

    def _reads_random(self, operation: Operation) -> bool:
        """Return whether what an operation fills depends on a generator, what it overwrites left out."""
        replaced = {ref.key for ref in operation.written if operation.replaces(ref.key)}
        return operation.is_random or any(
            ref.key in self._random and ref.key not in replaced for ref in operation.reads()
        )

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        noted = self._noted(func, args, given)
        skipped = not self.draws and func._schema.name.partition("::")[2] not in METADATA
        result = self.undrawn.stand_in(func, args, given) if skipped else NotImplemented
        if result is NotImplemented:
            result = func(*args, **given)
        elif self.outer is not None:
            self.outer.witness(func, args, given, result)
        self._note(func, args, noted, result)
        return result

    def witness(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Note an operation that a recording inside of this one has seen, and not carried out."""
        self._note(func, args, self._noted(func, args, kwargs), result)
        if self.outer is not None:
            self.outer.witness(func, args, kwargs, result)

    def _noted(self, func: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """Return the arguments with tensors as `Ref`."""
        name = func._schema.name.partition("::")[2]
        if args and isinstance(args[0], Tensor) and name in _REPLACING and name.endswith("_"):
            self.ref(args[0], replaced=True)
        if isinstance(out := kwargs.get("out"), Tensor):
            self.ref(out, replaced=True)
        noted: tuple[Any, Any] = with_leaves(
            lambda leaf: self.ref(leaf) if isinstance(leaf, Tensor) and _has_storage(leaf) else leaf, (args, kwargs)
        )
        return noted

    def _note(self, func: Any, args: Any, noted: tuple[Any, Any], result: Any) -> None:
        name = func._schema.name.partition("::")[2]
        if name in METADATA:
            return
        if name in _LOOKS:
            for ref in leaves_of(noted):
                if isinstance(ref, Ref) and ref.key in self._random:
                    self.told.looks.append((len(self.operations), ref.key, result))
            return
        outcome = [leaf for leaf in leaves_of(result) if isinstance(leaf, Tensor)]
        made: list[Ref | None] = [
            self.ref(leaf, replaced=True) if _has_storage(leaf) and not self.knows(leaf) else None for leaf in outcome
        ]
        written = list(_written(func, *noted))
        if not written and not any(made):
            return
        opaque = any(isinstance(leaf, Tensor) for leaf in leaves_of(noted))
        self._append(Operation(len(self.operations), name, func, *noted, made, written, opaque))

    def slice_of(self, key: int, before: int | None = None) -> Slice:
        """Return what a storage's contents come from, at the end or before an operation.

        Each storage knows which operations touched it, so the time goes by the length of the slice and not of the tape.
        """
        found: dict[int, Operation] = {}
        unfilled: set[int] = set()
        outside: set[int] = set()
        doubtful: set[int] = set()
        reached: dict[int, int] = {}  # back to which operation a storage was followed
        queue: list[tuple[int, int]] = [(-(len(self.operations) if before is None else before), key)]  # latest first
        while queue:
            negative, current = heapq.heappop(queue)
            if -negative > reached.get(current, len(self.operations)):
                continue
            touched = self._memories[current].touched if current in self._memories else []
            start = bisect_left(touched, -negative)
            for number in reversed(touched[:start]):
                operation = self.operations[number]
                reached[current] = number
                if number not in found:
                    found[number] = operation
                    for ref in operation.reads():
                        if ref.key != current:
                            heapq.heappush(queue, (-number, ref.key))
                if operation.opaque:
                    unfilled.add(current)
                if operation.replaces(current):
                    break
            else:
                reached[current] = -1
                (outside if current in self.given else unfilled).add(current)
                if current in self.told.doubtful:
                    unfilled.add(current)
                    doubtful.add(current)
        return Slice([found[number] for number in sorted(found)], unfilled, outside, doubtful)


def _has_storage(tensor: Tensor) -> bool:
    """Return whether a tensor's elements lie in a storage of its own, as those of sparse tensors do not."""
    dense = tensor.layout is torch.strided and not tensor.is_nested
    return dense and type(tensor) in (Tensor, torch.nn.Parameter, torch.nn.Buffer)


def _written(func: Any, args: Any, kwargs: Any) -> Iterator[Ref]:
    """Yield the tensors that an operator writes in place, by its schema, and the statistics of a normalization."""
    name = func._schema.name.partition("::")[2]
    if name in _NORMS:
        yield from (leaf for leaf in args[3:5] if isinstance(leaf, Ref) and args[5])
        return
    for place, argument in enumerate(func._schema.arguments):
        if argument.alias_info is None or not argument.alias_info.is_write:
            continue
        value = kwargs.get(argument.name) if argument.kwarg_only or place >= len(args) else args[place]
        yield from (leaf for leaf in leaves_of(value) if isinstance(leaf, Ref))
