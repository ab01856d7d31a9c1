import pytest

from profiles import Shape
from profiles.model import ARCHITECTURES, Constants, architecture

SQUARE = Shape(1024, 1024)
H100 = Constants(overhead=0.005, tflops=600, sync=0.0076, bandwidth=300)


def test_sequence_lengths() -> None:
    """Tests sequence lengths against those that can be counted by hand."""
    assert architecture("FLUX.1-dev").tokens(SQUARE) == 64 * 64 + 512
    assert architecture("HunyuanVideo").tokens(Shape(720, 1280, 129)) == 33 * 45 * 80 + 256
    assert architecture("CogVideoX1.5").tokens(Shape(768, 1360, 81)) == 11 * 48 * 85 + 226


@pytest.mark.parametrize("model", ["FLUX.1-dev", "SD3-medium"])
def test_counted_arithmetic_is_that_of_transformer_blocks(model: str) -> None:
    """Tests that the counted FLOP are those of plain blocks, within what embeddings and modulation add."""
    known = ARCHITECTURES[model]
    assert known.linear == pytest.approx(24 * known.layers * known.hidden**2 / 1e12, rel=0.02)
    assert known.attention == pytest.approx(4 * known.layers * known.hidden / 1e12, rel=0.02)


def test_guidance_doubles_arithmetic_and_traffic() -> None:
    """Tests that a second forward pass costs exactly as much as the first."""
    one, two = architecture("Qwen-Image", forwards=1), architecture("Qwen-Image", forwards=2)
    assert two.tflop(SQUARE) == 2 * one.tflop(SQUARE)
    assert two.traffic(SQUARE, 4) == 2 * one.traffic(SQUARE, 4)


def test_one_gpu_sends_nothing() -> None:
    """Tests that degree 1 has neither traffic nor synchronization."""
    flux = architecture("FLUX.1-dev")
    assert flux.traffic(SQUARE, 1) == 0
    assert H100.step_time(flux, SQUARE, 1) == pytest.approx(0.005 + flux.tflop(SQUARE) / 600)


def test_batches_share_only_what_is_fixed() -> None:
    """Tests that a second request in a batch adds its arithmetic and traffic, but no overhead."""
    flux = architecture("FLUX.1-dev")
    alone, both = (H100.step_time(flux, SQUARE, 2, batch) for batch in (1, 2))
    assert both == pytest.approx(2 * alone - 0.005 - 0.0076)


@pytest.mark.parametrize("field", ["overhead", "tflops", "sync", "bandwidth"])
def test_impossible_constants(field: str) -> None:
    """Tests that a negative constant is refused by name."""
    values = {"overhead": 0.0, "tflops": 1.0, "sync": 0.0, "bandwidth": 1.0} | {field: -1.0}
    with pytest.raises(ValueError, match=rf"{field} is -1\.0; it must be"):
        Constants(**values)


def test_unknown_architecture() -> None:
    """Tests that an unknown model is refused with the known ones listed."""
    with pytest.raises(ValueError, match=r"no architecture for model 'SDXL'; known are FLUX\.1-dev"):
        architecture("SDXL")
