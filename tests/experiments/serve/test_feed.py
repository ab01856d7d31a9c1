"""What the page is told."""

from __future__ import annotations

import asyncio
import json

from executor.engine import Segment
from experiments.serve.feed import Feed
from experiments.serve.planning import Arrived, Left
from planner.promise import Answer
from planner.request import Request
from profiles import Shape


def first_news(feed: Feed) -> dict[str, object]:
    """Return the first news of a stream, after what is said once."""

    async def read() -> bytes:
        stream = feed._stream()
        about = await anext(stream)
        assert json.loads(about.split(b"data: ")[1]) == {"gpus": 8}
        news = await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        return news

    found = json.loads(asyncio.run(read()).split(b"data: ")[1])
    assert isinstance(found, dict)
    return found


def test_the_last_minute_is_kept() -> None:
    """Tests that what ended more than a minute ago is forgotten, but for who is still in the system."""
    now = [10.0]
    feed = Feed(lambda: now[0], {"gpus": 8})
    feed.take([Arrived(Request(0, Shape(256, 256), 4, 10.0, 12.0, tier="gold"), Answer(True))])
    feed.take([Segment((0,), (0, 1), 10.0, 11.0, 4)])
    feed.take([Arrived(Request(1, Shape(512, 512), 4, 10.5, 12.0), Answer(False, 20.0, True, "late"))])
    assert [row["is"] for row in first_news(feed)["rows"]] == ["arrived", "ran", "arrived"]  # type: ignore[union-attr, attr-defined]
    now[0] = 100.0
    feed.take([Segment((0,), (0, 1), 99.0, 100.0, 4)])
    assert first_news(feed)["live"] == [0]
    feed.take([Left(Request(0, Shape(256, 256), 4, 10.0, 12.0, tier="gold"), "late", 100.0, True)])
    news = first_news(feed)
    assert news["shapes"] == {"256x256": [0, 1], "512x512": [0, 1]} and news["tiers"] == {"gold": [0, 1], "": [0, 1]}
    assert news["promises"] == [0, 1] and news["live"] == []
    assert [row["is"] for row in news["rows"]] == ["ran", "left"]  # type: ignore[union-attr, attr-defined]
