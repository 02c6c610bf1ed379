"""Ctrl-C as a request: the work stops where it can, and what is finished is shown and written."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

__all__ = ["Interruption"]


class Interruption:
    """Within `with`, the first Ctrl-C is noted and the second one raises KeyboardInterrupt, as usual.

    So nothing is torn in the middle: the block asks where it can stop (`stop_here`), and what must not be cut short,
    such as writing a report, goes on. A second Ctrl-C is for those who would rather not wait.

    Where a signal's handler cannot be set (in a thread), or the signal is ignored (`nohup`), nothing changes.
    """

    def __init__(self) -> None:
        self.requested = False
        self._notice = b""
        self._before: Any = None

    def __enter__(self) -> Interruption:
        before = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is threading.main_thread() and before not in (None, signal.SIG_IGN):
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def stop_here(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C was pressed."""
        if self.requested:
            raise KeyboardInterrupt

    def finish(self, notice: str) -> None:
        """Begin what shall be finished: Ctrl-C is noted anew, with a notice on stderr."""
        self._notice = notice.encode()
        self.requested = False

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        with suppress(OSError):  # not by `print`, which may be what the signal cut into
            os.write(2, self._notice)
