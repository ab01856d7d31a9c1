"""How each shipped profile comes about: which points, which pinned constants, which shapes, and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from profiles import flux_h100
from profiles.build import Recipe, Series
from profiles.entries import ProfileError
from profiles.model import architecture
from profiles.shape import Shape

POINTS = Path(__file__).parent / "data" / "latency_points.csv"
"""The published points that the shipped profiles come from."""

READ_ON = "2026-11-23"
"""The day on which the points were read off their sources."""

FLUX = architecture("FLUX.1-dev")
FLUX_256_TOKENS = replace(FLUX, text_tokens=256)
"""With the text length that Table 1 of the TetriServe paper is computed with (`docs/profiles.md`)."""
SD3 = architecture("SD3-medium")
QWEN = architecture("Qwen-Image")
QWEN_WITHOUT_GUIDANCE = architecture("Qwen-Image", forwards=1)

IMAGES = tuple(Shape(side, side) for side in (256, 512, 768, 1024, 1536, 2048))
LARGER = tuple(Shape(side, side) for side in (3072, 4096))
DEGREES = (1, 2, 4, 8)

ASSUMED = "Spreads are assumed, 0.5 % of a step."
INCLUSIVE = "Published totals were divided by the number of steps, so they include encoding and decoding."
HETU = "Series: the table that Hetu-DiT schedules with (eager)."

H100 = {"overhead": 0.005, "tflops": 600.0, "sync": 0.0076, "bandwidth": 300.0}
"""Constants of FLUX.1-dev on H100, pinned so that the model meets two published points."""
A40 = {"overhead": 0.024, "tflops": 77.0, "sync": 0.02}
"""Constants of SD3-medium on A40, scaled from its A100 fit."""

_FLUX_H100 = Recipe(
    name="flux1-dev_h100",
    architecture=FLUX,
    hardware="H100 80 GB, NVLink 4",
    steps=50,
    shapes=IMAGES,
    series=(
        Series(
            "nvlink",
            DEGREES,
            gpu="H100",
            source="perf_baselines",
            pinned=H100,
            basis="Every constant is pinned so that the model meets the two published points.",
        ),
    ),
    date=READ_ON,
    spread=flux_h100.spread,
    stages=flux_h100.stages(IMAGES, READ_ON),
    notes="The model and GPU of the TetriServe paper's main evaluation. Only 1024 x 1024 on 1 and 2 "
    "GPUs is "
    "published (bf16, sglang); the rest is the model. Spreads: Table 1 of arXiv 2510.01565, "
    "interpolated at "
    "768 and 1536.",
)

_RECIPES = (
    _FLUX_H100,
    replace(
        _FLUX_H100,
        name="flux1-dev_h100_256tokens",
        architecture=FLUX_256_TOKENS,
        series=(Series("nvlink", DEGREES, pinned=H100, basis="Every constant is that of flux1-dev_h100."),),
        notes="FLUX.1-dev on H100 with 256 text tokens in place of 512, as the TetriServe paper appears to have run it: the "
        "text tokens are inferred from its Table 1 (TFLOP per image), the constants are those of flux1-dev_h100; nothing "
        "here was measured. Spreads and stages as in flux1-dev_h100.",
    ),
    Recipe(
        name="flux1-dev_a100",
        architecture=FLUX,
        hardware="A100, NVLink 3",
        steps=50,
        shapes=IMAGES,
        series=(Series("nvlink", DEGREES, gpu="A100", source="Flux-A100 figure"),),
        date=READ_ON,
        notes="Series: xDiT's A100 figure (eager, 28 steps, best parallelism), 2048 read off its axis. "
        f"{INCLUSIVE} {ASSUMED}",
    ),
    Recipe(
        name="flux1-dev_l20",
        architecture=FLUX,
        hardware="L20 48 GB, PCIe 4.0",
        steps=50,
        shapes=IMAGES + LARGER,
        series=(Series("pcie", DEGREES, gpu="L20", source="Hetu-DiT"),),
        date=READ_ON,
        notes=f"{HETU} {ASSUMED}",
    ),
    Recipe(
        name="flux1-dev_l40",
        architecture=FLUX,
        hardware="L40 48 GB, PCIe 4.0",
        steps=50,
        shapes=IMAGES + LARGER,
        series=(Series("pcie", DEGREES, gpu="L40", source="Flux-L40 figure"),),
        date=READ_ON,
        notes=f"Series: xDiT's L40 figure (eager, 28 steps, hybrid parallelism). {INCLUSIVE} {ASSUMED}",
    ),
    Recipe(
        name="sd3-medium_a100",
        architecture=SD3,
        hardware="A100, NVLink 3",
        steps=28,
        shapes=IMAGES,
        series=(Series("nvlink", DEGREES, gpu="A100", source="sd3.md", parallel=("ulysses",)),),
        date=READ_ON,
        notes="Series: xDiT's Ulysses runs (eager, 20 steps). Its hybrid runs, which split the two "
        "guidance passes "
        f"over GPUs, are faster and left out: they are another kind of parallelism. {INCLUSIVE} {ASSUMED}",
    ),
    Recipe(
        name="sd3-medium_l20",
        architecture=SD3,
        hardware="L20 48 GB, PCIe 4.0",
        steps=28,
        shapes=IMAGES,
        series=(Series("pcie", DEGREES, gpu="L20", source="Hetu-DiT"),),
        date=READ_ON,
        notes=f"{HETU} Its times fall too unevenly with the degree for the model, so distrust 768 and "
        "2048, which "
        f"are not published. {ASSUMED}",
    ),
    Recipe(
        name="sd3-medium_a40",
        architecture=SD3,
        hardware="4 x A40 48 GB, NVLink in pairs, PCIe 4.0 across",
        steps=28,
        shapes=IMAGES,
        series=(
            Series(
                "nvlink",
                (1, 2),
                pinned=A40 | {"bandwidth": 31.0},
                basis="From the A100 fit of SD3-medium: P by peak bf16 rates (149.7 to 312 TFLOP/s), B "
                "by NVLink "
                "rates (112.5 to 600 GB/s), c0 and alpha as they are.",
            ),
            Series(
                "pcie",
                (2, 4),
                pinned=A40 | {"bandwidth": 13.0},
                basis="B from the FLUX.1-dev fit on L20, which has the same PCIe 4.0 x16; the others as on nvlink.",
            ),
        ),
        date=READ_ON,
        notes="The model and GPU of the TetriServe paper's second cluster. No time on A40 is published: "
        "every "
        f"entry is extrapolated. {ASSUMED}",
    ),
    Recipe(
        name="qwen-image_h20",
        architecture=QWEN_WITHOUT_GUIDANCE,
        hardware="H20 96 GB, NVLink 4",
        steps=50,
        shapes=IMAGES,
        series=(Series("nvlink", DEGREES, gpu="H20", source="GF-DiT"),),
        date=READ_ON,
        notes="Series: GF-DiT's benchmarks (eager). Counted as one forward pass a step: two, as guidance "
        "needs, "
        f"would exceed the GPU's peak of 148 TFLOP/s. {ASSUMED}",
    ),
    Recipe(
        name="qwen-image_h800",
        architecture=QWEN,
        hardware="H800 80 GB, NVLink",
        steps=50,
        shapes=IMAGES,
        series=(
            Series(
                "nvlink",
                DEGREES,
                gpu="H800",
                source="vllm-omni",
                pinned={"overhead": 0.097, "sync": 0.079},
                basis="c0 and alpha are pinned, since four points of one resolution cannot tell them "
                "from the rest: "
                "the eager A100 fit of FLUX.1-dev times 120/57, the transformer blocks run in a step.",
            ),
        ),
        date=READ_ON,
        notes="Series: vllm-omni's documentation (eager, Ulysses, 50 steps), 2048 x 2048 only, counted "
        "as two "
        f"forward passes a step. Distrust other resolutions. {INCLUSIVE} {ASSUMED}",
    ),
    Recipe(
        name="hunyuanvideo_l20",
        architecture=architecture("HunyuanVideo"),
        hardware="L20 48 GB, PCIe 4.0",
        steps=50,
        shapes=(Shape(960, 544, 65), Shape(960, 544, 129), Shape(720, 1280, 65), Shape(720, 1280, 129)),
        batches=(1,),
        series=(Series("pcie", DEGREES, gpu="L20", source="Hetu-DiT"),),
        date=READ_ON,
        notes=f"{HETU} Every entry is published. {ASSUMED}",
    ),
    Recipe(
        name="cogvideox1.5_l20",
        architecture=architecture("CogVideoX1.5"),
        hardware="L20 48 GB, PCIe 4.0",
        steps=50,
        shapes=(Shape(768, 432, 81), Shape(768, 1360, 33), Shape(768, 1360, 81)),
        batches=(1,),
        series=(Series("pcie", DEGREES, gpu="L20", source="Hetu-DiT"),),
        date=READ_ON,
        notes=f"{HETU} Every entry is published. {ASSUMED}",
    ),
)

RECIPES = {recipe.name: recipe for recipe in _RECIPES}
"""The recipes of the shipped profiles, by name."""


def find_recipe(name: str) -> Recipe:
    """Look up the recipe of a shipped profile.

    Raises
    ------
    ProfileError
        If there is none; the message lists those there are.
    """
    try:
        return RECIPES[name]
    except KeyError:
        raise ProfileError(f"there is no recipe {name!r}; there are {', '.join(RECIPES)}") from None
