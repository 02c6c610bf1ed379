"""For people who test their own initialization: does this array follow that law? With stated error rates.

`assert_follows` fails for a right array with at most the probability that the caller states, and
`smallest_detectable` says which errors it finds at a size. Install with `pip install "fanin[conformance]"`.
"""

from fanin.testing.follows import assert_follows
from fanin.testing.power import Detectable, samples_needed, smallest_detectable

__all__ = ["Detectable", "assert_follows", "samples_needed", "smallest_detectable"]
