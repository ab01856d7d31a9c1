from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.experiments.serve.house import Server, serving


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of images on eight emulated H100, twenty times as fast as the clock, with two tiers and few steps."""
    with serving(
        tmp_path_factory.mktemp("images") / "session",
        "engine.speed=20",
        "serve.tiers=[{name: gold, weight: 10, deadline: 0.5}, {name: plain}]",
        "serve.body_seconds=2",
    ) as server:
        yield server


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of videos, a thousand times as fast as the clock."""
    with serving(
        tmp_path_factory.mktemp("videos") / "session", "profile=hunyuanvideo_l20", "engine.speed=1000", "serve.steps=2"
    ) as server:
        yield server
