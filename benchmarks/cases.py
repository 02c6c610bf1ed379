"""What is compared with what: each backend beside the initializer that its user would call instead."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np
import torch
from measure import Call, Case

import fanin
import fanin_jax
import fanin_numpy
import fanin_torch
from fanin_kernels import Path, supported_paths

__all__ = ["cases", "gpt2_small"]

FAN_IN = 4096
FASTEST: Final = supported_paths()[0]
NUMPY_TARGETS: Final[dict[Path, float]] = {"avx512": 16.0, "avx2": 11.0, "neon": 7.0, "scalar": 4.0}
TORCH_TARGETS: Final[dict[Path, tuple[float, ...]]] = {
    "avx512": (6.0, 3.0, 10.0, 7.0, 65.0, 7.0, 7.0),
    "avx2": (4.5, 2.3, 8.0, 4.5, 45.0, 5.5, 5.5),
    "neon": (3.0, 1.6, 6.0, 3.0, 25.0, 3.0, 3.0),
    "scalar": (1.0, 0.5, 2.0, 1.0, 10.0, 1.0, 1.0),
}
wait: Callable[[Any], Any] = jax.block_until_ready
Setting = Callable[[Call], Call]


def threads(count: int, path: Path | None = FASTEST) -> None:
    """Give both sides the same number of threads, and choose the compiled kernels, or plain NumPy."""
    torch.set_num_threads(count)
    fanin_numpy.set_num_threads(count)
    if path is not None:
        os.environ["FANIN_KERNEL"] = path
    fanin_numpy.set_engine("numpy" if path is None else "native")


def gpt2_small() -> dict[str, tuple[int, ...]]:
    """Return the shapes of GPT-2 small's 148 parameters, in torch's order of axes (Radford et al. 2019)."""
    width, layers = 768, 12
    shapes: dict[str, tuple[int, ...]] = {"wte.weight": (50257, width), "wpe.weight": (1024, width)}
    for k in range(layers):
        for name, shape in {
            "ln_1": (width,),
            "attn.c_attn": (3 * width, width),
            "attn.c_proj": (width, width),
            "ln_2": (width,),
            "mlp.c_fc": (4 * width, width),
            "mlp.c_proj": (width, 4 * width),
        }.items():
            shapes[f"h.{k}.{name}.weight"] = shape
            shapes[f"h.{k}.{name}.bias"] = shape[:1]
    return shapes | {"ln_f.weight": (width,), "ln_f.bias": (width,)}


def torch_cases(size: int) -> Iterator[Case]:
    """Yield the torch backend beside torch.nn.init, on the CPU, with each path of the compiled kernels."""
    shape = (size // FAN_IN, FAN_IN)
    kaiming = partial(torch.nn.init.kaiming_normal_, nonlinearity="relu")
    uniform = partial(torch.nn.init.kaiming_uniform_, nonlinearity="relu")
    narrow = partial(torch.nn.init.trunc_normal_, std=0.02, a=-0.04, b=0.04)
    plain = partial(torch.nn.init.trunc_normal_, std=0.02)
    truncated = fanin.truncated_normal(std=0.02)
    lines: tuple[tuple[str, str | fanin.Initializer, Callable[[torch.Tensor], Any], str, int, torch.dtype], ...] = (
        ("he_normal", "he", kaiming, "kaiming_normal_", 2, torch.float32),
        ("he_normal, 1 thread", "he", kaiming, "kaiming_normal_", 1, torch.float32),
        ("he_uniform", "he_uniform", uniform, "kaiming_uniform_", 2, torch.float32),
        ("truncated_normal, std 0.02", truncated, plain, "trunc_normal_, bounds of ±2", 2, torch.float32),
        ("truncated_normal at 2 std", truncated, narrow, "trunc_normal_ at 2 std", 2, torch.float32),
        ("he_normal bfloat16", "he", kaiming, "kaiming_normal_ bfloat16", 2, torch.bfloat16),
        ("he_normal float16", "he", kaiming, "kaiming_normal_ float16", 2, torch.float16),
    )
    for path in supported_paths():
        for (name, law, theirs, peer, count, dtype), target in zip(lines, TORCH_TARGETS[path], strict=True):

            def ours(
                law: str | fanin.Initializer = law, count: int = count, dtype: torch.dtype = dtype, path: Path = path
            ) -> Call:
                threads(count, path)
                return partial(fanin_torch.init_, torch.empty(shape, dtype=dtype), law, name="w")

            def peers(theirs: Callable[[torch.Tensor], Any] = theirs, dtype: torch.dtype = dtype) -> Call:
                return partial(theirs, torch.empty(shape, dtype=dtype))

            yield Case(f"torch, {path}", name, ours, peers, peer, size, target)


def new_memory_cases(size: int) -> Iterator[Case]:
    """Yield a tensor that is made and drawn, with the memory that the operating system then has to give."""
    shape = (size // FAN_IN, FAN_IN)
    laws = {"he": "kaiming_normal_", "he_uniform": "kaiming_uniform_"}
    for law, peer in laws.items():

        def ours(law: str = law) -> Call:
            threads(2)
            return partial(fanin_torch.init, shape, law, layout="OI", name="w")

        def theirs(peer: str = peer) -> Call:
            threads(2)
            return lambda: getattr(torch.nn.init, peer)(torch.empty(shape), nonlinearity="relu")

        yield Case("torch, new memory", law, ours, theirs, f"{peer} of torch.empty", size, 4.5)


def numpy_cases(size: int) -> Iterator[Case]:
    """Yield the NumPy backend beside NumPy's generator, scaled."""
    shape = (size // FAN_IN, FAN_IN)

    def theirs() -> Call:
        generator, out, scale = np.random.default_rng(0), np.empty(shape, np.float32), np.float32((2 / FAN_IN) ** 0.5)

        def draw() -> None:
            generator.standard_normal(dtype=np.float32, out=out)
            np.multiply(out, scale, out=out)

        return draw

    def ours(path: Path | None) -> Call:
        threads(2, path)
        return partial(fanin_numpy.init_, np.empty(shape, np.float32), "he", layout="OI", name="w")

    peer = "standard_normal(out=) · scale"
    for path in supported_paths():
        target = NUMPY_TARGETS[path]
        yield Case("numpy, 2 threads", f"he_normal, {path}", partial(ours, path), theirs, peer, size, target)
    yield Case("numpy, 2 threads", "he_normal, plain NumPy", partial(ours, None), theirs, peer, size, 1.5)


def jax_cases(size: int) -> Iterator[Case]:
    """Yield the JAX backend beside jax.nn.initializers, both jitted."""
    shape = (FAN_IN, size // FAN_IN)

    def jitted(initializer: Any) -> Call:
        threads(2)
        compiled = jax.jit(partial(initializer, shape=shape, dtype=jnp.float32))
        key = jax.random.key(0)
        return lambda: wait(compiled(key))

    target = 9.0 if FASTEST == "avx512" else 7.0
    for name, distribution in (("he_normal", "normal"), ("he_uniform", "uniform")):
        yield Case(
            "jax, jitted",
            name,
            partial(jitted, fanin_jax.initializer(name)),
            partial(jitted, jax.nn.initializers.variance_scaling(2.0, "fan_in", distribution)),  # type: ignore[arg-type]
            f"variance_scaling(2, fan_in, {distribution})",
            size,
            target,
        )


def layout_cases(size: int) -> Iterator[Case]:
    """Yield other layouts and shards beside the whole tensor in canonical order."""
    side = FAN_IN
    rows = size // side

    def canonical(initialization: str) -> Call:
        threads(2)
        return partial(fanin_numpy.init_, np.empty((rows, side), np.float32), initialization, layout="OI", name="w")

    def dense(initialization: str) -> Call:
        threads(2)
        return partial(fanin_numpy.init_, np.empty((side, rows), np.float32), initialization, layout="IO", name="w")

    def conv(initialization: str) -> Call:
        threads(2)
        shape = (3, 3, 256, size // 9 // 256)
        return partial(fanin_numpy.init_, np.empty(shape, np.float32), initialization, layout="HWIO", name="w")

    for name in ("he_normal", "he_uniform"):
        for layout, ours in (("IO", dense), ("HWIO", conv)):
            calls = partial(ours, name), partial(canonical, name)
            yield Case("numpy layouts", f"{name}, {layout}", *calls, "its own OI", size, 1 / 1.6)

    def shard(axis: int) -> Call:
        threads(2)
        parts = [slice(rows // 8, rows // 4), None] if axis == 0 else [None, slice(side // 8, side // 4)]
        return partial(fanin_numpy.init, (rows, side), "he", layout="OI", name="w", slices=parts)

    def whole() -> Call:
        threads(2)
        return partial(fanin_numpy.init, (rows, side), "he", layout="OI", name="w")

    for axis in (0, 1):
        yield Case("numpy shards", f"an eighth, axis {axis}", partial(shard, axis), whole, "the whole", size, 6.0)


def small_cases() -> Iterator[Case]:
    """Yield one small tensor, and a whole model's list of parameters."""

    def torch_small(which: str) -> Call:
        threads(2)
        weight = torch.empty(64, 64)
        if which == "ours":
            return partial(fanin_torch.init_, weight, "he", name="w")
        return partial(torch.nn.init.kaiming_normal_, weight, nonlinearity="relu")

    yield Case("small", "torch, 64 × 64", partial(torch_small, "ours"), partial(torch_small, "theirs"),
               "kaiming_normal_", 64 * 64, 0.67)  # fmt: skip

    def numpy_small(which: str) -> Call:
        threads(2)
        if which == "ours":
            return partial(fanin_numpy.init, (64, 64), "he", layout="OI", name="w")
        generator, scale = np.random.default_rng(0), np.float32((2 / 64) ** 0.5)
        return lambda: generator.standard_normal((64, 64), np.float32) * scale

    yield Case("small", "numpy, 64 × 64", partial(numpy_small, "ours"), partial(numpy_small, "theirs"),
               "standard_normal · scale", 64 * 64, 0.67)  # fmt: skip

    def jax_small(initializer: Any) -> Call:
        threads(2)
        key = jax.random.key(0)
        return lambda: wait(initializer(key, (64, 64), jnp.float32))

    yield Case("small", "jax, 64 × 64", partial(jax_small, fanin_jax.initializer("he")),
               partial(jax_small, jax.nn.initializers.he_normal()), "he_normal", 64 * 64, 0.5)  # fmt: skip

    shapes = gpt2_small()
    total = sum(int(np.prod(shape)) for shape in shapes.values())

    def model(which: str) -> Call:
        threads(2)
        weights = {name: torch.empty(shape) for name, shape in shapes.items()}

        def ours() -> None:
            for name, weight in weights.items():
                fanin_torch.init_(weight, "random" if weight.ndim > 1 else "zeros", name=name)

        def theirs() -> None:
            for weight in weights.values():
                if weight.ndim > 1:
                    torch.nn.init.normal_(weight, std=0.01)
                else:
                    torch.nn.init.zeros_(weight)

        return ours if which == "ours" else theirs

    yield Case("small", "torch, GPT-2 small (148 tensors)", partial(model, "ours"), partial(model, "theirs"),
               "normal_, zeros_", total, 1.0)  # fmt: skip

    def layers(which: str) -> Call:
        """Return what initializes 500 small layers again, as the constructor or as one law for all."""
        threads(2)
        with fanin_torch.record(draw=False) as recording:
            linear = [torch.nn.Linear(64, 64) for _ in range(500)]
            net = torch.nn.Sequential(*linear)
        scheme = recording.scheme(net)

        def reset() -> None:
            for layer in linear:
                layer.reset_parameters()

        def kaiming() -> None:
            for layer in linear:
                torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                torch.nn.init.zeros_(layer.bias)

        calls: dict[str, Call] = {
            "scheme": partial(fanin_torch.init_module_, net, scheme),
            "he": partial(fanin_torch.init_module_, net, constants="overwrite"),
            "reset": reset,
            "kaiming": kaiming,
        }
        return calls[which]

    yield Case("small", "torch, 500 × Linear(64, 64), its own law", partial(layers, "scheme"), partial(layers, "reset"),
               "reset_parameters", 500 * 65 * 64, 1.0)  # fmt: skip
    yield Case("small", "torch, 500 × Linear(64, 64), he", partial(layers, "he"), partial(layers, "kaiming"),
               "kaiming_normal_, zeros_", 500 * 65 * 64, 0.3)  # fmt: skip

    def jax_model(initializer: Any) -> Call:
        threads(2)
        key = jax.random.key(0)
        parts = [(shape, initializer if len(shape) > 1 else jax.nn.initializers.zeros) for shape in shapes.values()]
        return lambda: wait([draw(key, shape, jnp.float32) for shape, draw in parts])

    yield Case("small", "jax, GPT-2 small (148 tensors)", partial(jax_model, fanin_jax.initializer("random")),
               partial(jax_model, jax.nn.initializers.normal(0.01)), "normal", total, 1.0)  # fmt: skip


def cases(size: int) -> Iterator[Case]:
    """Yield every case at one size."""
    yield from torch_cases(size)
    yield from new_memory_cases(size)
    yield from numpy_cases(size)
    yield from jax_cases(size)
    yield from layout_cases(size)
    if size == 1 << 24:
        yield from small_cases()
