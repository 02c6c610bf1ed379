"""The tape: which operations filled which memory, written down while any code builds or re-initialises a module."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

__all__ = ["CONSTANTS", "EMPTY", "SOURCES", "Operation", "Ref", "Tape"]

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

_REPLACING: Final = frozenset({*CONSTANTS, *SOURCES, "fill_", "copy_", "eye"})
"""Operations in place that do not read what they overwrite."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A tensor on the tape: a view of a storage.

    Attributes:
        key: Which storage.
        shape: The view's shape.
        stride: Its strides, in elements.
        offset: Its first element in the storage.
        dtype: Its dtype.
        bytes: The size of the storage.
        whole: Whether the view has every element of the storage.
    """

    key: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    dtype: torch.dtype
    bytes: int
    whole: bool

    @classmethod
    def of(cls, tensor: Tensor) -> Ref:
        """Return where a tensor's elements are."""
        storage = tensor.untyped_storage()
        return cls(
            storage._cdata,
            tuple(tensor.shape),
            tuple(tensor.stride()),
            int(tensor.storage_offset()),
            tensor.dtype,
            storage.nbytes(),
            tensor.numel() * tensor.element_size() == storage.nbytes(),
        )


@dataclass(slots=True)
class Operation:
    """One operation, with the tensors of its arguments as `Ref`.

    Attributes:
        number: Its place on the tape.
        name: "normal_", "mul", ...; of a hooked function of torch.nn.init "init.orthogonal_", ...
        function: The operator, or None for a hooked function.
        args: Its arguments by position.
        kwargs: Its arguments by name.
        made: New storages that it returned.
        written: Views that it wrote in place.
    """

    number: int
    name: str
    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    made: list[Ref]
    written: list[Ref]

    @property
    def target(self) -> Ref:
        """What it filled first."""
        return (self.made or self.written)[0]

    @property
    def is_random(self) -> bool:
        """Whether its result depends on a generator."""
        if self.function is None:
            return self.name not in ("init.dirac_",)
        return torch.Tag.nondeterministic_seeded in self.function.tags

    def reads(self) -> Iterator[Ref]:
        """Yield the tensors among its arguments."""
        return (leaf for leaf in tree_leaves((self.args, self.kwargs)) if isinstance(leaf, Ref))

    def replaces(self, key: int) -> bool:
        """Return whether it fills a storage without reading what was there."""
        if any(ref.key == key for ref in self.made):
            return True
        plain = self.function is None or self.name in _REPLACING
        return plain and any(ref.key == key and ref.whole for ref in self.written)


@dataclass
class _Memory:
    """What the tape knows of a storage: it is kept alive, so that its key stays its own."""

    storage: torch.UntypedStorage
    touched: list[int] = field(default_factory=list)


class Tape(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes down the operations of the thread in which it is entered.

    Attributes:
        draws: Whether random operations are carried out; without, building costs no random numbers.
        operations: What was done.
        given: Copies of storages that were made outside of the tape, as `torch.tensor([...])` makes them.
        looked: Numbers of the operations that told Python a value that depends on a generator.
    """

    def __init__(self, draws: bool = True) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.draws = draws
        self.operations: list[Operation] = []
        self.given: dict[int, Tensor] = {}
        self.looked: list[int] = []
        self._memories: dict[int, _Memory] = {}
        self._random: set[int] = set()

    def knows(self, tensor: Tensor) -> bool:
        """Return whether a tensor's storage is on the tape."""
        return tensor.untyped_storage()._cdata in self._memories

    def ref(self, tensor: Tensor, replaced: bool = False) -> Ref:
        """Return where a tensor is, after its storage has been noted; one from outside is copied, unless replaced."""
        ref = Ref.of(tensor)
        if ref.key not in self._memories:
            self._memories[ref.key] = _Memory(tensor.untyped_storage())
            if not (replaced and ref.whole) and not tensor.is_meta:
                flat = torch.empty(0, dtype=torch.uint8, device=tensor.device).set_(tensor.untyped_storage())
                self.given[ref.key] = flat.clone()
        return ref

    def note(self, name: str, function: Any, args: Any, kwargs: Any, made: list[Ref], written: list[Ref]) -> None:
        """Append an operation."""
        operation = Operation(len(self.operations), name, function, tuple(args), dict(kwargs), made, written)
        self.operations.append(operation)
        tainted = operation.is_random or any(ref.key in self._random for ref in operation.reads())
        for ref in (*made, *written):
            self._memories[ref.key].touched.append(operation.number)
            if tainted:
                self._random.add(ref.key)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        name = func._schema.name.partition("::")[2]
        if args and isinstance(args[0], Tensor) and name in _REPLACING:
            self.ref(args[0], replaced=True)
        noted_args, noted_kwargs = tree_map(
            lambda leaf: self.ref(leaf) if isinstance(leaf, Tensor) else leaf, (args, given)
        )
        written = list(_written(func, noted_args, noted_kwargs))
        result = self._stand_in(func, name, args, given, written)
        if result is None:
            result = func(*args, **given)
        made = [
            self.ref(leaf, replaced=True)
            for leaf in tree_leaves(result)
            if isinstance(leaf, Tensor) and not self.knows(leaf)
        ]
        if name in ("_local_scalar_dense", "is_nonzero", "equal", "item"):
            if any(ref.key in self._random for ref in tree_leaves(noted_args) if isinstance(ref, Ref)):
                self.looked.append(len(self.operations))
        elif made or written:
            self.note(name, func, noted_args, noted_kwargs, made, written)
        return result

    def _stand_in(self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], written: list[Ref]) -> Any:
        """Return what takes the place of a random operation's result where nothing is drawn, or None."""
        if self.draws:
            return None
        if name in SOURCES and not name.endswith("_"):
            if name.endswith("_like"):
                return torch.zeros_like(args[0], **{k: v for k, v in kwargs.items() if k != "generator"})
            if name in ("randn", "rand"):
                return torch.zeros(args[0], **{k: v for k, v in kwargs.items() if k != "generator"})
            return None
        in_place = len(written) == 1 and bool(args) and isinstance(args[0], Tensor) and name.endswith("_")
        if in_place and written[0].key == args[0].untyped_storage()._cdata:
            affine = written[0].key in self._random and name not in ("copy_", "zero_", "fill_")
            if name in SOURCES or affine:
                return args[0]
        return None

    def slice_of(self, key: int) -> tuple[list[Operation], set[int]]:
        """Return the operations that a storage's contents come from, in order, and the storages that nobody filled.

        Each storage knows which operations touched it, so the time goes by the length of the slice and not of the tape.
        """
        found: dict[int, Operation] = {}
        unfilled: set[int] = set()
        done: dict[int, int] = {}  # up to which operation a storage was followed back
        queue: list[tuple[int, int]] = [(-len(self.operations), key)]  # the latest first
        while queue:
            negative, current = heapq.heappop(queue)
            before = -negative
            if done.get(current, -1) >= before:
                continue
            done[current] = before
            memory = self._memories.get(current)
            filled = current in self.given
            for number in reversed(memory.touched if memory else []):
                if number >= before:
                    continue
                operation = self.operations[number]
                replaces = operation.replaces(current)
                if number not in found:
                    found[number] = operation
                    for ref in operation.reads():
                        if ref.key != current:
                            heapq.heappush(queue, (-number, ref.key))
                if replaces:
                    filled = True
                    break
            if not filled:
                unfilled.add(current)
        return [found[number] for number in sorted(found)], unfilled


def _written(func: Any, args: Any, kwargs: Any) -> Iterator[Ref]:
    """Yield the tensors that an operator writes in place, by its schema."""
    for place, argument in enumerate(func._schema.arguments):
        if argument.alias_info is None or not argument.alias_info.is_write:
            continue
        value = kwargs.get(argument.name) if argument.kwarg_only or place >= len(args) else args[place]
        yield from (leaf for leaf in tree_leaves(value) if isinstance(leaf, Ref))
