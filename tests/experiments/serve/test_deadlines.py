"""Where a deadline comes from, and what a promise is."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.experiments.serve.house import IMAGES, Server, call, serving

BODY = {"prompt": "x", "size": "256x256", "num_inference_steps": 2}


@pytest.mark.parametrize(
    ("body", "headers", "seconds"),
    [
        ({"slo_ms": 4000}, {"x-slo-ms": "5000"}, 4.0),
        ({}, {"x-slo-ms": "5000", "x-slo-ttft-ms": "6000"}, 5.0),
        ({}, {"x-slo-ttft-ms": "6000"}, 6.0),
        ({"slo_ms": 4000, "tier": "gold"}, {}, 4.0),
        ({"extra_body": {"slo_ms": 3000}}, {}, 3.0),
    ],
)
def test_the_first_that_is_present(
    images: Server, body: dict[str, object], headers: dict[str, str], seconds: float
) -> None:
    """Tests that the body comes before headers, and both before tiers, in seconds of the wall clock."""
    answer = call(images.url + IMAGES, BODY | body, headers)
    assert answer.status == 200 and float(answer.headers["x-deadline-s"]) == pytest.approx(seconds)


def test_tiers_and_the_rule(images: Server) -> None:
    """Tests that a tier scales the rule by size, named in the body or a header, and that the rule follows the steps."""

    def allowed(body: dict[str, object], headers: dict[str, str] | None = None) -> float:
        return float(call(images.url + IMAGES, BODY | body, headers).headers["x-deadline-s"])

    plain = allowed({})
    assert allowed({"tier": "plain"}) == plain
    assert allowed({"tier": "gold"}) == pytest.approx(plain / 2, abs=2e-3)
    assert allowed({}, {"x-llm-d-inference-objective": "gold"}) == pytest.approx(plain / 2, abs=2e-3)
    assert allowed({"num_inference_steps": 4}) == pytest.approx(2 * plain, abs=2e-3)


def test_absolute_deadlines(images: Server) -> None:
    """Tests a deadline in Unix seconds, and one that has passed."""
    answer = call(images.url + IMAGES, BODY | {"deadline": time.time() + 50.0})
    assert 40.0 < float(answer.headers["x-deadline-s"]) <= 50.0
    past = call(images.url + IMAGES, BODY | {"deadline": time.time() - 1.0})
    assert past.status == 400 and past.error["param"] == "deadline"


def test_a_missed_deadline_is_told(images: Server) -> None:
    """Tests that a deadline that nobody could meet is missed, and that the answer says so."""
    answer = call(images.url + IMAGES, BODY | {"size": "2048x2048", "num_inference_steps": 20, "slo_ms": 1})
    assert answer.status == 200 and answer.headers["x-deadline-met"] == "0"


def test_promises(tmp_path: Path) -> None:
    """Tests that a server that refuses says when it could promise, and keeps what it promises."""
    with serving(tmp_path / "session", "serve.admission=refuse", "engine.speed=20") as server:
        good = call(server.url + IMAGES, BODY | {"slo_ms": 5000})
        assert (
            good.status == 200 and good.headers["x-deadline-promise"] == "1" and good.headers["x-deadline-met"] == "1"
        )
        bad = call(server.url + IMAGES, BODY | {"size": "2048x2048", "num_inference_steps": 50, "slo_ms": 10})
        assert bad.status == 429 and bad.error["code"] == "deadline_not_promised"
        assert int(bad.headers["retry-after"]) >= 1 and float(bad.headers["x-earliest-finish-s"]) > 0.01
        later = float(bad.headers["x-earliest-finish-s"]) * 1.5 * 1000
        again = call(server.url + IMAGES, BODY | {"size": "2048x2048", "num_inference_steps": 50, "slo_ms": later})
        assert again.status == 200 and again.headers["x-deadline-met"] == "1"
        said = server.stop()
    assert "promises kept" in said and "2 of 2" in said and "1 refused" in said


def test_promises_without_refusals(tmp_path: Path) -> None:
    """Tests that a server that promises takes all, and says which it did not promise."""
    with serving(tmp_path / "session", "serve.admission=promise", "engine.speed=20") as server:
        bad = call(server.url + IMAGES, BODY | {"size": "2048x2048", "num_inference_steps": 20, "slo_ms": 10})
        assert bad.status == 200 and bad.headers["x-deadline-promise"] == "0" and bad.headers["x-deadline-met"] == "0"


def test_what_is_given_up_is_told(tmp_path: Path) -> None:
    """Tests that an answer without an image says, too, whose it is, what was promised, and that the deadline was missed."""
    with serving(tmp_path / "session", "serve.admission=promise", "engine.speed=20", "engine.late=drop") as server:
        gone = call(server.url + IMAGES, BODY | {"size": "2048x2048", "num_inference_steps": 20, "slo_ms": 10})
    assert gone.status == 504 and gone.error["code"] == "deadline"
    told = {
        name: gone.headers[f"x-{name}"] for name in ("request-id", "deadline-s", "deadline-promise", "deadline-met")
    }
    assert told == {"request-id": "tp-0", "deadline-s": "0.010", "deadline-promise": "0", "deadline-met": "0"}
