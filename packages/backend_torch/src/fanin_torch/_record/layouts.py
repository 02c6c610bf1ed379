"""The layouts of a module's parameters, where torch's own layers say what their axes are."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from fanin.layout import Geometry

__all__ = ["layouts_of"]

_KERNELS = {1: "W", 2: "HW", 3: "DHW"}


def layouts_of(model: nn.Module) -> dict[str, Geometry]:
    """Return what the axes of the parameters are, by name; a parameter of an unknown layer is left out.

    Example:
        >>> layouts_of(nn.ConvTranspose2d(8, 6, (3, 5), stride=2, groups=2))["weight"]
        Geometry(shape=(8, 3, 3, 5), layout='IOHW', groups=2, transposed=True, stride=(2, 2))
    """
    found: dict[str, Geometry] = {}
    for prefix, owner in model.named_modules():
        for key, tensor in owner.named_parameters(prefix, recurse=False):
            name, shape = key.rpartition(".")[2], tuple(tensor.shape)
            if isinstance(owner, _ConvNd) and name == "weight":
                kernel = _KERNELS[len(owner.kernel_size)]
                if isinstance(owner, _ConvTransposeNd):
                    found[key] = Geometry.of(shape, f"IO{kernel}", owner.groups, True, owner.stride)
                else:
                    found[key] = Geometry.of(shape, f"OI{kernel}", owner.groups)
            elif isinstance(owner, nn.Linear) and name == "weight" and len(shape) == 2:
                found[key] = Geometry.of(shape, "OI")
            elif isinstance(owner, (_ConvNd, nn.Linear)) and name == "bias" and len(shape) == 1:
                found[key] = Geometry.of(shape, "O")
    return found
