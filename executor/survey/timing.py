"""Time the items of one model on one device."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from executor.distributed.config import COMPILING, EngineConfig
from executor.measure.bench import Bench, Repeats
from executor.models.loading import quiet
from executor.models.random_models.build import build
from executor.models.shapes import check_shape
from executor.models.spec import ModelSpec
from executor.survey.file import Setting, Timing
from executor.survey.items import Published, SurveyItem


def time_items(
    model: Published,
    items: Sequence[SurveyItem],
    folder: Path,
    device: str,
    setting: Setting,
    repeats: Repeats,
    go_on: Callable[[], bool],
) -> Iterator[tuple[SurveyItem, Timing]]:
    """Yield what is found of each item; one that cannot be, for memory above all, is told as such, and others go on.

    Parameters
    ----------
    model
        Whose items they are.
    items
        What to time.
    folder
        Where the model's configurations go.
    device
        ``cpu`` or ``cuda``.
    setting
        Of the survey.
    repeats
        How often.
    go_on
        Asked before each item, and before the model is loaded.
    """
    if not items or not go_on():
        return
    if not (folder / "model_index.json").is_file():
        quiet()
        build(model.family, folder, width=setting.width)
    for shape in dict.fromkeys(item.shape for item in items):
        check_shape(folder, shape, max(item.degree for item in items))
    spec = ModelSpec(folder, setting.dtype, "random", inputs=dict(model.inputs), compile=setting.compiled)  # type: ignore[arg-type]
    config = EngineConfig(spec, device=device, deadline=COMPILING)  # type: ignore[arg-type]
    bench: Bench | None = Bench(config, repeats, setting.graphs)
    assert bench is not None
    try:
        for item in items:
            if not go_on():
                return
            yield item, _time(bench, item)
    finally:
        bench = None
        gc.collect()
        if device == "cuda":
            torch.cuda.empty_cache()


def _time(bench: Bench, item: SurveyItem) -> Timing:
    bench.peak()
    try:
        if item.kind == "step":
            share = bench.share(item.shape, item.degree, item.batch)
            return Timing(share.seconds, share.calls, share.sent, bench.peak(), share.finite)
        seconds = bench.encode(item.shape) if item.kind == "encode" else bench.decode(item.shape)
        return Timing(seconds, peak=bench.peak())
    except RuntimeError as error:  # out of memory, or a step that cannot be recorded
        gc.collect()
        torch.cuda.empty_cache()
        return Timing((), peak=bench.peak(), error=f"{type(error).__name__}: {str(error).splitlines()[0]}")
