"""Our plans against those that diffusers ships for its own context parallelism."""

from __future__ import annotations

import diffusers
import pytest

from executor.sequence import PLANS

_TEXT_STAYS_WHOLE = {"LTXVideoTransformer3DModel": {("", "encoder_hidden_states"), ("", "encoder_attention_mask")}}
"""Where we leave out what diffusers splits: text that is only attended to from outside."""


@pytest.mark.parametrize("name", [name for name in PLANS if getattr(getattr(diffusers, name), "_cp_plan", None)])
def test_same_splits_as_diffusers(name: str) -> None:
    """Tests that the same tensors are split, and the same output gathered, along the same dimensions."""
    theirs, gathered = {}, {}
    for module, entries in getattr(diffusers, name)._cp_plan.items():
        if isinstance(entries, dict):
            for argument, entry in entries.items():
                theirs[module, argument] = entry.split_dim - (entry.expected_dims if "ids" in str(argument) else 0)
        else:
            gathered[module] = entries.gather_dim
    plan = PLANS[name]
    ours = {(split.module, split.argument): split.dim for split in plan.splits}
    left_out = _TEXT_STAYS_WHOLE.get(name, set())
    assert ours.items() >= {key: dim for key, dim in theirs.items() if key not in left_out}.items()
    assert {gather.module: gather.dim for gather in plan.gathers} == gathered
