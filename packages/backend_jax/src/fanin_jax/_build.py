"""What a function of a key returns, with fanin's weights: drawn once, where they shall live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fanin.models import Scheme
from fanin.stream.keys import seed_words
from fanin_jax._apply_scheme import Application, check_scheme
from fanin_jax._record import record

__all__ = ["build"]


def build(
    function: Callable[..., Any],
    *args: Any,
    seed: int = 0,
    scheme: Scheme | None = None,
    shardings: Any = None,
) -> Any:
    """Return what a function of a key returns, with its own initialization drawn from fanin's streams.

    The function is traced, and draws nothing. The weights are drawn in one compiled function, each from the stream of
    its own name, and with `shardings` each device computes only its own part: their bits do not depend on it.

    Args:
        function: As in `record`: a function of a key and `args`, a class of NNX or Equinox, or `model.init`.
        args: Its other arguments.
        seed: An integer in [0, 2^64).
        scheme: Which laws to draw instead of the function's own: a scheme with its names. What follows no law there
            is computed as the function does it.
        shardings: How to shard the arrays, as `jax.jit` takes `out_shardings`: one sharding, or a tree like what the
            function returns, whose branches may each be one sharding. For an NNX module, one like `nnx.state(model)`.

    Returns:
        What the function returns: the same tree, boxes and modules, with new arrays. Keys in it, as those of NNX's
        dropout, are those that the function makes of `jax.random.key(seed)`.

    Raises:
        FaninTypeError: It is no function of a key, it returns no array, or the scheme or a sharding has another type.
        FaninValueError: The scheme has other names or shapes than what the function returns, the shardings have
            another tree, one of them does not divide its array, or an array is made from an argument that was not
            given.

    Example:
        >>> import jax
        >>> def layer(key, width):
        ...     return {"kernel": jax.random.normal(key, (width, 4)) * width**-0.5, "bias": jax.numpy.zeros(4)}
        >>> built = build(layer, 16, seed=1)
        >>> bool((built["kernel"] == record(layer, 16).draw(seed=1)["kernel"]).all())
        True
    """
    seed_words(seed)
    recorded = record(function, *args)
    chosen = recorded if scheme is None else check_scheme(scheme, recorded)
    return Application(recorded, chosen, int(seed), shardings).built()
