"""Copies of a model that should be equal, held against the first one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from fanin.auditing.findings import Finding
from fanin.auditing.hashing import words_of
from fanin.auditing.reading import PIECE
from fanin.dtypes import DTYPES
from fanin.weights import Tensor, Weights, float32_of

__all__ = ["replicas"]


def replicas(copies: Sequence[Weights], advance: Callable[[str, int], None]) -> Iterator[Finding]:
    """Yield how each copy differs from the first one."""
    first = copies[0]
    for k, other in enumerate(copies[1:], 1):
        lacking = [name for name in first if name not in other] + [name for name in other if name not in first]
        differing: list[str] = []
        largest = 0.0
        elements = 0
        for name in first:
            if name not in other:
                continue
            count, far = _differing(first[name], other[name])
            advance(name, first[name].size)
            if count:
                differing.append(name)
                elements, largest = elements + count, max(largest, far)
        for names, what in ((lacking, "there in only one"), (differing, f"by {largest:.3g} at most")):
            if names:
                cause = f"differs between replicas 0 and {k}, {what}"
                evidence = {"replica": k, "elements": elements, "of": len(first), "largest difference": largest}
                line = f"replicas[{k}].load_state_dict(replicas[0].state_dict())  # or draw both from one seed"
                yield Finding("error", "replicas", tuple(names), cause, evidence, line)


def _differing(a: Tensor, b: Tensor) -> tuple[int, float]:
    """Return how many elements differ, and by how much at most."""
    if (a.shape, a.dtype) != (b.shape, b.dtype):
        return max(1, a.size), float("inf")
    count, largest = 0, 0.0
    for region in a.pieces(PIECE):
        first, second = a.read(region), b.read(region)
        unequal = words_of(first) != words_of(second)
        if unequal.any():
            count += int(unequal.sum())
            if a.dtype in DTYPES:
                x, y = (
                    float32_of(bits, a.dtype).reshape(-1)[unequal.reshape(-1)].astype(float) for bits in (first, second)
                )
                largest = max(largest, float(abs(x - y).max()))
    return count, largest
