"""What the page is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import chain
from typing import Any

import pytest

from executor.engine import Segment, Staged
from experiments.serve.feed import Feed
from experiments.serve.planning import Arrived, Left
from planner.promise import Answer
from planner.request import Request
from profiles import Shape

Stream = AsyncIterator[bytes]


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
    feed.take([Segment((0,), (0, 1), 99.0, 100.0, 4), Staged("decode", 0, -1, 100.0, 101.0, gpu=1, freed=100.5)])
    assert first_news(feed)["live"] == [0]
    assert first_news(feed)["rows"][-1] == {"is": "decoded", "id": 0, "gpu": 1, "start": 100.0, "end": 100.5}  # type: ignore[index]
    feed.take([Left(Request(0, Shape(256, 256), 4, 10.0, 12.0, tier="gold"), "late", 100.0, True)])
    news = first_news(feed)
    assert news["shapes"] == {"256x256": [0, 1], "512x512": [0, 1]} and news["tiers"] == {"gold": [0, 1], "": [0, 1]}
    assert news["promises"] == [0, 1] and news["live"] == []
    assert [row["is"] for row in news["rows"]] == ["ran", "decoded", "left"]  # type: ignore[union-attr, attr-defined]


def arrivals(feed: Feed, first: int, last: int) -> None:
    """Let requests come in."""
    feed.take([Arrived(Request(n, Shape(256, 256), 4, 10.0, 12.0), None) for n in range(first, last)])


async def ids(stream: Stream, count: int = 1) -> list[int]:
    """Return whose arrivals the next news of a stream tell of."""
    news: list[dict[str, Any]] = [json.loads((await anext(stream)).split(b"data: ")[1]) for _ in range(count)]
    return [row["id"] for each in news for row in each["rows"]]


def test_all_readers_hear_all_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that who looks on from the start, who comes later, and who is slow are each told of everything once, in order."""
    monkeypatch.setattr(asyncio, "sleep", lambda seconds, sleep=asyncio.sleep: sleep(0))
    wall = [0.0]

    async def read() -> None:
        feed = Feed(lambda: 10.0, {}, lambda: wall[0])
        first, slow, late = (feed._stream() for _ in range(3))
        arrivals(feed, 0, 2)
        await anext(first)
        assert await ids(first) == [0, 1]
        await anext(slow)
        assert await ids(slow) == [0, 1]
        arrivals(feed, 2, 3)
        wall[0] = 0.3
        assert await ids(first) == [2]
        arrivals(feed, 3, 5)
        wall[0] = 0.4
        await anext(late)
        assert await ids(late) == [0, 1, 2], "what came after the beat is in the next"
        wall[0] = 0.6
        assert await ids(first) == await ids(late) == [3, 4]
        assert await ids(slow) == [2, 3, 4]
        assert await ids(slow) == await ids(first) == []

    asyncio.run(read())


def test_words_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that a row is put into words once for ten readers, and not at all while nobody looks on."""
    made: list[int] = []

    def words(data: dict[str, Any]) -> str:
        if "is" in data:
            made.append(data["id"])
        return json.dumps(data)

    monkeypatch.setattr("experiments.serve.feed._WORDS", words)

    async def read() -> None:
        feed = Feed(lambda: 10.0, {})
        arrivals(feed, 0, 3)
        assert not made
        for stream in [feed._stream() for _ in range(10)]:
            await anext(stream)
            assert await ids(stream) == [0, 1, 2]

    asyncio.run(read())
    assert made == [0, 1, 2]


def test_a_long_minute_comes_in_parts() -> None:
    """Tests that who comes to a busy server is told of the last minute in several events, none longer than 500 rows."""

    async def read() -> None:
        feed = Feed(lambda: 10.0, {})
        arrivals(feed, 0, 1200)
        stream = feed._stream()
        await anext(stream)
        parts = [await ids(stream) for _ in range(3)]
        assert [len(part) for part in parts] == [500, 500, 200] and [*chain(*parts)] == [*range(1200)]

    asyncio.run(read())
