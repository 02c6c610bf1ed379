"""`fanin scheme` and `fanin diff`: what they print, write and refuse. No array library is needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fanin
from fanin import Parameter, Scheme
from fanin.cli import main

SCHEME = Scheme(
    {
        **{f"l.{k}.w": Parameter((4, 3), initializer=fanin.he_normal(), layout="OI") for k in range(3)},
        "b": Parameter((4,), initializer=fanin.zeros()),
    }
)

TABLE = """\
name        shape  dtype    law                layout
l.{0..2}.w  4 x 3  float32  N(0, 0.816497^2)   OI
b           4      float32  every weight is 0
"""

CODE = """
import fanin
from fanin import Parameter, Scheme

def small(std=0.02):
    layer = Parameter((4, 3), "float32", fanin.he_normal(), layout="OI")
    return Scheme({**{f"l.{k}.w": layer for k in range(3)}, "b": Parameter((4,), "float32", fanin.zeros())})

class Rooms:
    small = staticmethod(small)

ready = small()
number = 5

def nothing():
    return None

def needy(width):
    return small()

def broken():
    raise RuntimeError("two\\nlines")
"""

# Doubles of the libraries: what they are called with becomes the name of a parameter.
LIBRARIES = {
    "timm": """
from own_model import Parameter, Scheme
def is_model(name): return name in list_models()
def list_models(): return ["vit_tiny", "resnet1"]
def create_model(name, pretrained=True): return Scheme({f"timm {name} {pretrained}": Parameter((2,))})
""",
    "torchvision": """
from types import SimpleNamespace
from own_model import Parameter, Scheme
def classifier(*, weights="trained"): return Scheme({f"weights={weights}": Parameter((2,))})
def detector(*, weights="trained", weights_backbone="trained"):
    return Scheme({f"weights={weights} backbone={weights_backbone}": Parameter((2,))})
known = {"resnet18": classifier, "fasterrcnn": detector}
models = SimpleNamespace(list_models=lambda: list(known), get_model_builder=known.get)
""",
    "transformers": """
import json
from types import SimpleNamespace
from own_model import Parameter, Scheme
class AutoConfig:
    @staticmethod
    def from_pretrained(path, local_files_only, trust_remote_code):
        assert local_files_only and not trust_remote_code
        return SimpleNamespace(**json.loads(path.read_text()))
class AutoModel:
    @staticmethod
    def from_config(config): return Scheme({f"auto {config.layers}": Parameter((2,))})
def Small(config): return Scheme({f"small {config.layers}": Parameter((2,))})
""",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A current folder with a module of one's own, and doubles of the libraries."""
    (tmp_path / "own_model.py").write_text(CODE, encoding="utf-8")
    for name, code in LIBRARIES.items():
        (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
    for name, architectures in (("named", ["Small"]), ("unnamed", None), ("unknown", ["Large"])):
        config = {"architectures": architectures, "layers": 7}
        (tmp_path / f"{name}.json").write_text(json.dumps(config), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = dict(sys.modules)
    for name in LIBRARIES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield tmp_path
    for name in ("own_model", *LIBRARIES):
        sys.modules.pop(name, None)
        if name in before:
            sys.modules[name] = before[name]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["small", "ready", "Rooms.small"])
def test_the_table(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scheme", f"own_model:{name}"]) == 0
    assert capsys.readouterr().out == TABLE


@pytest.mark.usefixtures("folder")
def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--json"], ["--json", "-"]):
        assert main(["scheme", "own_model:small", *words]) == 0
        assert Scheme.from_json(capsys.readouterr().out) == SCHEME
    assert main(["scheme", "own_model:small", "--json", "a.json"]) == 0
    assert capsys.readouterr().out == TABLE
    assert Path("a.json").read_bytes().decode() == SCHEME.to_json()


def test_a_function_in_the_current_folder(folder: Path) -> None:
    """The console's script does not look there by itself."""
    code = "import sys; sys.path.pop(0); from fanin.cli import main; sys.exit(main(['scheme', 'own_model:small']))"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=os.environ, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, TABLE, "")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("model", "shown"),
    [
        ("timm:vit_tiny", "timm vit_tiny False"),
        ("torchvision:resnet18", "weights=None"),
        ("torchvision:fasterrcnn", "weights=None backbone=None"),
        ("transformers:named.json", "small 7"),
        ("transformers:unnamed.json", "auto 7"),
    ],
)
def test_libraries_build_untrained_models(model: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scheme", model, "--json"]) == 0
    assert list(Scheme.from_json(capsys.readouterr().out)) == [shown]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("own_model", "a model is named by a place and a name. Received: 'own_model'. Accepted: timm:"),
        ("own_model:", "Received: 'own_model:'"),
        (":small", "Received: ':small'"),
        ("own_modle:small", "module 'own_modle' could not be imported: ModuleNotFoundError"),
        ("own_model:smal", "module 'own_model' has no 'smal'. Did you mean 'small'?"),
        ("own_model:number", "own_model:number must be a function, a class or a fanin.Scheme. Received: 5"),
        ("own_model:needy", "own_model:needy could not be built: TypeError: needy() missing 1 required"),
        ("own_model:broken", "/own_model.py:22: two lines."),
        ("timm:vit_tny", "timm has no model 'vit_tny'. Did you mean 'vit_tiny'? It has 2."),
        ("torchvision:resnet81", "torchvision has no model 'resnet81'. Did you mean 'resnet18'?"),
        ("transformers:absent.json", "a JSON file on this machine; nothing is fetched. Received: 'absent.json'"),
        ("transformers:unknown.json", "transformers:unknown.json could not be built: AttributeError"),
    ],
)
def test_a_model_that_is_none(model: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scheme", model]) == 2
    error = capsys.readouterr().err
    assert error.startswith("fanin: ")
    assert error.count("\n") == 1
    assert message in error


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("library", ["timm", "torchvision", "transformers"])
def test_a_library_that_is_absent(
    library: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    assert main(["scheme", f"{library}:named.json"]) == 2
    expected = f'needs {library}, which is not installed. Run: pip install "fanin[torch]" {library}.\n'
    assert capsys.readouterr().err.endswith(expected)


def test_a_library_that_does_not_import(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "timm.py").write_text("import this_is_nowhere", encoding="utf-8")
    assert main(["scheme", "timm:vit_tiny"]) == 2
    assert "timm is installed and does not import: ModuleNotFoundError" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("module", ["torch", "fanin_torch"])
def test_without_torch(module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A scheme needs it not; a module does."""
    monkeypatch.setitem(sys.modules, module, None)
    assert main(["scheme", "own_model:small"]) == 0
    assert capsys.readouterr().out == TABLE
    assert main(["scheme", "own_model:nothing"]) == 2
    assert capsys.readouterr().err.endswith('not installed. Run: pip install "fanin[torch]".\n')


def test_a_file_that_cannot_be_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scheme", "own_model:small", "--json", str(folder)]) == 2
    assert "cannot be written: Is a directory" in capsys.readouterr().err


def test_diff(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is that of diff(1)."""
    other = {name.replace("l.", "layers."): one for name, one in SCHEME.items()}
    other["b"] = Parameter((4,), initializer=fanin.ones())
    Path("a.json").write_text(SCHEME.to_json(), encoding="utf-8")
    Path("b.json").write_text(Scheme(other).to_json(), encoding="utf-8")
    Path("names.json").write_text(json.dumps({f"l.{k}.w": f"layers.{k}.w" for k in range(3)}), encoding="utf-8")
    assert main(["diff", "a.json", "a.json"]) == 0
    assert capsys.readouterr().out == "no difference\n"
    assert main(["diff", "a.json", "b.json", "--names", "names.json"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "name  what  first              second",
        "b     law   every weight is 0  every weight is 1",
    ]
    assert main(["diff", "a.json", "b.json"]) == 1
    assert len(capsys.readouterr().out.splitlines()) == 4  # a heading, two kinds of missing rows, and the bias


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("a.json absent.json", "'absent.json' cannot be read: No such file or directory."),
        ("absent.json a.json", "'absent.json' cannot be read"),
        ("a.json .", "'.' cannot be read: Is a directory."),
        ("a.json bytes.json", "'bytes.json' is no text file"),
        ("a.json list.json", "list.json: a scheme's JSON is an object"),
        ("a.json wrong.json", "wrong.json: w: shape must be a list"),
        ("a.json a.json --names list.json", "list.json must be an object of names"),
        ("a.json a.json --names wrong.json", "wrong.json must be an object of names"),
        ("a.json a.json --names half.json", "half.json must be JSON"),
        ("a.json a.json --names names.json", "'x': 'b', and the first scheme has no such parameter"),
    ],
)
def test_files_that_are_refused(words: str, message: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.json").write_text(SCHEME.to_json(), encoding="utf-8")
    (folder / "bytes.json").write_bytes(b"\xff\xfe\x00")
    (folder / "list.json").write_text("[1]", encoding="utf-8")
    (folder / "wrong.json").write_text('{"fanin_scheme": 1, "parameters": {"w": {"shape": 3}}}', encoding="utf-8")
    (folder / "half.json").write_text('{"a"', encoding="utf-8")
    (folder / "names.json").write_text('{"x": "b"}', encoding="utf-8")
    assert main(["diff", *words.split()]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert message in captured.err
