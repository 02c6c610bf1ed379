"""Tensors in their order, each read before its turn by other threads where that pays."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Final, TypeAlias

from fanin.auditing.reading import Reading, Scan
from fanin.weights import Weights

__all__ = ["Advance", "compiled_pass", "readings"]

Advance: TypeAlias = Callable[[str, int], None]
"""Is told the name of a tensor, and how many elements were read."""

_LARGE: Final = 1 << 25
"""Weights from which the compiled pass is loaded."""

_THREADS: Final = 2
_AHEAD: Final = 4
"""Threads that read, and tensors that are read before their turn."""


def readings(
    weights: Weights, read: Callable[[str, Advance], Reading | None], advance: Advance, *, ahead: bool
) -> Iterator[tuple[str, Reading | None]]:
    """Yield each tensor's name and what is kept of it.

    Args:
        weights: The tensors. Where one is not mapped, no thread reads: they would unpack each other's.
        read: Reads one, by name; any thread may call it.
        advance: Is told what was read, by one thread at a time.
        ahead: Whether other threads may read.
    """
    if not ahead or not all(tensor.is_mapped for tensor in weights.values()):
        yield from ((name, read(name, advance)) for name in weights)
        return
    lock = Lock()

    def told(name: str, count: int) -> None:
        with lock:
            advance(name, count)

    waiting: deque[tuple[str, Future[Reading | None]]] = deque()
    pool = ThreadPoolExecutor(_THREADS)
    try:
        for name in weights:
            waiting.append((name, pool.submit(read, name, told)))
            if len(waiting) > _AHEAD:
                ready, future = waiting.popleft()
                yield ready, future.result()
        for ready, future in waiting:
            yield ready, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def compiled_pass(weights: Weights) -> Scan | None:
    """Return the compiled pass, where it is installed and there are enough weights that it pays to load it."""
    if sum(tensor.size for tensor in weights.values()) < _LARGE:
        return None
    try:
        from fanin.auditing.compiled import scan
    except ImportError:  # fanin-kernels is not installed, or built without its library
        return None
    return scan
