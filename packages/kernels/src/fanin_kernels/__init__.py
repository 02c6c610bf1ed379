"""The compiled kernels of fanin's backends. They write weights at an address; the backends know arrays."""

from fanin_kernels._library import FORMATS, LAWS, Kernels, Rule, Seen, kernels
from fanin_kernels._pages import use_large_pages
from fanin_kernels._paths import PATHS, Path, chosen_path, supported_paths
from fanin_kernels._table import NORMAL_TABLE
from fanin_kernels._xla import MODES, xla_handler

__version__ = "0.1.0"

__all__ = [
    "FORMATS",
    "LAWS",
    "MODES",
    "NORMAL_TABLE",
    "PATHS",
    "Kernels",
    "Path",
    "Rule",
    "Seen",
    "__version__",
    "chosen_path",
    "kernels",
    "supported_paths",
    "use_large_pages",
    "xla_handler",
]
