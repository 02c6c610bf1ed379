"""The records of the normal lattice, where the kernels read them."""

from __future__ import annotations

import sys
from array import array
from typing import Final

from fanin.stream.normal_table import normal_table_bytes

__all__ = ["NORMAL_TABLE"]


def _records() -> array[int]:
    records = array("Q", normal_table_bytes())
    if sys.byteorder == "big":  # in the file they are little-endian
        records.byteswap()
    return records


_RECORDS: Final = _records()  # made by the import, and so once: the library keeps the address, whatever threads do

NORMAL_TABLE: Final = _RECORDS.buffer_info()[0]
"""The address of the records, for `Rule.table`."""
