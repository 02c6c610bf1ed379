"""The torch backend of fanin: weights as torch tensors, on any device, with the same bits."""

from fanin_torch._api import init, init_
from fanin_torch._backend import TorchBackend
from fanin_torch._build import build
from fanin_torch._device_engine import get_device_engine, set_device_engine
from fanin_torch._draw import draw_into
from fanin_torch._module import init_module_
from fanin_torch._probe import probe
from fanin_torch._record import record

__version__ = "0.1.0"

__all__ = [
    "TorchBackend",
    "__version__",
    "build",
    "draw_into",
    "get_device_engine",
    "init",
    "init_",
    "init_module_",
    "probe",
    "record",
    "set_device_engine",
]
