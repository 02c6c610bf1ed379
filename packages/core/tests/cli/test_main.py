"""The commands that need no library: what they print, and how mistakes leave."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

import fanin
from fanin.cli import main


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"fanin {fanin.__version__}\n"


@pytest.mark.parametrize("command", ["compare", "probe", "plan", "scheme", "diff", "backends"])
def test_each_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert f"usage: fanin {command}" in capsys.readouterr().out


def test_the_plan_is_that_of_init(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "3,5,2", "he_uniform", "--layout", "WIO", "--name", "conv", "--seed", "7", "--json"]) == 0
    expected = fanin.plan((3, 5, 2), "he_uniform", layout="WIO", name="conv", seed=7)
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(expected.to_dict()))


@pytest.mark.parametrize(
    "words", ["3,4 he_uniform --layout OI", "3,4 --layout OI he_uniform", "--layout OI 3,4 he_uniform"]
)
def test_the_initialization_may_come_last(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", *words.split()]) == 0
    assert "distribution='uniform'" in capsys.readouterr().out


@pytest.mark.parametrize("words", ["3,4 he --layout OI zeros", "3,4 --layout OI he zeros", "3,4 --layouts OI"])
def test_a_word_too_many_is_refused(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["plan", *words.split()])
    assert caught.value.code == 2
    assert "unrecognized arguments" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("plan 3,4 --layuot OI", "usage: fanin plan .*unrecognized arguments: --layuot OI. Did you mean '--layout'?"),
        ("probe --backends numpy", "usage: fanin probe .*--backends numpy. Did you mean '--backend'?"),
        ("compare he zeros", "usage: fanin compare .*he zeros. Initializations come behind --initializations."),
        ("backends numpy", "usage: fanin backends .*unrecognized arguments: numpy."),
    ],
)
def test_an_argument_that_the_command_does_not_know(
    words: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words.split())
    assert caught.value.code == 2
    usage, _, end = message.partition(".*")
    err = capsys.readouterr().err
    assert err.startswith(usage)
    assert err.endswith(f"{end}\n")


def test_a_word_in_capitals_is_found_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", " TIMM"]) == 0
    assert "timm:trunc_normal_tf" in capsys.readouterr().out


@pytest.mark.parametrize(("text", "stride"), [("2", 2), ("2,3", (2, 3)), (" 2, 3", (2, 3))])
def test_the_stride_may_differ_by_axis(
    text: str, stride: int | tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["plan", "4,5,3,3", "--layout", "IOHW", "--transposed", "--stride", text, "--json"]
    assert main(arguments) == 0
    expected = fanin.plan((4, 5, 3, 3), layout="IOHW", transposed=True, stride=stride)
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(expected.to_dict()))


@pytest.mark.parametrize("names", [["a", "b"], ["a"]])
def test_a_stack_has_several_names(names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    shape = (len(names), 5, 4)
    arguments = ["plan", ",".join(map(str, shape)), "he", "--layout", "SOI"]
    for name in names:
        arguments += ["--name", name]
    assert main([*arguments, "--json"]) == 0
    expected = fanin.plan(shape, "he", layout="SOI", name=names)
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(expected.to_dict()))
    assert main(arguments) == 0
    out = capsys.readouterr().out
    for name, (a, b) in zip(names, expected.keys, strict=True):
        assert f"name {name!r}, key {a:08x} {b:08x}\n" in out


def test_a_stack_of_zeros_needs_no_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "2,5,4", "zeros", "--layout", "SOI"]) == 0
    assert "no names, for nothing is random" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("call", "laws", "left_out", "passed"),
    [
        (
            "he(0.2)",
            {"he_normal": "N(0, 0.219265^2)", "torch:kaiming_normal": "N(0, 0.219265^2)"},
            {"jax:he_normal": "takes no negative_slope", "keras:he_normal": "takes no negative_slope"},
            "torch:kaiming_normal(a=0.2)",
        ),
        (
            "torch:kaiming_uniform(a=3)",
            {"torch:kaiming_uniform": "U(-0.122474, 0.122474)"},
            {"jax:he_uniform": "takes no a", "keras:he_uniform": "takes no a"},
            "",
        ),
        (
            "uniform(-0.2, high=0.3)",
            {"torch:uniform": "U(-0.2, 0.3)", "keras:random_uniform": "U(-0.2, 0.3)"},
            {"jax:uniform": "takes no low"},
            "torch:uniform(a=-0.2, b=0.3), keras:random_uniform(minval=-0.2, maxval=0.3)",
        ),
        (
            "truncated_normal(std=0.02)",  # whose std is elsewhere the parent's
            {
                "torch:trunc_normal": "N(0, 0.02^2), effectively not truncated",
                "jax:truncated_normal": "N(0, 0.02^2) truncated to [-0.04, 0.04]",
            },
            {},
            "torch:trunc_normal(std=0.02), jax:truncated_normal(stddev=0.02), keras:truncated_normal(stddev=0.02), ",
        ),
        ("constant(3)", {"torch:constant": "every weight is 3", "keras:constant": "every weight is 3"}, {}, "(val=3)"),
        ("orthogonal(2)", {"jax:orthogonal": "2 Q, Q orthogonal"}, {}, "jax:orthogonal(scale=2)"),
        (
            "he(activation=gelu)",
            {},
            {
                "torch:kaiming_normal": "torch has no gain for 'gelu'",
                "jax:he_normal": "takes no activation",
                "keras:he_normal": "takes no activation",
            },
            "",
        ),
        ("uniform", {"torch:uniform": "U(0, 1)"}, {}, "and the others' defaults"),
    ],
)
def test_an_explanation_passes_the_settings_on(
    call: str, laws: dict[str, str], left_out: dict[str, str], passed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", call, "--shape", "24,40"]) == 0
    out = capsys.readouterr().out
    rows = {line.split()[0]: " ".join(line.split()) for line in out.splitlines() if line}
    for name, law in laws.items():
        assert law in rows[name]
    assert {name: row for name, row in rows.items() if "left out" in row} == {
        name: f"{name} left out: {reason}" for name, reason in left_out.items()
    }
    assert passed in " ".join(out.split())


def test_the_plan_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "256,64", "--layout", "OI", "--name", "fc.weight", "--dtype", "bfloat16"]) == 0
    out = capsys.readouterr().out
    for words in (
        "(256, 64), bfloat16, 16384 elements",
        "fan_in 64, fan_out 256",
        "std=0.1767766952966369",
        "name 'fc.weight', key 8c685953 053230e4",
        "64, 1 (steps of the logical index)",
    ):
        assert words in out


@pytest.mark.parametrize("arguments", [["()", "zeros"], ["4,4", "orthogonal", "--layout", "OI"], ["8", "random"]])
def test_plans_of_every_kind_in_words(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", *arguments]) == 0
    assert "initializer" in capsys.readouterr().out


def test_backends_lists_the_first_party(capsys: pytest.CaptureFixture[str]) -> None:
    main(["backends"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["backend", "installed", "level"]
    assert {line.split()[0] for line in lines[2:5]} == {"numpy", "torch", "jax"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plan", "256", "64", "--layout", "OI"], "Received: '256' and '64'. For example: fanin plan 256,64 he"),
        (["plan", "8", "he"], 'For a bias or a scale, use an initializer without fans: "zeros", "ones".'),
        (["plan", "256,64", "--dtype", "half", "zeros"], "Did you mean 'float16'"),
        (["explain", "tf:he_normal"], "Did you mean 'keras:he_normal'"),
        (["plan", "256,64"], "needs the fan-in, which is never guessed"),
        (["plan", "256;64"], "Received: '256;64'. Did you mean '256,64'?"),
        (["plan", "256x64"], "Received: '256x64'. Did you mean '256,64'?"),
        (["plan", "2,,3"], "Received: '2,,3'. Did you mean '2,3'?"),
        (["plan", "2,3,"], "Did you mean '2,3'?"),
        (["plan", "3,x"], "Received: '3,x'. For example"),
        (["plan", "x3"], "Received: 'x3'. For example"),
        (["plan", "(2,3)"], "Did you mean '2,3'?"),
        (["plan", "2.5,64"], "SHAPE must be whole numbers with commas between. Received: '2.5,64'. For"),
        (["plan", "-3,64", "zeros"], "SHAPE must be whole numbers with commas between. Received: '-3,64'. For"),
        (["plan", "+3,64"], "SHAPE must be whole numbers"),
        (["plan", "1_0,64"], "SHAPE must be whole numbers"),
        (["plan", "２,3"], "SHAPE must be whole numbers"),
        (["plan", ""], "SHAPE must be whole numbers"),
        (["plan", "9" * 5000], "SHAPE must be whole numbers"),
        (["plan", "9" * 30], "fewer than 2**63 elements"),
        (["explain", "he", "--shape", "2x3"], "--shape must be whole numbers with commas between. Received: '2x3'"),
        (["explain", "he", "--shape=-2,3"], "--shape must be whole numbers with commas between. Received: '-2,3'"),
        (["plan", "4,5,3,3", "--layout", "IOHW", "--transposed", "--stride", "2,,2"], "--stride must be whole numbers"),
        (["plan", "4,5,3,3", "--layout", "IOHW", "--transposed", "--stride", "0"], "a stride must be at least 1"),
        (
            ["plan", "4,5,3,3", "--layout", "IOHW", "--transposed", "--stride", "2,2,2"],
            "one number per spatial axis: layout 'IOHW' has 2",
        ),
        (["plan", "2,5,4", "--layout", "SOI"], "Give one for each slice: --name layers.0.weight"),
        (["plan", "2,5,4", "--layout", "SOI", "--name", "a"], "stacks 2 slices. Received: 1 names"),
        (["plan", "5,4", "--layout", "OI", "--name", "a", "--name", "b"], "a stack only, which has S in its layout"),
        (["plan", "256,64", "hee", "--layout", "OI"], "Did you mean 'he'"),
        (["plan", "256,64", "normal(std=-1)", "--layout", "OI"], "must be above 0"),
        (["plan", "256,64", "--layout", "oi"], "Did you mean 'OI'"),
        (["plan", "256,64", "--layout", "OI", "--dtype", "int8"], "real floating-point"),
        (["plan", "256,64", "--layout", "OI", "--seed", "-1"], "seed"),
    ],
)
def test_mistakes_leave_as_one_message(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("fanin: ")
    assert words in captured.err
    assert captured.err.count("\n") == 1


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["compere"])
    assert caught.value.code == 2
    assert "invalid choice" in capsys.readouterr().err


def test_a_mistake_of_the_program_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanin, "plan", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["plan", "3", "zeros"])


def test_more_than_memory_holds(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fill(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(fanin, "plan", fill)
    assert main(["plan", "3", "zeros"]) == 2
    assert capsys.readouterr().err == "fanin: there is not enough memory for that. Ask for less, or for a part.\n"


def test_an_interruption_has_its_exit_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fanin, "plan", interrupt)
    assert main(["plan", "3", "zeros"]) == 130
    assert capsys.readouterr().err == "fanin: interrupted\n"


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("ascii", b"Muller"), ("latin-1", "Müller".encode("latin-1")), ("utf-8", "Müller".encode())],
)
def test_a_letter_that_the_encoding_lacks(encoding: str, name: bytes) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fanin", "explain", "lecun_normal"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"LeCun, Bottou, Orr and " + name in done.stdout


LIBRARIES = {"numpy", "scipy", "torch", "jax", "rich", "matplotlib", "sklearn", "jinja2", "threadpoolctl", "pytest"}
COMMANDS = {"compare", "probe", "list", "explain", "plan", "backends", "conformance"}


@pytest.mark.parametrize(
    ("words", "loaded"),
    [
        ("--help", set()),
        ("--version", set()),
        ("plan 3,4 --layout OI", {"plan"}),
        *((f"{command} --help", {command}) for command in sorted(COMMANDS)),
    ],
)
def test_a_command_loads_itself_and_no_library(words: str, loaded: set[str]) -> None:
    done = run(
        "import sys, fanin; from fanin.cli import main\n"
        f"try: main({words.split()})\nexcept SystemExit: pass\n"
        "print('loaded', *sys.modules)"
    )
    assert (done.returncode, done.stderr) == (0, "")
    modules = set(done.stdout.rpartition("loaded ")[2].split())
    assert not LIBRARIES & modules
    assert {command for command in COMMANDS if f"fanin.cli.{command}" in modules} == loaded
    assert not [module for module in modules if module.startswith(("fanin.lab", "fanin.compare", "fanin.probe"))]
    assert not [module for module in modules if module.startswith("fanin.conformance")]


def test_backends_load_what_a_backend_needs_and_nothing_else() -> None:
    hidden = "import importlib.metadata, sys; importlib.metadata.entry_points = lambda **_: ()"
    done = run(f"{hidden}; from fanin.cli import main; main(['backends']); print('loaded', *sys.modules)")
    assert (done.returncode, done.stderr) == (0, "")
    assert not LIBRARIES & set(done.stdout.rpartition("loaded ")[2].split())


@pytest.mark.parametrize("missing", ["rich", "numpy"])
@pytest.mark.parametrize("command", ["compare", "probe"])
def test_a_missing_library_is_named_with_the_remedy(command: str, missing: str) -> None:
    hidden = f"import sys; sys.modules[{missing!r}] = None"
    done = run(f"{hidden}\nfrom fanin.cli import main; sys.exit(main([{command!r}]))")
    assert done.returncode == 2
    assert done.stderr.startswith(f"fanin: fanin {command} needs ")
    assert done.stderr.endswith('which is not installed. Run: pip install "fanin[cli,numpy]".\n')


@pytest.mark.parametrize("words", ["list", "plan 3 zeros"])
def test_an_output_that_takes_nothing(words: str) -> None:
    call = f"from fanin.cli import main; sys.exit(main({words.split()}))"
    done = run(f"import os, sys; os.dup2(os.open('/dev/full', os.O_WRONLY), 1)\n{call}")
    assert (done.returncode, done.stderr) == (2, "fanin: the output cannot be written: No space left on device.\n")
    done = run(f"import sys; sys.stdout = None\n{call}")
    assert (done.returncode, done.stderr) == (2, "fanin: there is no standard output to write to.\n")


@pytest.mark.parametrize(
    ("home", "loaded"),
    [("fanin.cli", "fanin.cli.app"), ("_fanin_command", "fanin.cli.app"), ("_fanin_command", "fanin")],
)
def test_an_interruption_while_the_program_is_loaded(home: str, loaded: str) -> None:
    code = f"""
import sys
class Pressed:
    def find_spec(self, name, *_):
        if name == {loaded!r}:
            raise KeyboardInterrupt
from {home} import main
sys.modules.pop("fanin.cli.app", None)
sys.meta_path.insert(0, Pressed())
sys.argv = ["fanin", "plan", "3", "zeros"]
sys.exit(main())
"""
    done = run(code)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "fanin: interrupted\n")


def test_a_reader_that_leaves_early_is_no_mistake() -> None:
    done = run(
        "import os, sys; r, w = os.pipe(); os.close(r); os.dup2(w, 1)\n"
        "from fanin.cli import main; sys.exit(main(['plan', '3', 'zeros']))"
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "arguments", [["plan", "3,4", "--layout", "OI"], ["explain"], ["compare", "--initializations"], ["probe"]]
)
def test_every_command_refuses_a_setting_in_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    words = [*arguments, *(["--initializations"] if arguments == ["probe"] else []), "normal(sd=1)"]
    if arguments[0] == "plan":
        words = ["plan", "3,4", "normal(sd=1)", "--layout", "OI"]
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("fanin: normal has no setting 'sd'")
    assert err.count("\n") == 1


def test_an_option_is_not_abbreviated(capsys: pytest.CaptureFixture[str]) -> None:
    """--seed would run --seeds 3, three seeds, where plan's --seed 3 is one."""
    with pytest.raises(SystemExit, match="2"):
        main(["compare", "--seed", "3"])
    assert "--seed" in capsys.readouterr().err
