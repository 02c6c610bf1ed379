"""What a recording leaves behind: nothing, whatever happens inside of it, and in which thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers import TruncatedNormal
from fanin_torch import build, init_module_
from fanin_torch._record import record

HOOKED = ("orthogonal_", "sparse_", "dirac_")


def state_of_init() -> dict[str, object]:
    """Everything of torch.nn.init that a hook could have changed."""
    codes = {name: getattr(nn.init, name).__code__ for name in HOOKED}
    return {**vars(nn.init), **{f"{name}.__code__": code for name, code in codes.items()}}


class Hooked(nn.Module):
    """One tensor per function of torch.nn.init that a recording sees as one operation."""

    def __init__(self) -> None:
        super().__init__()
        self.truncated = nn.Parameter(nn.init.trunc_normal_(torch.empty(6, 5)))
        self.orthogonal = nn.Parameter(nn.init.orthogonal_(torch.empty(6, 5)))
        self.sparse = nn.Parameter(nn.init.sparse_(torch.empty(6, 5), 0.5))
        self.dirac = nn.Parameter(nn.init.dirac_(torch.empty(6, 5, 3)))


@pytest.mark.parametrize("draw", [True, False])
def test_functions_of_torch_are_as_before(draw: bool) -> None:
    before = state_of_init()
    with record(draw=draw):
        assert state_of_init() != before
        Hooked()
    assert state_of_init() == before


@pytest.mark.parametrize("draw", [True, False])
def test_functions_of_torch_are_as_before_an_exception(draw: bool) -> None:
    before, modes = state_of_init(), torch._C._len_torch_function_stack()

    def fail() -> None:
        with record(draw=draw), record():
            Hooked()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert state_of_init() == before
    assert torch._C._len_torch_function_stack() == modes
    assert torch.utils._python_dispatch._get_current_dispatch_mode() is None


def test_an_exception_of_a_function_is_that_of_the_function() -> None:
    with record(draw=False), pytest.raises(ValueError, match="2 or more dimensions"):
        nn.init.orthogonal_(torch.empty(5))


def test_numbers_are_torch_s_own_while_recording() -> None:
    torch.manual_seed(3)
    plain = Hooked()
    torch.manual_seed(3)
    with record():
        seen = Hooked()
    for one, two in zip(plain.parameters(), seen.parameters(), strict=True):
        assert torch.equal(one, two)


def everything(own: torch.Generator) -> list[Tensor]:
    """Random operations of every kind, some of which read what others drew."""
    weight = torch.randn(4, 4)
    torch.linalg.qr(weight)
    while weight.abs().max() > 2.0:
        weight.clamp_(-2.0, 2.0)
    made = [torch.randperm(5), torch.randint(3, (4,)), torch.empty(3).bernoulli_(0.5), torch.normal(0.0, 1.0, (2,))]
    torch.empty(3).normal_(generator=own)
    nn.functional.dropout(torch.ones(5))
    return [*made, *Hooked().parameters()]


def test_without_drawing_no_generator_moves() -> None:
    own = torch.Generator().manual_seed(1)
    before, of_own = torch.get_rng_state(), own.get_state()
    with record(draw=False):
        everything(own)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(own.get_state(), of_own)


def test_without_drawing_numbers_are_there_where_they_are_needed() -> None:
    """Code that decomposes or compares numbers sees finite ones, of the law that was asked for."""
    with record(draw=False):
        weight = torch.empty(400, 50).normal_(5.0, 0.5)
        assert abs(weight.mean().item() - 5.0) < 0.05
        assert torch.isfinite(torch.linalg.inv(torch.randn(4, 4).clone())).all()


def test_another_thread_is_not_recorded() -> None:
    made: list[nn.Module] = []

    def work() -> None:
        torch.manual_seed(5)
        made.append(Hooked())

    with record(draw=False) as recording:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    with pytest.raises(FaninValueError, match="no tensor of the module was made"):
        recording.scheme(made[0])
    assert made[0].get_parameter("truncated").std() > 0.5


def test_threads_that_record_at_once_keep_apart() -> None:
    before = state_of_init()
    barrier = threading.Barrier(2)
    schemes: dict[int, int] = {}

    def work(count: int) -> None:
        with record(draw=False) as recording:
            barrier.wait()
            model = nn.ModuleList(Hooked() for _ in range(count))
            barrier.wait()
        schemes[count] = len(recording.scheme(model))

    threads = [threading.Thread(target=work, args=(count,)) for count in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert schemes == {1: 4, 2: 8}
    assert state_of_init() == before


@pytest.mark.parametrize("outer", [True, False])
@pytest.mark.parametrize("inner", [True, False])
def test_nested_recordings_see_the_same(outer: bool, inner: bool) -> None:
    with record(draw=outer) as first:
        before = nn.Linear(3, 4)
        with record(draw=inner) as second:
            model = Hooked()
        both = nn.ModuleList([before, model])
    for name, parameter in second.scheme(model).items():
        assert first.scheme(both)[f"1.{name}"].initializer == parameter.initializer
    assert second.scheme(both)["0.weight"].note == "as it was before the recording"


def test_a_model_that_is_initialised_again() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    first = model.get_parameter("0.weight")
    kept = first.detach().clone()

    def again(module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.5, a=-0.5, b=0.5)
            nn.init.zeros_(module.bias)

    with record(draw=False) as recording:
        model.apply(again)
    scheme = recording.scheme(model)
    assert isinstance(scheme["0.weight"].initializer, TruncatedNormal)
    assert torch.equal(first, kept)
    init_module_(model, scheme, seed=1)
    assert first.abs().max() <= 0.5


def test_what_was_not_initialised_again_stays() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    with record(draw=False) as recording, torch.no_grad():
        nn.init.normal_(model.get_parameter("1.weight"))
    scheme = recording.scheme(model)
    assert scheme["0.weight"].note == "as it was before the recording"
    init_module_(model, scheme, seed=1)
    assert [name for name, value in model.state_dict().items() if not torch.equal(value, kept[name])] == ["1.weight"]


def test_an_average_of_weights_is_equal_to_them_at_first() -> None:
    def both() -> nn.Module:
        model = nn.Linear(3, 4)
        return nn.ModuleList([model, torch.optim.swa_utils.AveragedModel(model)])

    made = build(both, seed=2)
    assert torch.equal(made.get_parameter("0.weight"), made.get_parameter("1.module.weight"))


def test_random_tensors_that_nobody_can_draw_are_refused() -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.projection = torch.randn(3, 3)

    with record(draw=False) as recording:
        model = nn.Sequential(Plain(), nn.Linear(2, 2))
    with pytest.raises(FaninValueError, match=r"0\.projection: random, and neither a parameter nor a buffer"):
        recording.scheme(model)


def test_what_is_no_module_is_refused() -> None:
    with record() as recording:
        weight = torch.randn(3)
    with pytest.raises(FaninTypeError, match="Received: Tensor"):
        recording.scheme(weight)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrap",
    [
        nn.utils.parametrizations.weight_norm,
        nn.utils.parametrizations.spectral_norm,
        nn.utils.parametrizations.orthogonal,
    ],
)
def test_parametrizations(wrap: Callable[[nn.Module], nn.Module]) -> None:
    """What the parametrization computes from the weight agrees with the weight."""
    made = [build(lambda: wrap(nn.Linear(4, 3)), seed=1) for _ in range(2)]
    assert torch.equal(made[0].weight, made[1].weight)  # type: ignore[arg-type]
    with record(draw=False) as recording:
        model = wrap(nn.Linear(4, 3))
    scheme = recording.scheme(model)
    init_module_(model, scheme, seed=1)
    assert torch.equal(model.weight, made[0].weight)  # type: ignore[arg-type]
    norms = model.state_dict().get("parametrizations.weight.original0")
    if norms is not None:
        original = model.state_dict()["parametrizations.weight.original1"]
        assert torch.equal(norms, original.norm(dim=1, keepdim=True))


def test_the_time_of_a_slice_goes_by_its_own_length() -> None:
    """Reading a model looks at each operation a few times, however long the tape is."""
    with record(draw=False) as recording:
        model = nn.ModuleList(nn.Linear(2, 2) for _ in range(300))
    tape = recording._tape
    seen = sum(len(tape.slice_of(one.untyped_storage()._cdata).operations) for one in model.parameters())
    assert seen <= 2 * len(tape.operations)
    assert recording.scheme(model)["299.weight"].initializer is not None


def test_a_source_may_be_read_many_times() -> None:
    """A storage that is read at many places is followed once, not once for each."""
    with record() as recording:
        weight = torch.randn(4)
        for _ in range(200):
            weight = weight + weight
        model = nn.Module()
        model.weight = nn.Parameter(weight)
    assert recording.scheme(model)["weight"].note == "random, replayed by torch's arithmetic: randn, add"
