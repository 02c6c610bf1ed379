"""Print what the worked pairs and their planted mistakes measure, as a table in Markdown.

python tests/models/pair_table.py
"""

from __future__ import annotations

import warnings

import pair_gpt
import pair_resnet
import pair_vit
from pairs import distance, stirred


def main() -> None:
    """Run."""
    warnings.simplefilter("ignore")
    print("| pair | parameters | outputs differ by | a mistake in the port | they differ by |")
    print("|---|---|---|---|---|")
    for title, module, pair in (
        ("ResNet-18: torchvision, Linen", pair_resnet, pair_resnet.resnet()),
        ("ViT: timm, NNX", pair_vit, pair_vit.vit()),
        ("GPT-2: transformers, Equinox", pair_gpt, pair_gpt.gpt()),
    ):
        scheme = stirred(pair.recorded[1])
        expected = pair.expected(scheme)
        own = distance(pair.found(scheme), expected)
        for k, mistake in enumerate(module.MISTAKES):
            wrong = distance(pair.found(scheme, mistake), expected)
            first = (title, str(len(pair.ported)), f"{own:.0e}") if k == 0 else ("", "", "")
            print(f"| {' | '.join(first)} | {mistake} | {wrong:.0e} |", flush=True)


if __name__ == "__main__":
    main()
