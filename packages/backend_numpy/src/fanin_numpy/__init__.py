"""The NumPy backend of fanin: weights as NumPy arrays, with compiled kernels if fanin-kernels is installed."""

from fanin_numpy._api import init, init_
from fanin_numpy._backend import NumpyBackend
from fanin_numpy._batch import Batch
from fanin_numpy._draw import draw_into
from fanin_numpy._engine import batch, get_engine, set_engine
from fanin_numpy._threads import get_num_threads, set_num_threads

__version__ = "0.1.0"

__all__ = [
    "Batch",
    "NumpyBackend",
    "__version__",
    "batch",
    "draw_into",
    "get_engine",
    "get_num_threads",
    "init",
    "init_",
    "set_engine",
    "set_num_threads",
]
