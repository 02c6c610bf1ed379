"""A few threads that fill chunks of one array in parallel.

The kernels release the interpreter's lock, so plain threads scale. The calling thread works too, and the others only
help: a draw finishes even if no helper ever starts, so it cannot deadlock inside another thread pool.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait

from fanin.exceptions import FaninTypeError, FaninValueError

__all__ = ["SERIAL", "get_num_threads", "run_tasks", "set_num_threads"]

Task = Callable[[], None]

SERIAL = 1 << 16
"""With fewer elements than this, waking threads costs more than it saves."""

_VARIABLE = "FANIN_NUM_THREADS"


class _Pool:
    """The helpers of this process, started on first use."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count: int | None = None
        self.executor: ThreadPoolExecutor | None = None

    def helpers(self, count: int) -> ThreadPoolExecutor:
        with self.lock:
            if self.executor is None or self.executor._max_workers < count:
                self.executor = ThreadPoolExecutor(count, thread_name_prefix="fanin")
            return self.executor


_pool = _Pool()
# Threads do not survive a fork: a child process starts without helpers and with its own lock. Windows has no fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.__init__)  # type: ignore[misc]


def _default_count() -> int:
    text = os.environ.get(_VARIABLE)
    if text is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise FaninValueError(
            f"the environment variable {_VARIABLE} must be a whole number of at least 1. Received: {text!r}. "
            f"Set it to the number of threads, or unset it for one per core."
        )
    return int(text)


def get_num_threads() -> int:
    """Return how many threads a draw may use.

    It is the number passed to `set_num_threads`, or the environment variable FANIN_NUM_THREADS, or the number of cores
    that this process may run on. The bits never depend on it.
    """
    return _pool.count if _pool.count is not None else _default_count()


def set_num_threads(count: int | None) -> None:
    """Set how many threads a draw may use; None goes back to the environment variable or the number of cores.

    Raises:
        FaninTypeError: `count` is not a whole number.
        FaninValueError: `count` is below 1.
    """
    if count is not None:
        if isinstance(count, bool) or not isinstance(count, int):
            raise FaninTypeError(f"the number of threads must be a whole number or None. Received: {count!r}.")
        if count < 1:
            raise FaninValueError(f"the number of threads must be at least 1. Received: {count}.")
    _pool.count = count


def run_tasks(tasks: Iterable[Task], count: int, release: Task) -> None:
    """Run every task, with up to `count` threads. The first error is raised after all threads have stopped.

    Args:
        tasks: The tasks to run, in any order.
        count: How many threads may work, including this one.
        release: A function that each thread calls when it has finished.
    """
    queue = deque(tasks)

    def work() -> None:
        try:
            while True:
                try:
                    task = queue.popleft()
                except IndexError:
                    return
                task()
        except BaseException:
            queue.clear()  # the array is lost anyway, so the other threads can stop
            raise
        finally:
            release()

    if count == 1:
        work()
        return
    helpers = _pool.helpers(count - 1)
    futures = [helpers.submit(work) for _ in range(min(count, len(queue)) - 1)]
    try:
        work()
    finally:
        pending = [future for future in futures if not future.cancel()]
        wait(pending)
    for future in pending:
        future.result()
