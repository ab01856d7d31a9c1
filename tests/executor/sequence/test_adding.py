"""The page that says how to add a model is right: its example, taken from the page, works."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import CogView4Transformer2DModel
from torch import Tensor, nn

from executor import sequence
from executor.sequence import SequenceParallel
from tests.executor.distributed.squad import Member, Squad

PAGE = Path(__file__).parents[3] / "docs" / "sequence-parallel.md"


def _transformer() -> nn.Module:
    torch.manual_seed(0)
    sizes = {"num_layers": 2, "attention_head_dim": 8, "num_attention_heads": 5, "rope_axes_dim": (16, 16)}
    others = {"in_channels": 4, "out_channels": 4, "text_embed_dim": 12, "time_embed_dim": 8, "condition_dim": 4}
    model: nn.Module = CogView4Transformer2DModel(**sizes, **others).eval()
    return model


def _predict(model: nn.Module) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    size = torch.tensor([[80.0, 112.0]])
    with torch.no_grad():
        output: Tensor = model(
            hidden_states=torch.randn(1, 4, 10, 14, generator=generator),
            encoder_hidden_states=torch.randn(1, 7, 12, generator=generator),
            timestep=torch.tensor([600.0]),
            original_size=size,
            target_size=size,
            crop_coords=torch.zeros(1, 2),
            return_dict=False,
        )[0]
    return output


def share(member: Member, members: tuple[int, ...]) -> Tensor:
    """Return what a member of a group gets, with the plan of the page."""
    example = next(block for block in PAGE.read_text().split("```python\n") if block.startswith("plan = SequencePlan("))
    names = {
        name: getattr(sequence, name) for name in ("Attend", "Gather", "SequencePlan", "SequenceParallel", "Split")
    }
    model = _transformer()
    exec(example.split("```")[0], names | (found := {"transformer": model}), found)
    parallel: SequenceParallel = found["parallel"]  # type: ignore[assignment]
    with parallel.over(member.groups.get("adding" + "-".join(map(str, members)), members)):
        return _predict(model)


@pytest.mark.parametrize("members", [(0, 1), (2, 0, 3), (3, 1, 0, 2)])
def test_example_of_the_page(squad: Squad, members: tuple[int, ...]) -> None:
    """Tests that a model that has no plan here, with the plan of the page, equals one process at degrees 2 to 4."""
    expected = _predict(_transformer())
    for output in squad.call(members, share, members):
        torch.testing.assert_close(output, expected, atol=2e-6, rtol=0)
