"""Measures every published model of some libraries, and writes what was found, one line of JSON per model.

python tests/models/sweep.py timm torchvision transformers --out results.jsonl --every 1
"""

from __future__ import annotations

import argparse
import json
import traceback
import warnings
from pathlib import Path

import published_models
import torch
from model_checks import measure

LIBRARIES = {
    "timm": published_models.timm_models,
    "torchvision": published_models.torchvision_models,
    "transformers": published_models.transformers_models,
}


def main() -> None:
    """Run."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("libraries", nargs="+", choices=sorted(LIBRARIES))
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--every", type=int, default=1, help="take each n-th model only")
    arguments.add_argument("--start", type=int, default=0, help="and begin with this one")
    arguments.add_argument("--only", default="", help="take models whose name contains this")
    chosen = arguments.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    done = {json.loads(line)["name"] for line in chosen.out.read_text().splitlines()} if chosen.out.exists() else set()
    for library in chosen.libraries:
        for model in LIBRARIES[library](chosen.start, chosen.every):
            if model.name in done or chosen.only not in model.name:
                continue
            try:
                found = measure(model.name, model.build, model.call).to_dict()
            except Exception as error:
                found = {
                    "name": model.name,
                    "error": f"{type(error).__name__}: {error}",
                    "trace": traceback.format_exc(),
                }
            with chosen.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(found) + "\n")
            print(
                model.name,
                found.get("error") or (found["kinds"], found["wrong"], found["equal"], found["forward"]),
                flush=True,
            )


if __name__ == "__main__":
    main()
