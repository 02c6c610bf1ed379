"""XLA's side of a call of a handler, by ctypes: what it passes, and threads that help or do not."""

from __future__ import annotations

import ctypes
import math
import struct
import threading
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, Literal, NamedTuple, TypeAlias

from drawing import SIZES

from fanin.plans import Draw
from fanin.stream.threefry import Words
from fanin_kernels import FORMATS, LAWS, MODES, Path, xla_handler

__all__ = ["REFUSED", "UNKNOWN", "Help", "Outcome", "call", "version"]

Help: TypeAlias = Literal["at once", "in threads", "late", "refused", "unknown"]
"""What becomes of tasks: they run before `schedule` returns, beside the handler, or after it; or there are none, for
`schedule` or `thread_count` fails."""


class Outcome(NamedTuple):
    """What a handler did.

    Attributes:
        errors: The messages and codes of the errors that it made.
        destroyed: The errors of XLA that it took care of.
        tasks: How many tasks it scheduled.
    """

    errors: list[tuple[bytes, int]]
    destroyed: list[int]
    tasks: int


_Task = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_Method = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)


class _Head(ctypes.Structure):
    _fields_: ClassVar[Sequence[tuple[str, Any]]] = (("size", ctypes.c_size_t), ("extensions", ctypes.c_void_p))


class _Buffer(_Head):
    _fields_ = (
        ("dtype", ctypes.c_int32),
        ("data", ctypes.c_void_p),
        ("rank", ctypes.c_int64),
        ("dims", ctypes.c_void_p),
    )


class _Buffers(_Head):
    _fields_ = (("count", ctypes.c_int64), ("types", ctypes.c_void_p), ("buffers", ctypes.c_void_p))


class _Numbers(ctypes.Structure):
    _fields_ = (("dtype", ctypes.c_int32), ("count", ctypes.c_size_t), ("data", ctypes.c_void_p))


class _Attributes(_Head):
    _fields_ = (
        ("count", ctypes.c_int64),
        ("types", ctypes.c_void_p),
        ("names", ctypes.c_void_p),
        ("values", ctypes.c_void_p),
    )


class _Schedule(_Head):
    _fields_ = (("context", ctypes.c_void_p), ("task", ctypes.c_void_p), ("data", ctypes.c_void_p))


class _ThreadCount(_Head):
    _fields_ = (("context", ctypes.c_void_p), ("threads", ctypes.POINTER(ctypes.c_int64)))


class _CreateError(_Head):
    _fields_ = (("message", ctypes.c_char_p), ("code", ctypes.c_int32))


class _DestroyError(_Head):
    _fields_ = (("error", ctypes.c_void_p),)


class _Version(_Head):
    _fields_ = (("major", ctypes.c_int32), ("minor", ctypes.c_int32))


class _Interface(_Head):
    _fields_ = (
        ("version", _Version),
        ("internal", ctypes.c_void_p),
        ("create_error", _Method),
        ("error_message", ctypes.c_void_p),
        ("destroy_error", _Method),
        ("others", ctypes.c_void_p * 8),
        ("schedule", _Method),
        ("thread_count", _Method),
    )


class _Call(_Head):
    _fields_ = (
        ("interface", ctypes.POINTER(_Interface)),
        ("context", ctypes.c_void_p),
        ("stage", ctypes.c_int32),
        ("arguments", _Buffers),
        ("results", _Buffers),
        ("attributes", _Attributes),
    )


class _Metadata(ctypes.Structure):
    _fields_ = (("size", ctypes.c_size_t), ("version", _Version))


class _MetadataExtension(ctypes.Structure):
    _fields_ = (
        ("size", ctypes.c_size_t),
        ("type", ctypes.c_int32),
        ("next", ctypes.c_void_p),
        ("metadata", ctypes.POINTER(_Metadata)),
    )


_CONTEXT: Final = 0xC0FFEE
REFUSED: Final = 0x1000
"""Stands for an error of `schedule`."""

UNKNOWN: Final = 0x2000
"""Stands for an error of the number of threads."""

_CREATED: Final = 0x3000


class _Xla:
    """The methods that a handler calls, which note what they were given."""

    def __init__(self, threads: int, helping: Help) -> None:
        self.threads, self.helping = threads, helping
        self.tasks = 0
        self.running: list[threading.Thread] = []
        self.late: list[Callable[[], None]] = []
        self.destroyed: list[int] = []
        self.errors: list[tuple[bytes, int]] = []

    def schedule(self, address: int) -> int | None:
        given = _Schedule.from_address(address)
        assert (given.size, given.extensions, given.context) == (ctypes.sizeof(_Schedule), None, _CONTEXT)
        if self.helping == "refused":
            return REFUSED
        self.tasks += 1
        task, data = _Task(given.task), given.data
        if self.helping == "at once":
            task(data)
        elif self.helping == "in threads":
            self.running.append(threading.Thread(target=task, args=(data,)))
            self.running[-1].start()
        else:
            self.late.append(lambda: task(data))
        return None

    def thread_count(self, address: int) -> int | None:
        given = _ThreadCount.from_address(address)
        assert (given.size, given.extensions, given.context) == (ctypes.sizeof(_ThreadCount), None, _CONTEXT)
        if self.helping == "unknown":
            return UNKNOWN
        given.threads[0] = self.threads
        return None

    def destroy_error(self, address: int) -> None:
        self.destroyed.append(_DestroyError.from_address(address).error)

    def create_error(self, address: int) -> int:
        given = _CreateError.from_address(address)
        self.errors.append((given.message, given.code))
        return _CREATED

    def interface(self) -> _Interface:
        made = _Interface()
        made.schedule, made.thread_count = _Method(self.schedule), _Method(self.thread_count)
        made.destroy_error, made.create_error = _Method(self.destroy_error), _Method(self.create_error)
        return made


def _handler(path: Path) -> Any:
    return ctypes.cast(xla_handler(path), _Method)


def version(path: Path) -> tuple[int, int]:
    """Return the version of the interface that a handler says it was written for."""
    metadata = _Metadata()
    extension = _MetadataExtension(ctypes.sizeof(_MetadataExtension), 1, None, ctypes.pointer(metadata))
    asked = _Call(ctypes.sizeof(_Call), ctypes.addressof(extension))
    assert _handler(path)(ctypes.addressof(asked)) is None
    return metadata.version.major, metadata.version.minor


def _numbers(draw: Draw, form: str, offset: int) -> list[int]:
    """Return the numbers of a plan as 32-bit words."""
    head = struct.pack("<QIIiiiq", offset, draw.first_rank, draw.ranks & 0xFFFFFFFF, draw.shift, draw.low, draw.high,
                       draw.mean)  # fmt: skip
    data = head + struct.pack("<d" if form == "float64" else "<f", draw.factor)
    return list(struct.unpack(f"<{len(data) // 4}I", data))


def call(
    path: Path,
    out: int,
    draw: Draw,
    form: str,
    mode: str,
    axes: Sequence[tuple[int, ...]],
    outer: int,
    *,
    offset: int = 0,
    stack: int = -1,
    keys: Sequence[Words],
    threads: int = 1,
    helping: Help = "at once",
) -> Outcome:
    """Call a handler as XLA does, and return what it did; the error that it returns must be the one that it made.

    Args:
        path: The instruction set.
        out: The address of the array.
        draw: The rule.
        form: What is written.
        mode: One of `MODES`.
        axes: Of each axis its size, stride, period, outer stride and phase.
        outer: How many axes count the rows.
        offset: The logical index of the first element.
        stack: The axis that chooses the key, or -1.
        keys: The keys.
        threads: How many threads XLA has.
        helping: What becomes of the tasks for them.
    """
    xla = _Xla(threads, helping)
    structure = [LAWS[draw.distribution], FORMATS[form], MODES[mode], outer, stack, len(axes)]
    structure += [number for axis in axes for number in axis]
    attribute = (ctypes.c_int64 * len(structure))(*structure)
    words = [[key[0] for key in keys], [key[1] for key in keys], _numbers(draw, form, offset)]
    operands = [(ctypes.c_uint32 * len(each))(*each) for each in words]
    held = [_Buffer(ctypes.sizeof(_Buffer), data=address) for address in (*map(ctypes.addressof, operands), out)]
    places = [(ctypes.c_void_p * len(some))(*map(ctypes.addressof, some)) for some in (held[:3], held[3:])]
    numbers = _Numbers(count=len(structure), data=ctypes.addressof(attribute))
    values = (ctypes.c_void_p * 1)(ctypes.addressof(numbers))
    interface = xla.interface()
    made = _Call(ctypes.sizeof(_Call), interface=ctypes.pointer(interface), context=_CONTEXT)
    made.arguments = _Buffers(count=3, buffers=ctypes.addressof(places[0]))
    made.results = _Buffers(count=1, buffers=ctypes.addressof(places[1]))
    made.attributes = _Attributes(count=1, values=ctypes.addressof(values))
    error = _handler(path)(ctypes.addressof(made))
    if xla.running:
        size = math.prod(axis[0] for axis in axes) * SIZES[form]
        returned = ctypes.string_at(out, size)
        for thread in xla.running:
            thread.join()
        assert returned == ctypes.string_at(out, size), "the handler returned before others had filled their parts"
    ctypes.memset(attribute, 0xFF, ctypes.sizeof(attribute))  # a task that starts later must not read it
    for task in xla.late:
        task()
    assert error == (_CREATED if xla.errors else None)
    return Outcome(xla.errors, xla.destroyed, xla.tasks)
