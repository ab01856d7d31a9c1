"""Installing, leaving alone, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from executor.sequence import PLANS, Loopback, SequenceParallel, Split
from tests.executor.distributed.zoo import CASES, denoise, latents, predict


def test_without_a_group_nothing_changes() -> None:
    """Tests that outputs are the same to the bit without a group, on a single member, and after removal."""
    model = CASES["flux"].build()
    sample = latents("flux", 0)
    before = denoise(model, "flux", sample, 0)
    parallel = SequenceParallel(model)
    assert torch.equal(denoise(model, "flux", sample, 0), before)
    with parallel.over(None):
        assert torch.equal(denoise(model, "flux", sample, 0), before)
    with parallel.over(Loopback(1)):
        assert torch.equal(denoise(model, "flux", sample, 0), before)
    parallel.remove()
    assert all("forward" not in vars(module) for module in model.modules())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


@pytest.mark.parametrize("name", CASES)
def test_loopback_has_the_shapes_of_a_member(name: str) -> None:
    """Tests that one process runs one member's share of a large group, with outputs of the right shape."""
    sample = latents(name, 0, 2)
    model = CASES[name].build()
    parallel = SequenceParallel(model)
    for degree, width in ((2, None), (4, 2), (7, 1)):
        with parallel.over(Loopback(degree), width):
            output = predict(model, name, sample, 0)
        assert output.shape == sample.shape
        assert output.isfinite().all()


def test_too_many_members() -> None:
    """Tests that a group larger than the shortest stream is refused by name."""
    model = CASES["flux"].build()
    with (
        SequenceParallel(model).over(Loopback(8)),
        pytest.raises(ValueError, match="stream 'text' has 7 tokens; they cannot be split over 8 members"),
    ):
        predict(model, "flux", latents("flux", 0), 0)


def test_width_must_divide() -> None:
    """Tests that a Ulysses width that does not divide the degree is refused."""
    model = CASES["flux"].build()
    with (
        SequenceParallel(model).over(Loopback(4), 3),
        pytest.raises(ValueError, match="must divide the degree, 4"),
    ):
        predict(model, "flux", latents("flux", 0), 0)


def test_wrong_plans() -> None:
    """Tests that a plan that does not fit says what is missing, and a class without one says what to do."""
    flux, model = PLANS["FluxTransformer2DModel"], CASES["flux"].build()
    with pytest.raises(ValueError, match=r"Linear has no sequence-parallel plan; .*plan=\.\.\."):
        SequenceParallel(nn.Linear(2, 2))
    with pytest.raises(ValueError, match=r"has no module 'blocks\.7'"):
        SequenceParallel(model, replace(flux, splits=(Split("blocks.7", "x", "image", 1),)))
    with pytest.raises(ValueError, match="has no argument 'image'; it has hidden_states"):
        SequenceParallel(model, replace(flux, splits=(Split("", "image", "image", 1),)))
    with pytest.raises(ValueError, match="none of the attention modules"):
        SequenceParallel(model, replace(flux, attentions=()))
    token_replace = CASES["hunyuan"]
    config = token_replace.config | {"image_condition_type": "token_replace"}
    with pytest.raises(ValueError, match=r"image_condition_type='token_replace' cannot be split"):
        SequenceParallel(replace(token_replace, config=config).build())


def test_streams_must_agree() -> None:
    """Tests that two inputs of one stream with different lengths are refused."""
    model = CASES["flux"].build()
    plan = PLANS["FluxTransformer2DModel"]
    wrong = replace(plan, splits=(*plan.splits[:3], replace(plan.splits[3], stream="image")))
    with (
        SequenceParallel(model, wrong).over(Loopback(2)),
        pytest.raises(ValueError, match=r"has 7 tokens .* has 35"),
    ):
        predict(model, "flux", latents("flux", 0), 0)


def test_exception_leaves_no_mode() -> None:
    """Tests that after an error inside an attention the model works as before."""
    model = CASES["flux"].build()
    sample = latents("flux", 0)
    before = denoise(model, "flux", sample, 0)
    parallel = SequenceParallel(model)
    with parallel.over(Loopback(4), 3), pytest.raises(ValueError):
        predict(model, "flux", sample, 0)
    assert torch.equal(denoise(model, "flux", sample, 0), before)
