"""Computing a tensor again that follows no law: its slice of the tape, with a named stream for each random source.

The arithmetic is torch's, so such bits may differ on another processor or in another version of torch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from fanin.models import Parameter
from fanin.stream.keys import named_key
from fanin_torch._draw import draw_into
from fanin_torch._dtypes import DTYPES, dtype_name
from fanin_torch._record.leaves import leaves_of, with_leaves
from fanin_torch._record.ref import Ref
from fanin_torch._record.tape import EMPTY, Operation

__all__ = ["replayed"]

_HOOKS = {"init.dirac_": torch.nn.init.dirac_}


@torch.no_grad()
def replayed(
    operations: list[Operation],
    given: dict[int, Tensor],
    result: Ref,
    sources: dict[int, Parameter],
    seed: int,
) -> Tensor:
    """Return a tensor in main memory, computed by its operations.

    Args:
        operations: The slice of the tape.
        given: The contents of storages that came from outside.
        result: The tensor.
        sources: For the number of a random operation, its tensor as a parameter with a law and a stream, or with a
            stream alone where the law is none of fanin's: torch's generator draws it then, seeded from the stream.
        seed: An integer in [0, 2^64).
    """
    memories: dict[int, torch.UntypedStorage] = {}

    def at(ref: Ref) -> Tensor:
        if ref.key not in memories:
            known = given.get(ref.key)
            bytes_ = torch.zeros(ref.bytes, dtype=torch.uint8) if known is None else known.to("cpu", copy=True)
            memories[ref.key] = bytes_.untyped_storage()
        return torch.empty(0, dtype=ref.dtype).set_(memories[ref.key], ref.offset, ref.shape, ref.stride)

    for operation in operations:
        for ref in filter(None, operation.made):
            memories[ref.key] = torch.zeros(ref.bytes, dtype=torch.uint8).untyped_storage()
        if operation.name in EMPTY:
            continue
        if operation.is_random:
            source = sources[operation.number]
            if source.initializer is not None:
                _draw(source, at(operation.target), seed)
                continue
        args, kwargs = with_leaves(
            lambda leaf: at(leaf) if isinstance(leaf, Ref) else leaf, (operation.args, operation.kwargs)
        )
        _carry_out(operation, args, kwargs, at, named_key(seed, _stream(source))[0] if operation.is_random else None)
    return at(result)


def _draw(source: Parameter, target: Tensor, seed: int) -> None:
    if dtype_name(target.dtype) in DTYPES:
        draw_into(source.plan(None, seed), target)


def _stream(source: Parameter) -> str:
    assert isinstance(source.stream, str)
    return source.stream


def _carry_out(operation: Operation, args: Any, kwargs: Any, at: Any, word: int | None) -> None:
    """Do one operation on this process's memory, with torch's generator seeded where it is random."""
    if operation.function is None:
        _HOOKS[operation.name](*args)
        return
    settings = {**kwargs, **{name: value for name, value in (("device", "cpu"), ("generator", None)) if name in kwargs}}
    with torch.random.fork_rng(devices=[], enabled=word is not None):
        if word is not None:
            torch.manual_seed(word)
        outcome = operation.function(*args, **settings)
    fresh = [leaf for leaf in leaves_of(outcome) if isinstance(leaf, Tensor)]
    for ref, tensor in zip(operation.made, fresh, strict=True):
        if ref is not None:
            at(ref).copy_(tensor)
