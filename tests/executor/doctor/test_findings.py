"""What a machine is said to be good for."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from executor.doctor import __main__ as doctor
from executor.doctor.findings import PARAMETERS, RANGES, Finding, findings
from executor.doctor.machine import PACKAGES, Machine, look

GOOD = Machine(
    "3.11.9",
    dict.fromkeys(PACKAGES, "9.9") | {"torch": "2.9.1+cu128", "diffusers": "0.42.1", "transformers": "5.2.0"},
    (("NVIDIA H100 80GB HBM3", 80 << 30),) * 8,
    "2.27.3",
    "\tGPU0\tGPU1\nGPU0\t X \tNV18\nGPU1\tNV18\t X \n",
    64,
    1 << 40,
    8 << 30,
    65536,
)


def _found(machine: Machine, what: str) -> Finding:
    return next(each for each in findings(machine) if each.what == what)


def test_a_good_machine() -> None:
    """Tests that on eight H100 everything runs, with links and types named."""
    assert not [each for each in findings(GOOD) if each.verdict != "ok"]
    assert _found(GOOD, "links").found == "NV18"
    both = "decode=workers (groups: 32), decode=group (groups: 32)"
    assert _found(GOOD, "SD3-medium").found == f"bfloat16: {both}; float32: {both}"
    assert _found(GOOD, "Qwen-Image").found == (
        "bfloat16: decode=workers (groups: 31), decode=group (groups: 24); float32: only alone on a GPU"
    )


@pytest.mark.parametrize(
    ("change", "what", "verdict", "words"),
    [
        ({"packages": GOOD.packages | {"torch": None}}, "torch", "refused", 'pip install -e ".[executor]"'),
        ({"packages": GOOD.packages | {"torch": "2.8.0"}}, "torch", "refused", "from 2.9 to below 2.14"),
        ({"packages": GOOD.packages | {"torch": "2.14.0"}}, "torch", "refused", "from 2.9 to below 2.14"),
        ({"packages": GOOD.packages | {"ray": None}}, "ray", "note", "engine/transport=ray"),
        ({"gpus": ()}, "GPUs", "note", "engine.width=tiny or small"),
        ({"nccl": ""}, "NCCL", "refused", "install a torch with NCCL"),
        (
            {"gpus": (("L4", 24 << 30),)},
            "Qwen-Image",
            "note",
            "engine.model=qwen engine.width=full needs 39.2 GiB a GPU",
        ),
        ({"gpus": (("A100", 40 << 30),)}, "FLUX.1-dev", "ok", ""),
        (
            {"gpus": (("A100", 40 << 30),) * 4},
            "Qwen-Image",
            "note",
            "with engine.workers=3 they have a GPU of their own",
        ),
        ({"gpus": (("A100", 40 << 30),)}, "Qwen-Image", "note", "do not fit beside a worker on GPU 0"),
        (
            {"memory": 64 << 30},
            "FLUX.1-dev",
            "note",
            "177.3 GiB of host memory while all workers load; 64.0 GiB are free",
        ),
        ({"shared": None}, "/dev/shm", "note", "temporary files"),
        ({"shared": 32 << 20}, "/dev/shm", "note", "--shm-size=1g"),
        ({"files": 128}, "open files", "note", "engine.groups=16"),
        ({"ports": False}, "ports", "refused", "127.0.0.1"),
    ],
)
def test_what_lacks_is_said_with_a_remedy(change: dict[str, object], what: str, verdict: str, words: str) -> None:
    """Tests verdict and remedy of each thing that a machine can lack."""
    found = _found(replace(GOOD, **change), what)  # type: ignore[arg-type]
    assert found.verdict == verdict
    assert words in found.remedy


def test_ranges_are_those_of_the_extra() -> None:
    """Tests that the versions that the doctor takes are those that are installed."""
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    said = dict(item.split(">=") for item in project["optional-dependencies"]["executor"])
    for name, (least, most) in RANGES.items():
        low, high = said[name].split(",<")
        assert low == ".".join(map(str, least))
        assert ".".join(map(str, most)).startswith(high)


def test_models_are_as_large_as_the_published_ones() -> None:
    """Tests that the sizes by which the doctor judges are those that the built models are tested against."""
    pytest.importorskip("torch")
    from tests.executor.models.random_models.test_full import PARAMETERS as PUBLISHED

    for family, model in PARAMETERS.items():
        parts = dict(PUBLISHED[family])
        assert (parts.pop("transformer"), parts.pop("vae"), sum(parts.values())) == (
            model.transformer,
            model.autoencoder,
            model.texts,
        )


def test_both_ways_to_decode_are_judged() -> None:
    """Tests that each way to decode counts by itself: who decodes decides how many groups fit, and whether any model does."""
    two = replace(GOOD, gpus=(("A100", 40 << 30),) * 2)
    assert _found(two, "FLUX.1-dev").found == "bfloat16: decode=workers (groups: 3)"
    assert _found(two, "Qwen-Image").found == "bfloat16: only alone on a GPU"
    one = replace(GOOD, gpus=(("A100", 40 << 30),))
    assert _found(one, "SD3-medium").found == "bfloat16: decode=workers, decode=group; float32: decode=workers"


def test_more_memory_fits_no_less() -> None:
    """Tests that with every gigabyte more, no model loses a type, a way to decode, or a group."""
    before: dict[tuple[str, ...], int] = {}
    for size in range(8, 160, 4):
        machine = replace(GOOD, gpus=(("GPU", size << 30),) * 2)
        groups = dict(_groups(machine))
        assert before.keys() <= groups.keys() and all(groups[key] >= count for key, count in before.items())
        before = groups
    assert len(before) == 2 * 2 * len(PARAMETERS)


def _groups(machine: Machine) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield how many groups fit, by model, type and way to decode."""
    for model in PARAMETERS.values():
        for of_type in _found(machine, model.name).found.split("; "):
            for way, count in re.findall(r"decode=(\w+) \(groups: (\d+)\)", of_type):
                yield (model.name, of_type.split(":")[0], way), int(count)


def test_this_machine(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that the command looks at this machine, says the verdict and returns it."""
    assert look().cores >= 1 and look().ports
    monkeypatch.setattr(doctor, "look", lambda: GOOD)
    assert doctor.main([]) == 0
    assert "engine=distributed can run here" in capsys.readouterr().out
    monkeypatch.setattr(doctor, "look", lambda: replace(GOOD, ports=False))
    assert doctor.main([]) == 1
    said = capsys.readouterr().out
    assert "x ports" in said and "would be refused: ports" in said
