"""Recording: a model's own initialization, read from what its code does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from fanin.exceptions import FaninTypeError
from fanin_torch._record.hooks import current_tape, hooked
from fanin_torch._record.scheme import RecordedScheme, read_scheme
from fanin_torch._record.tape import Tape

__all__ = ["Recording", "record"]


_MAKERS: Final = (torch.tensor, torch.as_tensor, torch.scalar_tensor)
_READERS: Final = (Tensor.numpy, Tensor.tolist, Tensor.__array__, Tensor.__dlpack__)
"""What hands the numbers of a tensor to Python without an operation of torch."""

_RAW: Final = (
    *(Tensor.apply_, Tensor.map_, Tensor.map2_),
    *(torch._sobol_engine_draw, torch._sobol_engine_ff_, torch._sobol_engine_scramble_),
    torch._sobol_engine_initialize_state_,
)
"""What writes the numbers of a tensor without an operation of torch."""

_SHOWN: Final = (Tensor.__repr__, Tensor.__format__)


class _Python(TorchFunctionMode):
    """What passes between torch and Python, of which a tape sees nothing.

    Python's numbers that become a tensor are made in main memory, and then moved: on the meta device
    `torch.tensor([...])` forgets them. Numbers that Python reads are real, and noted.
    """

    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self._tape: Final = tape

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if func in _MAKERS and not any(isinstance(a, Tensor) for a in args):
            device = given.get("device")
            if (torch.get_default_device() if device is None else torch.device(device)).type == "meta":
                return func(*args, **{**given, "device": "cpu"}).to("meta")
        if func in _READERS:
            self._tape.note_read(args[0])
        if func in _RAW:
            return self._tape.note_raw(func, args, given)
        if func in _SHOWN:
            with self._tape.printing(args[0]):
                return func(*args, **given)
        return func(*args, **given)


class Recording:
    """What `record` has seen: from it the scheme of any module that was built or re-initialised inside."""

    def __init__(self, tape: Tape) -> None:
        self._tape: Final = tape

    def scheme(self, model: nn.Module) -> RecordedScheme:
        """Return the initialization of a module, with the names of `named_parameters` and `named_buffers`.

        A parameter has the law that its code draws it by. Several regions with laws of their own are parts. What
        follows no law has a note that says what computes it.

        Raises:
            FaninTypeError: It is not a module.
            FaninValueError: Nothing of it was made while the recording was on, or it holds random numbers that are
                neither a parameter nor a buffer.
        """
        return read_scheme(model, self._tape)


@contextmanager
def record(draw: bool = True) -> Iterator[Recording]:
    """Record how any code builds or re-initialises modules.

    The laws are read from what the code does, never from the names of classes. Only this thread is recorded, and
    nothing of the process is changed once the recording is over.

    Args:
        draw: Whether random numbers are drawn. With False the weights are undefined, building a large model costs no
            random numbers and touches no memory, and torch's generators stay as they are.

    Raises:
        FaninTypeError: `draw` is neither True nor False.

    Yields:
        A `Recording`, whose `scheme(model)` is the model's initialization as data.

    Example:
        >>> with record(draw=False) as recording:
        ...     model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10, bias=False))
        >>> print(recording.scheme(model))
        name      shape     dtype    law                 layout
        0.weight  256 x 64  float32  U(-0.125, 0.125)    OI
        0.bias    256       float32  U(-0.125, 0.125)    O
        2.weight  10 x 256  float32  U(-0.0625, 0.0625)  OI
    """
    if not isinstance(draw, bool):
        raise FaninTypeError(f"draw must be True or False. Received: {draw!r}.")
    tape = Tape(draw, current_tape())
    generator = None if draw else torch.random.get_rng_state()
    try:
        with hooked(tape), _Python(tape), tape:
            yield Recording(tape)
    finally:
        if generator is not None:
            torch.random.set_rng_state(generator)
