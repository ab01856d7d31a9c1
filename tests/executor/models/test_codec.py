"""Bytes and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from executor.models import codec
from executor.models.codec import pack, unpack


class Holder:
    """Something with a tensor among its attributes."""

    def __init__(self, held: torch.Tensor) -> None:
        self.held = held


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.bool])
def test_round_trip(dtype: torch.dtype) -> None:
    """Tests that tensors of any type and shape come back exactly, also views and empty ones."""
    whole = torch.randn(3, 4, 5).to(dtype)
    value = {"a": [whole, whole.transpose(0, 2), whole[:0]], "b": (whole[1, 2, 3], None, 2.5), "c": "text"}
    restored = unpack(pack(value))
    for one, other in zip(value["a"] + [value["b"][0]], restored["a"] + [restored["b"][0]], strict=True):
        assert torch.equal(one, other)
        assert one.dtype == other.dtype
    assert restored["b"][1:] == (None, 2.5)
    assert restored["c"] == "text"


def test_restored_tensors_can_be_changed() -> None:
    """Tests that what comes back owns its memory."""
    data = pack(torch.zeros(3))
    unpack(memoryview(data)).add_(1)
    assert torch.equal(unpack(data), torch.zeros(3))


def test_values_that_arrive_later() -> None:
    """Tests that what is packed has the values that tensors had then, if they come in later, and all else as it was then."""
    ways: list[tuple[torch.Tensor, torch.Tensor]] = []

    def later(value: torch.Tensor) -> torch.Tensor:
        ways.append((torch.zeros(value.shape, dtype=value.dtype), value.clone()))
        return ways[-1][0]

    value: dict[str, Any] = {"latents": torch.ones(2, 3), "empty": torch.ones(0), "table": np.arange(3.0), "step": [1]}
    packed = codec.pack_with(value, later)
    value["latents"].zero_()
    value["table"][:] = 7
    value["step"][0] = 2
    for there, then in ways:
        there.copy_(then)
    found = unpack(packed.join())
    assert torch.equal(found["latents"], torch.ones(2, 3)) and found["empty"].shape == (0,)
    assert list(found["table"]) == [0, 1, 2] and found["step"] == [1]


def test_what_lay_on_a_device_goes_to_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that such tensors move wherever they stand, and that those in host memory, as a scheduler's sigmas, stay."""

    def on_device(value: torch.Tensor) -> bool:
        return value.dtype == torch.float32

    monkeypatch.setattr(codec, "_on_device", on_device)
    data = pack(
        {"outputs": [torch.zeros(2), None], "sigmas": torch.zeros(2, dtype=torch.float64), "of": Holder(torch.zeros(1))}
    )
    found = unpack(data, torch.device("meta"))
    assert found["outputs"][0].device.type == found["of"].held.device.type == "meta"
    assert found["sigmas"].device.type == "cpu"
    assert unpack(data)["outputs"][0].device.type == "cpu"
