"""An initializer for Keras's layers, which draws fanin's bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import keras

import fanin
from fanin.exceptions import FaninError, FaninTypeError, FaninValueError
from fanin.initializers import Initializer as Law
from fanin.initializers.names import get_initializer
from fanin.layout import Geometry, check_shape
from fanin.stream.keys import seed_words
from fanin_keras._distributed import distributed
from fanin_keras._layers import Axes, axes_of
from fanin_keras._owner import Owner, find_owner
from fanin_keras._streams import claim
from fanin_numpy import NumpyBackend

__all__ = ["Initializer"]

_BACKEND: Final = NumpyBackend()

_USUAL: Final = {2: "IO", 3: "WIO", 4: "HWIO", 5: "DHWIO"}
"""How Keras stores dense and convolution kernels, by number of axes."""


@keras.saving.register_keras_serializable(package="fanin")
class Initializer(keras.initializers.Initializer):  # type: ignore[misc]  # Keras has no types
    """A `keras.initializers.Initializer` that draws fanin's bits: the same on Keras's TensorFlow, JAX and torch.

    It is saved with a model and loaded with it, after `import fanin_keras`. As text it is "fanin>Initializer".

    Keras tells an initializer neither which layer nor which variable it is called for, so fanin looks it up: the
    layer says which axes are in and out (a depthwise or transposed kernel has others than a dense one), and without a
    name the variable's path is the name of the stream: "encoder/attention/query/kernel". A path with a name that Keras
    makes up from the class ("dense", "dense_1") is refused, since it changes when the model is built again. Name each
    layer that the path goes through, or pass `name`, or initialize the whole model by `init_model_`, which numbers
    layers by position. The path is Keras's: that of a layer in a `Sequential` begins with the name of the model, that
    of a layer in a functional model does not, so give the layers of two functional towers different names.

    Args:
        initialization: A name or a `fanin.Initializer`, as in `fanin.init`.
        seed: An integer in [0, 2^64).
        name: The name of the stream; None for the variable's path. Two variables of one layer or model may not have the
            same: an attention layer hands its initializer to several.
        layout: One letter per axis, instead of what the layer says. Where no layer says it: IO, WIO, HWIO or DHWIO for
            2 to 5 axes. An embedding has no in- and out-axes, so an initializer that needs fans needs a layout there.
        groups: Number of groups of a grouped convolution; with a layout only.
        transposed: Whether it is the kernel of a transposed convolution; with a layout only.
        stride: Stride of the transposed convolution; with a layout only.

    Raises:
        FaninValueError: The initialization is unknown, or an argument is out of range. When it is called: random
            weights without a stable name, a stream that another variable of the model has, or a shape or dtype that
            `fanin.init` would reject.
        FaninTypeError: An argument has the wrong type.

    Example:
        >>> layer = keras.layers.Dense(256, kernel_initializer=Initializer("he", seed=0), name="fc")
        >>> layer.build((None, 64))
        >>> same = fanin.init((64, 256), "he", layout="IO", seed=0, name="fc/kernel", backend="numpy")
        >>> bool(keras.ops.all(layer.kernel == same))
        True
    """

    def __init__(
        self,
        initialization: str | Law = "he",
        seed: int = 0,
        name: str | None = None,
        *,
        layout: str | None = None,
        groups: int = 1,
        transposed: bool = False,
        stride: int | Sequence[int] | None = None,
    ) -> None:
        self.law = get_initializer(initialization)
        seed_words(seed)
        if name is not None and not isinstance(name, str):
            raise FaninTypeError(f'name must be text or None, such as "fc/kernel". Received: {name!r}.')
        if layout is None:
            Geometry.of((), None, groups, transposed, stride)  # refuses what needs a layout
        else:
            Geometry.of((groups,) * len(layout), layout, groups, transposed, stride)
        self.initialization = initialization
        self.seed = seed
        self.name = name
        steps = stride if stride is None or hasattr(stride, "__index__") else tuple(stride)
        self._stated: dict[str, Any] = {"layout": layout, "groups": groups, "transposed": transposed, "stride": steps}

    def __call__(self, shape: Sequence[int], dtype: Any = None, layout: Any = None) -> Any:
        """Return a tensor of initial weights, in Keras's backend.

        Args:
            shape: The shape of the variable.
            dtype: Its dtype; None for Keras's default.
            layout: How the tensor shall be distributed over devices: a `keras.distribution.TensorLayout`, or the
                backend's own; None for one device.
        """
        size = check_shape(shape)
        kind = keras.backend.standardize_dtype(dtype or keras.config.floatx())
        owner = find_owner()
        axes = self._axes(owner, size)
        settings = {"seed": self.seed, "name": self._stream(owner, size), "dtype": kind, "backend": _BACKEND, **axes}
        where = "" if owner is None else f"{owner.variable.path}: "
        try:
            fanin.plan(size, self.law, seed=self.seed, name=settings["name"], dtype=kind, **axes)
        except FaninError as error:
            raise type(error)(f"{where}{error}") from error
        if layout is not None:
            return distributed(lambda slices: fanin.init(size, self.law, slices=slices, **settings), size, layout)
        return keras.ops.convert_to_tensor(fanin.init(size, self.law, **settings), dtype=kind)

    def axes_for(self, layer: Any, key: str, shape: tuple[int, ...]) -> Axes:
        """Return the axes that the initializer takes a layer's variable to have."""
        if self._stated["layout"] is not None:
            geometry = Geometry.of(shape, **self._stated)
            return Axes(geometry.layout, geometry.groups, geometry.transposed, geometry.stride or None)
        known = axes_of(layer, key, shape)
        if known.layout is not None or isinstance(layer, (keras.layers.Embedding, keras.layers.EinsumDense)):
            return known
        return Axes(_USUAL.get(len(shape)))

    def _axes(self, owner: Owner | None, shape: tuple[int, ...]) -> dict[str, Any]:
        if self._stated["layout"] is not None:
            return self._stated
        if owner is not None and owner.layer is not None:
            return self.axes_for(owner.layer, owner.variable.name, shape).arguments
        if owner is not None and self.law.is_random and len(shape) > 1:
            raise FaninValueError(
                f"the layer that has {owner.variable.path} is not known here, so neither are its in- and out-axes. "
                f'State the layout: fanin_keras.Initializer(..., layout="{_USUAL.get(len(shape), "IO")}").'
            )
        return Axes(_USUAL.get(len(shape))).arguments

    def _stream(self, owner: Owner | None, shape: tuple[int, ...]) -> str | None:
        """Return the name of the stream.

        Raises:
            FaninValueError: The weights are random, and there is no name that would be theirs alone.
        """
        if not self.law.is_random:
            return None
        if owner is None:
            if self.name is None:
                raise FaninValueError(
                    f"random weights need a name, and fanin_keras.Initializer was called for no variable of Keras: all "
                    f"tensors without a name would be equal. Received: {self.law} for shape {shape}. Pass one: "
                    f'fanin_keras.Initializer(..., name="fc/kernel"), or hand the initializer itself to add_weight.'
                )
            return self.name
        path, whole = owner.variable.path, tuple(owner.variable.shape)
        if whole != shape:
            raise FaninValueError(
                f"{path} has shape {whole}, and its layer draws pieces of it, of which this one has shape {shape}: "
                f"their weights would be equal. Pass unit_forget_bias=False to the layer, or a constant initializer."
            )
        if self.name is None and (made_up := owner.numbered_names()):
            raise FaninValueError(
                f"the variable {path} has no name of its own: Keras numbers {' and '.join(made_up)}, and the next "
                f"build of the model gets other numbers, and would get other weights. Pass name= to each of these "
                f"layers and models, or to fanin_keras.Initializer, or initialize the whole model: "
                f"fanin_keras.init_model_(model, ...)."
            )
        stream = path if self.name is None else self.name
        claim(self.seed, stream, owner.variable)
        return stream

    def get_config(self) -> dict[str, Any]:
        """Return the settings as plain data."""
        law: Any = self.initialization
        if not isinstance(law, str):
            law = {key: list(value) if isinstance(value, tuple) else value for key, value in self.law.to_dict().items()}
        steps = self._stated["stride"]
        stated = {**self._stated, "stride": list(steps) if isinstance(steps, tuple) else steps}
        return {"initialization": law, "seed": self.seed, "name": self.name, **stated}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Initializer:
        """Return the initializer with these settings.

        Raises:
            FaninError: They are not what `get_config` returned.
        """
        settings = dict(config)
        if isinstance(settings.get("initialization"), Mapping):
            settings["initialization"] = Law.from_dict(settings["initialization"])
        return cls(**settings)
