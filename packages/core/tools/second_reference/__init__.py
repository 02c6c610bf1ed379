"""The specification once more: whole tensors from their arguments, to check the package by.

Written from docs/spec.md. It shares nothing with `fanin` and does not import it: data in, bytes out. `make_golden.py`
computes the golden vectors with it, and tests hold the scalar reference and the backends to it on random draws, fans,
means, ranks and refusals included.

    tobytes([256, 64], {"initializer": "variance_scaling", "scale": 2.0, "mode": "fan_in", "distribution": "normal"},
            layout="OI", name="fc.weight")

There are no floating-point numbers of elements in it: a weight is an integer times a power of two until it is a bit
pattern.
"""

from second_reference.arguments import Refused
from second_reference.tensor import tobytes

__all__ = ["Refused", "tobytes"]
