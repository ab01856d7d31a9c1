"""Build a pipeline with random weights: ``python -m executor.models.random_models flux FOLDER``."""

from __future__ import annotations

import argparse
from pathlib import Path

from executor.models.loading import quiet
from executor.models.random_models import FAMILIES, WIDTHS
from executor.models.random_models.build import build


def main() -> None:
    """Build from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m executor.models.random_models",
        description="Build a complete pipeline with random weights, without a download.",
    )
    parser.add_argument("model", choices=FAMILIES)
    parser.add_argument("folder", type=Path, help="where it goes")
    parser.add_argument("--seed", type=int, default=0, help="of the weights")
    parser.add_argument(
        "--width",
        choices=WIDTHS,
        default="tiny",
        help="tiny: 1 MB, for tests. small: 61 MB for FLUX. full: the configurations of the published model alone, "
        "whose weights are drawn when it is loaded with random weights",
    )
    arguments = parser.parse_args()
    quiet()
    folder = build(arguments.model, arguments.folder, arguments.seed, arguments.width)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"{arguments.model}: {size / 1e6:.1f} MB in {folder}")
    if arguments.width == "full":
        print("it has no weights; load it with --random-weights (executor.measure) or engine.weights=random")


if __name__ == "__main__":
    main()
