"""The JAX backend of fanin: the specification's weights as JAX arrays, eagerly, compiled and sharded.

`fanin_jax.initializer("he")` is a drop-in for `jax.nn.initializers`; `fanin_jax.init` draws one array.
"""

from __future__ import annotations

from fanin_jax._api import init, initializer
from fanin_jax._backend import JaxBackend
from fanin_jax._build import build
from fanin_jax._probe import probe
from fanin_jax._record import record

__version__ = "0.1.0"

__all__ = ["JaxBackend", "__version__", "build", "init", "initializer", "probe", "record"]
