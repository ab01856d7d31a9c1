"""Whatever JSON a client sends, it gets images or is told what is wrong: no error of the server's own."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.serve.wanted import Asked
from tests.experiments.serve.house import IMAGES, Server, call

FIELDS = sorted(Asked.model_fields)
NUMBERS = st.one_of(
    st.integers(-(10**30), 10**30), st.integers(-2, 4), st.floats(allow_nan=False, allow_infinity=False), st.booleans()
)
TEXTS = st.one_of(
    st.text(max_size=20), st.sampled_from(["", "512x512", "1e999", "0", "b64_json", "url", "../x", "\x00", "null"])
)
SCALARS = st.one_of(st.none(), NUMBERS, TEXTS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)
NAMES = st.one_of(
    st.sampled_from(FIELDS), st.sampled_from(["extra_body", "extra_params", "model", "user"]), st.text(max_size=10)
)
CHAT = "/v1/chat/completions"


def judge(server: Server, path: str, body: object) -> None:
    """Send a body; see that the answer is one of those that a client can use."""
    answer = call(server.url + path, body)
    assert answer.status == 200 or 400 <= answer.status < 500, (answer.status, answer.body[:300])
    if answer.status == 200:
        assert answer.body
        return
    error = answer.error
    assert error["message"] and len(error["message"]) < 600
    assert error["type"] and error.keys() >= {"message", "type", "param", "code"}
    assert error["param"] is None or isinstance(error["param"], str)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_=st.dictionaries(NAMES, VALUES, max_size=5), good=st.booleans())
def test_any_fields_of_an_image(images: Server, given_: dict[str, object], good: bool) -> None:
    """Tests random values of the fields that there are, and of others, beside a good prompt or not."""
    base = {"prompt": "x", "size": "256x256", "num_inference_steps": 2} if good else {}
    judge(images, IMAGES, base | given_ | ({"n": 1} if isinstance(given_.get("n"), int) else {}))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=VALUES)
def test_any_body(images: Server, body: object) -> None:
    """Tests bodies of any JSON, on both routes."""
    judge(images, IMAGES, body)
    judge(images, CHAT, {"messages": body, "model": "FLUX.1-dev"})


def test_it_is_well_afterwards(images: Server) -> None:
    """Tests that it still makes images."""
    assert call(f"{images.url}/health").status == 200
    assert call(images.url + IMAGES, {"prompt": "x", "size": "256x256", "num_inference_steps": 2}).status == 200
