"""The public functions: initialize one tensor, or the parameters of a network."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from fanin._checks import whole_number
from fanin.contract import Backend
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers import Initializer
from fanin.plans import Name, Plan, Slices, plan
from fanin.registry import backend as get_backend

__all__ = ["draw", "init", "init_parameters"]


def draw(plan: Plan, *, backend: str | Backend | None = None, device: object = None) -> Any:
    """Draw a plan with a backend.

    Raises:
        FaninValueError: The backend does not support the plan's dtype or rule, or does not know the device.
        FaninError: The backend cannot be loaded (see `fanin.backend`).
    """
    drawer = get_backend(backend)
    if plan.dtype not in drawer.capabilities.dtypes:
        raise FaninValueError(
            f"backend {drawer.name!r} does not support the dtype {plan.dtype}. Accepted: "
            f"{', '.join(sorted(drawer.capabilities.dtypes))}. Use one of these, or another backend."
        )
    if plan.rule.kind not in drawer.capabilities.rules:
        raise FaninValueError(
            f"backend {drawer.name!r} does not support the rule {plan.rule.kind!r}, which {plan.initializer} needs. "
            f"Accepted: {', '.join(sorted(drawer.capabilities.rules))}. Use another backend, such as numpy, torch or "
            f"jax."
        )
    return drawer.draw(plan, device=device)


def init(
    shape: Sequence[int] | int,
    initialization: str | Initializer = "he",
    *,
    layout: str | None = None,
    seed: int = 0,
    name: Name = None,
    dtype: object = "float32",
    backend: str | Backend | None = None,
    device: object = None,
    slices: Slices = None,
    groups: int = 1,
    transposed: bool = False,
    stride: int | Sequence[int] | None = None,
) -> Any:
    """Return a new tensor of initial weights.

    Each weight depends only on the seed, the name, its logical index, the initializer and the dtype. So the bits are
    the same from every backend, on every device and in every layout, whether the tensor is drawn whole or in shards.

    Args:
        shape: Shape of the whole tensor as stored, for example (256, 64). A single integer is a shape with one axis.
        initialization: A name ("zeros", "random", "he", "glorot_uniform", ...; `fanin.initializer_names()` lists
            them) or an `Initializer`, such as `fanin.normal(std=0.02)`.
        layout: The role of each axis, one letter per axis: O (out), I (in), D, H, W (spatial), S (stack). "OI" is
            torch's dense layer, "HWIO" is JAX's convolution. Required if the initializer needs a fan; fans are never
            guessed.
        seed: An integer in [0, 2^64).
        name: The parameter's name, which selects its random stream. Give each parameter its own name. Without a name,
            the seed's own stream is used, so two tensors without names get the same numbers (see the second example).
            A stack (a layout with S) takes a list of names, one per slice.
        dtype: A name of `fanin.dtypes.DTYPES`, such as "bfloat16", or a library's dtype. Low-precision weights are the
            float32 weights, rounded.
        backend: A backend's name; None for the only installed one, or numpy.
        device: The device for the tensor, in the backend's own terms; None for the backend's default.
        slices: Draw only this part: one slice (or None) per stored axis. The result equals the same slice of the whole
            tensor.
        groups: Number of groups of a grouped convolution, whose kernel stores in/groups channels.
        transposed: Whether the tensor is the kernel of a transposed convolution, which stores all in-channels and
            out/groups out-channels.
        stride: Stride of the transposed convolution: one number, or one per spatial axis.

    Returns:
        An array of the backend's library, of the requested shape (that of the part, if there is one) and dtype.

    Raises:
        FaninValueError: An argument has an invalid value; the message says which, and what is accepted.
        FaninTypeError: An argument has the wrong type.
        FaninError: The backend cannot be loaded (see `fanin.backend`).

    Example:
        >>> weight = init((256, 64), "he", layout="OI", seed=0, name="fc.weight", backend="numpy")
        >>> weight.shape, weight.dtype.name, float(weight[0, 0])
        ((256, 64), 'float32', -0.0567663311958313)

        In a loop without names, every tensor gets the same numbers. Names make them different:

        >>> one, other = (init((3, 2), "random", backend="numpy") for layer in range(2))
        >>> bool((one == other).all())  # two layers with the same weights
        True
        >>> one, other = (init((3, 2), "random", name=f"layers.{k}.weight", backend="numpy") for k in range(2))
        >>> bool((one == other).any())
        False
    """
    made = plan(
        shape,
        initialization,
        layout=layout,
        seed=seed,
        name=name,
        dtype=dtype,
        slices=slices,
        groups=groups,
        transposed=transposed,
        stride=stride,
    )
    return draw(made, backend=backend, device=device)


def init_parameters(
    widths: Sequence[int],
    initialization: str | Initializer = "he",
    *,
    seed: int = 0,
    backend: str | Backend | None = None,
    dtype: object = "float32",
    device: object = None,
    layout: str = "OI",
) -> dict[str, Any]:
    """Return the parameters of a fully connected network, given the widths of its layers.

    Args:
        widths: Widths of the input, of each hidden layer, and of the output: at least two whole numbers above 0.
        initialization: The weights' initializer, a name or an `Initializer`; the biases are zero.
        seed: An integer in [0, 2^64).
        backend: A backend's name; None for the only installed one, or numpy.
        dtype: The dtype of every parameter.
        device: The device for the parameters, in the backend's own terms; None for the backend's default.
        layout: "OI" for weights of shape (out, in), as torch stores them; "IO" for (in, out), as JAX does.

    Returns:
        A dict from the names "layers.0.weight", "layers.0.bias", "layers.1.weight", ... to arrays. Each weight is drawn
        from the stream of its name.

    Raises:
        FaninValueError: There are fewer than two widths, a width is below 1, or the layout is not one of these two.
        FaninTypeError: `widths` is not a sequence of whole numbers.
        FaninError: As `fanin.init`.

    Example:
        >>> {name: array.shape for name, array in init_parameters([64, 32, 10], backend="numpy").items()}
        {'layers.0.weight': (32, 64), 'layers.0.bias': (32,), 'layers.1.weight': (10, 32), 'layers.1.bias': (10,)}
    """
    if isinstance(widths, (str, bytes, dict, set)) or not isinstance(widths, Iterable):
        raise FaninTypeError(
            f"widths must be a sequence of whole numbers, for example [64, 256, 10]. Received: {widths!r} of type "
            f"{type(widths).__name__}."
        )
    sizes = [whole_number(width, "each width", 1) for width in widths]
    if len(sizes) < 2:
        raise FaninValueError(
            f"widths needs at least an input and an output width, for example [64, 256, 10]. Received: {widths!r}."
        )
    if layout not in ("OI", "IO"):
        raise FaninValueError(f'layout must be "OI" (out, in) or "IO" (in, out). Received: {layout!r}.')
    plans: dict[str, Plan] = {}
    for i, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        shape = (outputs, inputs) if layout == "OI" else (inputs, outputs)
        name = f"layers.{i}.weight"
        plans[name] = plan(shape, initialization, layout=layout, seed=seed, name=name, dtype=dtype)
        plans[f"layers.{i}.bias"] = plan((outputs,), "zeros", layout="O", dtype=dtype)
    drawer = get_backend(backend)
    return {name: draw(item, backend=drawer, device=device) for name, item in plans.items()}
