"""A scheme: a model's initialization as data, one `Parameter` per name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from fanin.contract import Backend
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.models.data import parameters_of_text, text_of_parameters
from fanin.models.draw import draw_parameter
from fanin.models.likeness import Names, like
from fanin.models.parameter import Parameter
from fanin.models.splitting import Pieces, split
from fanin.models.table import table
from fanin.registry import backend as get_backend
from fanin.stream.keys import seed_words

__all__ = ["Scheme"]


class Scheme(Mapping[str, Parameter]):
    """A model's initialization: for each parameter and random buffer its shape, dtype, law and stream.

    It is to a model what a plan is to a tensor, without the seed. It can be printed (`str`), compared (`fanin.diff`),
    kept as JSON, carried to another framework (`like`), and drawn.

    Args:
        parameters: Name to parameter, in the model's order.

    Attributes:
        tied: For each further name of a tied tensor, the name that it has in the scheme, where a recording knows it.

    Example:
        >>> weight = Parameter((4, 3), "float32", "he", layout="OI")
        >>> scheme = Scheme({"fc.weight": weight, "fc.bias": Parameter((4,), "float32", "zeros")})
        >>> print(scheme)
        name       shape  dtype    law                layout
        fc.weight  4 x 3  float32  N(0, 0.816497^2)   OI
        fc.bias    4      float32  every weight is 0
        >>> Scheme.from_json(scheme.to_json()) == scheme
        True
    """

    tied: Mapping[str, str] = MappingProxyType({})

    def __init__(self, parameters: Mapping[str, Parameter]) -> None:
        if not isinstance(parameters, Mapping):
            raise FaninTypeError(
                f"a scheme is made from a mapping of names to fanin.Parameter. Received: {type(parameters).__name__}."
            )
        items: Iterable[tuple[object, object]] = parameters.items()
        for name, parameter in items:
            if not (isinstance(name, str) and isinstance(parameter, Parameter)):
                raise FaninTypeError(
                    f"a scheme maps names to fanin.Parameter values. Received: {name!r}: {type(parameter).__name__}."
                )
        self._parameters = dict(parameters)

    def __getitem__(self, name: str) -> Parameter:
        return self._parameters[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __len__(self) -> int:
        return len(self._parameters)

    def __str__(self) -> str:
        return table(self)

    def __repr__(self) -> str:
        return f"<fanin.Scheme of {len(self)} parameters>"

    def draw(self, seed: int = 0, backend: str | Backend | None = "numpy", device: object = None) -> dict[str, Any]:
        """Return new arrays of initial weights, name to array.

        Args:
            seed: An integer in [0, 2^64).
            backend: A backend's name; None for the only installed one, or numpy.
            device: Where the arrays shall live, in the backend's own terms.

        Raises:
            FaninValueError: Some parameters follow no law (the message lists them), or a law cannot be drawn (the
                message names the parameter).
            FaninError: The backend cannot be loaded.
        """
        undrawn = [name for name, parameter in self.items() if not parameter.follows_laws]
        if undrawn:
            raise FaninValueError(
                f"{len(undrawn)} of {len(self)} parameters follow no law that can be drawn: {_some(undrawn)}. Leave "
                f"them out, scheme.only_laws().draw(...), or draw with the recording that knows them."
            )
        drawer = get_backend(backend)
        seed_words(seed)
        drawn = {}
        for name, parameter in self.items():
            try:
                drawn[name] = draw_parameter(parameter, name, seed, drawer, device)
            except (FaninValueError, FaninTypeError) as error:
                raise type(error)(f"{name}: {error}") from error
        return drawn

    def only_laws(self) -> Scheme:
        """Return the scheme without the tensors that follow no law."""
        return Scheme({name: parameter for name, parameter in self.items() if parameter.follows_laws})

    def like(self, source: Scheme, names: Names | None = None) -> Scheme:
        """Return this scheme's shapes, dtypes and layouts with the laws and streams of another one.

        The weights are then those of the source in the target's layouts: both must have the same logical shape,
        (out, in, *kernel), whose order the logical index goes by. An initializer whose fans are others here becomes the
        law that they gave it there. A source without a layout is in plain C order of (out, in, *kernel); a target that
        has none, and the source's shape, gets the source's array as it is stored, and its layout.

        Args:
            source: The scheme that says the laws and the streams.
            names: This scheme's names to the source's; names that are left out are the same in both. A part of a
                packed source, or a slice of a stack, is named by its stream. A stack here may be like separate
                tensors there, {"layers.weight": ["layers.0.weight", "layers.1.weight"]}, and so may a packed tensor,
                in the order of its first out-axis: {"qkv.weight": ["q.weight", "k.weight", "v.weight"]}.

        Raises:
            FaninValueError: A name is missing, or two tensors cannot have the same weights; the message lists all.
            FaninTypeError: `source` is no scheme, or `names` no mapping of names.

        Example:
            An attention kernel of Flax, (in, heads, head_dim), with the weights of torch's (heads * head_dim, in):

            >>> torchs = Scheme({"q.weight": Parameter((8, 6), "float32", "he", layout="OI")})
            >>> flaxs = Scheme({"q.kernel": Parameter((6, 2, 4), "float32", layout="IOO")})
            >>> print(flaxs.like(torchs, {"q.kernel": "q.weight"}))
            name      shape      dtype    law              layout  stream
            q.kernel  6 x 2 x 4  float32  N(0, 0.57735^2)  IOO     q.weight
        """
        if not isinstance(source, Scheme):
            raise FaninTypeError(f"a scheme is like another fanin.Scheme. Received: {type(source).__name__}.")
        return Scheme(like(self, source, names))

    def rename(self, names: Mapping[str, str] | Callable[[str], str]) -> Scheme:
        """Return the scheme under other names; each parameter keeps the stream that it had.

        Args:
            names: Old name to new name, or a function; names that a mapping leaves out stay.

        Raises:
            FaninValueError: Two parameters would have the same name, or a name is not there.
            FaninTypeError: `names` is neither a mapping nor a function, or a new name is not text.
        """
        if not isinstance(names, Mapping) and not callable(names):
            raise FaninTypeError(f"names must be a mapping or a function. Received: {type(names).__name__}.")
        mapping = names if isinstance(names, Mapping) else {name: names(name) for name in self}
        if unknown := [str(name) for name in mapping if name not in self]:
            raise FaninValueError(f"the scheme has no {_some(unknown)}. It has: {_some(list(self))}.")
        renamed: dict[str, Parameter] = {}
        for name, parameter in self.items():
            new = mapping.get(name, name)
            if not isinstance(new, str):
                raise FaninTypeError(f"a parameter's name is text. Received: {new!r} for {name!r}.")
            if new in renamed:
                raise FaninValueError(f"two parameters would be called {new!r}. Give each its own name.")
            renamed[new] = parameter.with_streams_of(name) if new != name else parameter
        return Scheme(renamed)

    def split(self, pieces: Pieces) -> Scheme:
        """Return the scheme with packed parameters as equal parts, each with the law of the whole and its own stream.

        A framework that stores the pieces separately can then have the same weights (`like`). They are other weights
        than the packed ones, of the same distribution.

        Args:
            pieces: A name, or a pattern of names, to the names of its pieces along the first out-axis.

        Raises:
            FaninValueError: A pattern is for no parameter, or a parameter does not follow one law of independent
                weights, or cannot be cut into as many equal pieces.
            FaninTypeError: `pieces` does not map names to names.

        Example:
            >>> packed = Scheme({"qkv.weight": Parameter((12, 4), "float32", "glorot_uniform", layout="OI")})
            >>> print(packed.split({"qkv.weight": "qkv"}))
            name                   shape   dtype    law                     layout  stream
            qkv.weight             12 x 4  float32  3 parts                 OI
              qkv.weight[0:4, :]   4 x 4   float32  U(-0.612372, 0.612372)  OI      qkv.weight.q
              qkv.weight[4:8, :]   4 x 4   float32  U(-0.612372, 0.612372)  OI      qkv.weight.k
              qkv.weight[8:12, :]  4 x 4   float32  U(-0.612372, 0.612372)  OI      qkv.weight.v
        """
        return Scheme(split(self, pieces))

    def to_json(self) -> str:
        """Return the scheme as text: versioned, stable, strict JSON, one line per parameter, so that a diff reads well.

        An infinite bound of a law is written as "inf" or "-inf".
        """
        return text_of_parameters(self)

    @staticmethod
    def from_json(text: str) -> Scheme:
        """Return the scheme that `to_json` described.

        Raises:
            FaninValueError: The text is no JSON, no scheme, of another version, or a parameter (the message names it)
                has a setting that is missing, unknown or out of range.
            FaninTypeError: It is no text, or a setting has the wrong type.
        """
        return Scheme(parameters_of_text(text))


def _some(names: list[str], most: int = 5) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
