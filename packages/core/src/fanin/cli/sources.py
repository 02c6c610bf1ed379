"""Schemes of models that are named by a text: of timm, of torchvision, of transformers, or of one's own code."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from fanin._checks import closest
from fanin._named import named
from fanin._raised import raised
from fanin.cli.text import ExtraMissingError
from fanin.exceptions import FaninError, FaninValueError
from fanin.models import Scheme

__all__ = ["scheme_of_text"]

_EXAMPLES: Final = (
    "timm:vit_tiny_patch16_224, torchvision:resnet18, transformers:config.json, or my.module:function, of a function "
    "without arguments that returns a torch module or a fanin.Scheme"
)


def scheme_of_text(text: str) -> Scheme:
    """Return the scheme of the model that a text names; the model is built, and draws nothing.

    Args:
        text: "timm:NAME", "torchvision:NAME", "transformers:CONFIG.json" or "my.module:function".

    Raises:
        FaninValueError: The text is nothing of these, nobody knows the name, or building the model failed.
        ExtraMissingError: A library is not installed.
    """
    home, sign, name = text.partition(":")
    if not (sign and home and name):
        raise FaninValueError(f"a model is named by a place and a name. Received: {text!r}. Accepted: {_EXAMPLES}.")
    build = _LIBRARIES[home](name) if home in _LIBRARIES else _function(home, name)
    return _recorded(build, text)


def _recorded(build: Callable[[], Any], text: str) -> Scheme:
    """Return what a function returns, if it is a scheme, and else the recording of its module."""
    if importlib.util.find_spec("fanin_torch") is None or importlib.util.find_spec("torch") is None:
        made = _built(build, text)
        if isinstance(made, Scheme):
            return made
        raise _missing("fanin_torch", 'pip install "fanin[torch]"')
    import fanin_torch

    with fanin_torch.record(draw=False) as recording:
        made = _built(build, text)
    if isinstance(made, Scheme):
        return made
    try:
        return recording.scheme(made)
    except FaninError as error:
        raise type(error)(f"{text}: {error}") from error


def _built(build: Callable[[], Any], text: str) -> Any:
    """Return what a stranger's code builds.

    Raises:
        FaninValueError: It raised something.
    """
    try:
        return build()
    except FaninError:
        raise
    except Exception as error:  # whatever a model's code raises, the reader needs its text and where it came from
        what = raised(error, text.partition(":")[0])
        raise FaninValueError(f"{text} could not be built: {what}") from error


def _timm(name: str) -> Callable[[], Any]:
    timm = _library("timm")
    if not timm.is_model(name):
        raise _unknown("timm", name, timm.list_models())
    return lambda: timm.create_model(name, pretrained=False)


def _torchvision(name: str) -> Callable[[], Any]:
    models = _library("torchvision").models
    if name not in (known := models.list_models()):
        raise _unknown("torchvision", name, known)
    builder = models.get_model_builder(name)
    # Detection and segmentation models fetch a trained backbone unless they are told not to.
    weights = {one: None for one in ("weights", "weights_backbone") if one in inspect.signature(builder).parameters}
    return lambda: builder(**weights)


def _transformers(name: str) -> Callable[[], Any]:
    transformers = _library("transformers")
    path = Path(name)
    if not path.is_file():
        raise FaninValueError(
            f"transformers: takes a model's configuration, a JSON file on this machine; nothing is fetched. "
            f"Received: {name!r}, which is no file."
        )

    def build() -> Any:
        config = transformers.AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
        if not config.architectures:
            return transformers.AutoModel.from_config(config)
        return getattr(transformers, config.architectures[0])(config)

    return build


_LIBRARIES: Final[dict[str, Callable[[str], Callable[[], Any]]]] = {
    "timm": _timm,
    "torchvision": _torchvision,
    "transformers": _transformers,
}


def _function(home: str, name: str) -> Callable[[], Any]:
    """Return the function of a module, which may be one in the current folder, as for `python -m`."""
    found = named(home, name, _EXAMPLES)
    if isinstance(found, Scheme):
        return lambda: found
    if not callable(found):
        raise FaninValueError(f"{home}:{name} must be a function, a class or a fanin.Scheme. Received: {found!r}.")
    function: Callable[[], Any] = found
    return function


def _library(name: str) -> Any:
    """Import a library that models come from.

    Raises:
        ExtraMissingError: It is not installed, or does not import.
    """
    if importlib.util.find_spec(name) is None:
        raise _missing(name, f'pip install "fanin[torch]" {name}')
    try:
        module: ModuleType = importlib.import_module(name)
    except Exception as error:
        what = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise ExtraMissingError(f"{name} is installed and does not import: {what}.") from error
    return module


def _missing(name: str, command: str) -> ExtraMissingError:
    return ExtraMissingError(f"a torch model's scheme needs {name}, which is not installed. Run: {command}.")


def _unknown(library: str, name: str, known: Sequence[str]) -> FaninValueError:
    return FaninValueError(f"{library} has no model {name!r}.{closest(name, known)} It has {len(known)}.")
