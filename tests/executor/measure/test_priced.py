"""What communication of an emulated group is taken to cost, and how that is known."""

from __future__ import annotations

import pytest

from executor.measure.emulation import Priced, priced
from profiles.communication import LinkModel

MEASURED = Priced(LinkModel(50e9, 5e-6), "measured at degree 2")


@pytest.mark.parametrize(
    ("measured", "bandwidth", "latency", "gigabytes", "microseconds", "known"),
    [
        (None, None, None, 100, 20, "assumed"),
        (None, 300.0, 10.0, 300, 10, "given"),
        (None, 300.0, None, 300, 20, "given bandwidth, assumed latency"),
        (MEASURED, None, None, 50, 5, "measured at degree 2"),
        (MEASURED, None, 10.0, 50, 10, "measured bandwidth, given latency"),
    ],
)
def test_given_before_measured_before_assumed(
    measured: Priced | None,
    bandwidth: float | None,
    latency: float | None,
    gigabytes: float,
    microseconds: float,
    known: str,
) -> None:
    """Tests that each part is as given, else as measured, else as assumed, and that the words say so."""
    found = priced(measured, (100.0, 20.0), bandwidth, latency)
    assert found.model.bandwidth == pytest.approx(gigabytes * 1e9)
    assert found.model.latency == pytest.approx(microseconds * 1e-6)
    assert found.known == known
