"""Count the instructions of the Triton kernel per weight, for a processor that need not be here.

    python benchmarks/kernel_instructions.py            # an H100: sm_90

It is a count in the machine code and no measurement: up to the first exit, which is the way of a program that is wholly
inside the tensor. "32-bit integer" is what the integer pipe and the pipe of integer multiply-add execute.
"""

from __future__ import annotations

import argparse
import collections
import re
import subprocess
import tempfile
from pathlib import Path

import triton
from triton.backends.compiler import GPUTarget

import fanin
from fanin_torch._triton_ahead import compiled
from fanin_torch._triton_kernel import BLOCK

LAWS = {
    "normal": fanin.he_normal(),
    "uniform": fanin.he_uniform(),
    "truncated normal": fanin.truncated_normal(std=0.02),
}
INTEGER = {"LOP3", "SHF", "IADD3", "VIADD", "LEA", "IMAD", "IMNMX", "VIMNMX", "VIADDMNMX", "ISETP", "SEL", "PRMT"}
INTEGER |= {"SGXT", "IABS"}
THREADS = 128


def instructions(cubin: bytes) -> collections.Counter[str]:
    """Return how often each instruction comes before the first exit."""
    program = Path(triton.__file__).parent / "backends/nvidia/bin/nvdisasm"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(cubin)
        text = subprocess.run([program, "-c", path], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^\s+/\*[0-9a-f]{4,}\*/\s+(@!?U?P\w+\s+)?([A-Z][A-Z0-9]*)", text, re.MULTILINE)
    return collections.Counter(name for _, name in found[: found.index(("", "EXIT"))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--arch", type=int, default=90, help="compute capability, as in sm_90")
    target = GPUTarget("cuda", parser.parse_args().arch, 32)
    print("| law | dtype | layout | instructions per weight | of them 32-bit integer | look-ups | stores |")
    print("|---|---|---|---|---|---|---|")
    weights = 2 * BLOCK // THREADS
    for name, law in LAWS.items():
        for dtype, layout in (("float32", "OI"), ("bfloat16", "OI"), ("float32", "IO")):
            plan = fanin.plan((4096, 4096), law, layout=layout, name="w", dtype=dtype)
            counts = instructions(compiled(plan, target)["cubin"])
            integer = sum(counts[each] for each in INTEGER)
            per = [f"{count / weights:.3g}" for count in (counts.total(), integer, counts["LDG"], counts["STG"])]
            print(f"| {name} | {dtype} | {layout} | {' | '.join(per)} |")


if __name__ == "__main__":
    main()
