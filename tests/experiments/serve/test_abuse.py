"""Whatever a client sends, it gets an answer that names what is wrong, and nobody else notices."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from urllib.parse import urlparse

import pytest

from tests.experiments.serve.house import IMAGES, Server, call, until
from tests.patience import PATIENCE

GOOD = {"prompt": "x", "size": "256x256", "num_inference_steps": 1}

FIELDS: list[tuple[dict[str, object], str]] = [
    ({"prompt": None}, "prompt"),
    ({"prompt": ""}, "prompt"),
    ({"prompt": 3}, "prompt"),
    ({"prompt": ["a"]}, "prompt"),
    ({"prompt": "x" * 20_001}, "prompt"),
    ({"prompt": "\ud800"}, "prompt"),
    ({"n": 0}, "n"),
    ({"n": -1}, "n"),
    ({"n": 11}, "n"),
    ({"n": 10**30}, "n"),
    ({"n": 1.5}, "n"),
    ({"n": True}, "n"),
    ({"n": "many"}, "n"),
    ({"size": "1024"}, "size"),
    ({"size": "0x0"}, "size"),
    ({"size": "-1x5"}, "size"),
    ({"size": "999999999x999999999"}, "size"),
    ({"size": "٣٢x٣٢"}, "size"),
    ({"size": "77x1"}, "size"),
    ({"size": ["1024x1024"]}, "size"),
    ({"width": 0}, "width"),
    ({"width": 10**9}, "width"),
    ({"width": 7, "height": 7}, "width"),
    ({"num_inference_steps": 0}, "num_inference_steps"),
    ({"num_inference_steps": 201}, "num_inference_steps"),
    ({"num_inference_steps": "ten"}, "num_inference_steps"),
    ({"slo_ms": 0}, "slo_ms"),
    ({"slo_ms": -5}, "slo_ms"),
    ({"slo_ms": "soon"}, "slo_ms"),
    ({"slo_ms": 1e300}, "slo_ms"),
    ({"slo_ms": {}}, "slo_ms"),
    ({"deadline": -1}, "deadline"),
    ({"deadline": 1}, "deadline"),
    ({"tier": "platinum"}, "tier"),
    ({"tier": 7}, "tier"),
    ({"weight": 0}, "weight"),
    ({"weight": 1e9}, "weight"),
    ({"weight": 5e-324}, "weight"),
    ({"response_format": "file"}, "response_format"),
    ({"output_format": "bmp"}, "output_format"),
    ({"output_format": ["png"]}, "output_format"),
    ({"seed": "x"}, "seed"),
    ({"seed": 2**64}, "seed"),
    ({"seed": [-(2**63) - 1]}, "seed"),
    ({"n": 10**3000}, "n"),
    ({"num_inference_steps": 10**3000}, "num_inference_steps"),
    ({"extra_body": "\ud800"}, "extra_body"),
    ({"extra_params": "[1]"}, "extra_params"),
    ({"extra_args": "{"}, "extra_args"),
    ({"stream": "perhaps"}, "stream"),
    ({"num_frames": 16}, "size"),
    ({"num_frames": 0}, "num_frames"),
]

BODIES: list[tuple[bytes, str, int]] = [
    (b"", "application/json", 400),
    (b"{", "application/json", 400),
    (b"[]", "application/json", 400),
    (b"null", "application/json", 400),
    (b'"x"', "application/json", 400),
    (b'{"prompt": "x", "slo_ms": NaN}', "application/json", 400),
    (b'{"prompt": "x", "slo_ms": Infinity}', "application/json", 400),
    (b"\xff\xfe\x00", "application/json", 400),
    (b'{"a":' * 50_000, "application/json", 400),
    (b"x" * 2_000_000, "application/json", 413),
    (b"prompt=x", "text/plain", 415),
    (b"prompt=%ff%fe", "application/x-www-form-urlencoded", 400),
    (b"&".join(b"f%d=1" % i for i in range(300)), "application/x-www-form-urlencoded", 400),
    (b"nonsense", "multipart/form-data", 400),
    (b"nonsense", "multipart/form-data; boundary=x", 400),
    (b"--x\r\nContent-Disposition: form-data\r\n\r\nv\r\n--x--\r\n", "multipart/form-data; boundary=x", 400),
]

PATHS: list[tuple[str, str, int]] = [
    ("GET", "/v1/videos/../../../etc/passwd", 404),
    ("GET", "/v1/videos/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 404),
    ("GET", "/v1/files/..%2f..%2fjournal.jsonl", 404),
    ("GET", "/page/..%2fserver.py", 404),
    ("GET", "/page/%00", 404),
    ("DELETE", "/v1/videos/video_tp-999999", 404),
    ("GET", "/v1/videos/" + "x" * 5000, 404),
    ("PUT", IMAGES, 405),
    ("GET", IMAGES, 405),
    ("GET", "/nowhere", 404),
    ("POST", "/v1/images/edits", 501),
]


@pytest.fixture(autouse=True)
def still_well(images: Server) -> object:
    """After each, the server is healthy and makes an image."""
    yield
    assert call(f"{images.url}/health").status == 200
    assert call(images.url + IMAGES, GOOD).status == 200


@pytest.mark.parametrize(("wrong", "field"), FIELDS, ids=[json.dumps(w)[:40] for w, _ in FIELDS])
def test_wrong_fields(images: Server, wrong: dict[str, object], field: str) -> None:
    """Tests that the field is named, in the form of OpenAI's errors."""
    body = {key: value for key, value in GOOD.items() if not (key == "size" and "width" in wrong)}
    answer = call(images.url + IMAGES, body | wrong)
    assert answer.status == 400
    assert answer.error["param"] == field and field in answer.error["message"]
    assert answer.error["type"] == "invalid_request_error"
    assert len(answer.error["message"]) < 500


@pytest.mark.parametrize(("body", "kind", "status"), BODIES, ids=[f"{k}-{b[:12]!r}" for b, k, _ in BODIES])
def test_wrong_bodies(images: Server, body: bytes, kind: str, status: int) -> None:
    """Tests bodies that are too large, of another kind, or not what they say."""
    answer = call(images.url + IMAGES, body, kind=kind)
    assert answer.status == status and answer.error["message"]


@pytest.mark.parametrize(("method", "path", "status"), PATHS, ids=[path[:40] for _, path, _ in PATHS])
def test_wrong_paths(images: Server, method: str, path: str, status: int) -> None:
    """Tests that no path leads to a file that is not meant, and that the answer has the same form."""
    answer = call(images.url + path, b"{}" if method in ("POST", "PUT") else None, method=method)
    assert answer.status == status and answer.error["message"]


@pytest.mark.parametrize("messages", [None, [], "x", [3], [{"role": "system", "content": "x"}], [{"content": [{}]}]])
def test_wrong_messages(images: Server, messages: object) -> None:
    """Tests chats that hold no prompt."""
    answer = call(f"{images.url}/v1/chat/completions", {"messages": messages})
    assert answer.status == 400 and answer.error["param"] in ("messages", "prompt")


def test_videos_of_a_model_of_images(images: Server) -> None:
    """Tests that the route that is right is named."""
    answer = call(f"{images.url}/v1/videos", GOOD)
    assert answer.status == 400 and "/v1/images/generations" in answer.error["message"]


def connected(server: Server) -> socket.socket:
    """Open a connection."""
    place = urlparse(server.url)
    return socket.create_connection((place.hostname, place.port), timeout=PATIENCE)


def head(length: int) -> bytes:
    """Return the head of a call."""
    return (
        f"POST {IMAGES} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def test_slow_bodies_end(images: Server) -> None:
    """Tests that a body that does not come is not waited for."""
    with connected(images) as made:
        made.sendall(head(100) + b'{"pro')
        assert b" 408 " in made.recv(4096)


def test_silent_connections_end(images: Server) -> None:
    """Tests that a connection on which nothing is said, or half a head, is closed."""
    with connected(images) as silent, connected(images) as slow:
        slow.sendall(b"POST /v1/ima")
        assert silent.recv(10) == b""
        assert slow.recv(10) == b""


def test_clients_that_do_not_read_are_cut_off(images: Server) -> None:
    """Tests that answers which nobody reads are not kept: the connection is reset."""
    with connected(images) as deaf:
        deaf.settimeout(1.0)
        asking = b"GET /page/page.js HTTP/1.1\r\nHost: x\r\n\r\n" * 1_000_000
        with pytest.raises(OSError):  # neither does the server read on
            deaf.sendall(asking)
        poller = select.poll()
        poller.register(deaf, 0)
        until(lambda: poller.poll(0))


def in_system(server: Server) -> int:
    """Return how many requests are in the system."""
    count = call(f"{server.url}/server_info").json["in_system"]
    assert isinstance(count, int)
    return count


LONG = GOOD | {"size": "2048x2048", "num_inference_steps": 200, "n": 10, "slo_ms": 600_000}
"""Ten images: a minute and a half of the cluster."""


def steps_done(server: Server) -> float:
    """Return the GPU-seconds of the cluster that went into steps."""
    text = call(f"{server.url}/metrics").body.decode()
    return float(text.split("\ntetriplan_gpu_seconds_total ")[1].split()[0])


@pytest.mark.parametrize("stream", [False, True])
def test_clients_that_go_away_are_cancelled(images: Server, stream: bool) -> None:
    """Tests that the requests of a client that hangs up leave the system long before their steps could be done."""
    before = steps_done(images)
    body = json.dumps(LONG | {"stream": stream}).encode()
    with connected(images) as made:
        made.sendall(head(len(body)) + body)
        until(lambda: in_system(images) >= 10)
    until(lambda: in_system(images) == 0)
    assert steps_done(images) - before < 0.5 * 10 * 8 * 200 * 0.1


@pytest.mark.parametrize("stream", [False, True])
def test_clients_that_hang_up_at_once_are_cancelled(images: Server, stream: bool) -> None:
    """Tests that requests are taken back, too, whose clients are gone before they are told anything."""
    before = steps_done(images)
    body = json.dumps(LONG | {"stream": stream}).encode()
    for _ in range(20):
        with connected(images) as made:
            made.sendall(head(len(body)) + body)
    until(lambda: in_system(images) == 0)
    assert steps_done(images) - before < 0.5 * 200 * 8 * 200 * 0.1


def test_how_long_ago_is_told_by_the_clock(images: Server) -> None:
    """Tests that a deadline that is past is told in seconds of the clock, also where the cluster is faster."""
    answer = call(images.url + IMAGES, GOOD | {"deadline": 1000})
    ago = float(answer.error["message"].split("which was ")[1].split()[0])
    assert ago == pytest.approx(time.time() - 1000, rel=1e-3)  # half a century, not ten or a hundred


def test_a_flood_of_connections(images: Server) -> None:
    """Tests that hundreds of idle connections keep nobody from being served."""
    held = [connected(images) for _ in range(500)]
    try:
        assert call(images.url + IMAGES, GOOD).status == 200
    finally:
        for each in held:
            each.close()


def test_a_flood_of_requests(images: Server) -> None:
    """Tests that a hundred clients at a time are each served once."""
    answers: list[int] = []

    def one() -> None:
        answers.append(call(images.url + IMAGES, GOOD).status)

    threads = [threading.Thread(target=one) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 100
