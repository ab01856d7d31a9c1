"""Build a pipeline and save it, as diffusers would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn

from executor.models.random_models import FAMILIES, WIDTHS, small
from executor.models.random_models.full import FULL


def build(model: str, folder: Path, seed: int = 0, width: str = "tiny") -> Path:
    """Build a pipeline and save it.

    Parameters
    ----------
    model
        One of `FAMILIES`.
    folder
        Where to; made if missing.
    seed
        Of the weights; without meaning for ``full``.
    width
        One of `WIDTHS`.

    Returns
    -------
    Path
        ``folder``, for `executor.models.spec.ModelSpec`.

    Raises
    ------
    ValueError
        If there is no such model or width.
    """
    if model not in FAMILIES:
        raise ValueError(f"there is no model {model!r}; there are {', '.join(FAMILIES)}")
    if width not in WIDTHS:
        raise ValueError(f"there is no width {width!r}; there are {', '.join(WIDTHS)}")
    if width == "full":
        return _save_configurations(FULL[model](), folder)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        small.SMALL[model](small.WIDTHS[width]).save_pretrained(folder)
    return folder


def _save_configurations(pipeline: Any, folder: Path) -> Path:
    """Save all of a pipeline but weights."""
    pipeline.save_config(folder)
    for name, part in pipeline.components.items():
        of_transformers = isinstance(part, transformers.PreTrainedModel)
        whole: Any = part.config if of_transformers else part
        if isinstance(part, nn.Module) and not of_transformers:
            whole.save_config(folder / name)
        elif part is not None:
            whole.save_pretrained(folder / name)
    return folder
