"""The public functions: initialise one tensor, or the parameters of a network."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from fanin._checks import whole_number
from fanin.contract import Backend
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers import Initializer
from fanin.layout import Geometry
from fanin.plans import Name, Plan, Slices, plan
from fanin.registry import backend as get_backend

__all__ = ["draw", "init", "init_parameters"]


def draw(plan: Plan, *, backend: str | Backend | None = None, device: object = None) -> Any:
    """Draw a plan with a backend.

    Raises:
        FaninValueError: The backend does not draw the plan's dtype or rule, or does not know the device.
        FaninError: The backend cannot be loaded (see `fanin.backend`).
    """
    drawer = get_backend(backend)
    if plan.dtype not in drawer.capabilities.dtypes:
        raise FaninValueError(
            f"backend {drawer.name!r} does not draw {plan.dtype}. Accepted: "
            f"{', '.join(sorted(drawer.capabilities.dtypes))}."
        )
    if plan.rule.kind not in drawer.capabilities.rules:
        raise FaninValueError(
            f"backend {drawer.name!r} does not draw {plan.initializer}, whose rule is {plan.rule.kind!r}. It draws the "
            f"rules {', '.join(sorted(drawer.capabilities.rules))}. Use another backend, such as numpy, torch or jax."
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

    Each weight is a function of the seed, the name, its logical index, the initializer and the dtype alone: the same
    bits from every backend, on every device, in every layout, whole or as a shard.

    Args:
        shape: Shape of the whole tensor as it is stored: (256, 64), or 256 for one axis.
        initialization: A name ("zeros", "random", "he", "glorot_uniform", ...; `fanin.initializer_names()` lists
            them) or an `Initializer`, such as `fanin.normal(std=0.02)`.
        layout: What each axis is, one letter an axis: O out, I in, D H W spatial, S stack; "OI" is torch's dense
            layer, "HWIO" JAX's convolution. Needed where the initializer needs a fan, which is never guessed.
        seed: An integer in [0, 2^64).
        name: The parameter's name, which selects its stream: give each parameter its own. Without one it is the seed's
            own stream, so two tensors without a name have the same numbers (see the second example). A stack (layout
            with S) takes a list of names, one a slice.
        dtype: "float64", "float32", "float16", "bfloat16", or a library's dtype. The low-precision weights are the
            float32 weights, rounded.
        backend: A backend's name; None for the only installed one, or numpy.
        device: Where the tensor shall live, in the backend's own terms; None for its default.
        slices: Draw only this part: one slice (or None) for each stored axis. It equals the same slice of the whole.
        groups: Groups of a grouped convolution, whose layout stores in/groups channels.
        transposed: Whether it is a transposed convolution's kernel, which stores all in-channels and out/groups.
        stride: Stride of the transposed convolution, a number or one for each spatial axis.

    Returns:
        An array of the backend's library, of the shape (of the part) and dtype asked for.

    Raises:
        FaninValueError: An argument's value means nothing here; the message says which, and what is accepted.
        FaninTypeError: An argument has the wrong type.
        FaninError: The backend cannot be loaded (see `fanin.backend`).

    Example:
        >>> weight = init((256, 64), "he", layout="OI", seed=0, name="fc.weight", backend="numpy")
        >>> weight.shape, weight.dtype.name, float(weight[0, 0])
        ((256, 64), 'float32', -0.0567663311958313)

        The trap of a loop that gives no names, and the way out:

        >>> one, other = (init((3, 2), "random", backend="numpy") for layer in range(2))
        >>> bool((one == other).all())  # two layers, and one set of weights
        True
        >>> one, other = (init((3, 2), "random", name=f"layers.{k}.weight", backend="numpy") for k in range(2))
        >>> bool((one == other).any())
        False
    """
    geometry = Geometry.of(shape, layout, groups, transposed, stride)
    made = Plan.of(initialization, geometry, seed=seed, name=name, dtype=dtype, slices=slices)
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
        widths: Width of the input, of each hidden layer, and of the output: at least two whole numbers above 0.
        initialization: The weights' initializer, a name or an `Initializer`; the biases are zero.
        seed: An integer in [0, 2^64).
        backend: A backend's name; None for the only installed one, or numpy.
        dtype: The dtype of every parameter.
        device: Where the parameters shall live, in the backend's own terms.
        layout: "OI" for weights of shape (out, in), as torch stores them; "IO" for (in, out), as JAX does.

    Returns:
        "layers.0.weight", "layers.0.bias", "layers.1.weight", ... to arrays. Each weight's stream has its name.

    Raises:
        FaninValueError: Fewer than two widths, a width below 1, or a layout other than these two.
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
