"""What a machine is good for: each finding with a verdict, and a remedy where something would be refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from executor.distributed.memory import in_words
from executor.doctor.machine import Machine

Verdict = Literal["ok", "note", "refused"]

RANGES = {"torch": ((2, 9), (2, 14)), "diffusers": ((0, 42), (0, 43)), "transformers": ((4, 57), (6, 0))}
"""First version that is taken, and first that is not, as the extra ``executor`` says."""

PARAMETERS = {
    "flux": (11_901_408_320, 4_969_190_819, "FLUX.1-dev"),
    "sd3": (2_028_328_000, 5_664_440_483, "SD3-medium"),
    "qwen": (20_430_401_088, 8_419_059_187, "Qwen-Image"),
    "wan": (14_288_491_584, 5_807_802_867, "Wan2.1-14B"),
}
"""Parameters of the transformer and of text encoders with autoencoder of the published models, and their names."""

BYTES = {"bfloat16": 2, "float32": 4}
_HEADROOM = 6 << 30
"""Bytes on a GPU for activations and for communicators, which take half a gigabyte each."""

_SHARED = 64 << 20
_FILES_PER_GROUP = 4
_FILES = 64 + 32 * _FILES_PER_GROUP


class Finding(NamedTuple):
    """One thing.

    Parameters
    ----------
    what
        In a word or two.
    found
        What there is.
    verdict
        ``refused``: a run on real workers would not start.
    remedy
        What to do, where there is something.
    """

    what: str
    found: str
    verdict: Verdict = "ok"
    remedy: str = ""


def findings(machine: Machine) -> list[Finding]:
    """Return all findings, in the order in which they matter."""
    return [*_software(machine), *_hardware(machine), *_models(machine), *_limits(machine)]


def _software(machine: Machine) -> Iterator[Finding]:
    yield Finding("Python", machine.python)
    for name, found in machine.packages.items():
        if found is None:
            if name == "ray":
                yield Finding(
                    name, "not installed", "note", 'only for engine/transport=ray: pip install -e ".[cluster]"'
                )
            else:
                yield Finding(name, "not installed", "refused", 'pip install -e ".[executor]"')
        elif name in RANGES and not RANGES[name][0] <= _number(found) < RANGES[name][1]:
            least, most = (".".join(map(str, bound)) for bound in RANGES[name])
            yield Finding(
                name, found, "refused", f"versions from {least} to below {most} are tested; install one of them"
            )
        else:
            yield Finding(name, found)


def _hardware(machine: Machine) -> Iterator[Finding]:
    if not machine.gpus:
        yield Finding("GPUs", "torch finds none", "note", "runs use processes on the CPU: engine.width=tiny or small")
    for number, (name, memory) in enumerate(machine.gpus):
        yield Finding(f"GPU {number}", f"{name}, {in_words(memory)}")
    if len(machine.gpus) > 1:
        found = machine.nccl or "not found"
        yield Finding(
            "NCCL", found, "ok" if machine.nccl else "refused", "" if machine.nccl else "install a torch with NCCL"
        )
        yield Finding("links", _links(machine.topology))
    yield Finding("processor", f"{machine.cores} cores; a worker takes engine.threads of them")
    yield Finding("host memory", f"{in_words(machine.memory)} free")


def _models(machine: Machine) -> Iterator[Finding]:
    """Say for each published model in which types a worker's transformer fits, and whether host memory holds them all."""
    if not machine.gpus:
        return
    room = min(memory for _, memory in machine.gpus) - _HEADROOM
    for family, (steps, stages, name) in PARAMETERS.items():
        fits = [dtype for dtype, size in BYTES.items() if steps * size <= room]
        shared = [dtype for dtype in fits if (steps + stages) * BYTES[dtype] <= room]
        if not fits:
            need = in_words(steps * BYTES["bfloat16"] + _HEADROOM)
            yield Finding(
                name, "fits in no type", "note", f"engine.model={family} engine.width=full needs {need} a GPU"
            )
            continue
        loading = len(machine.gpus) * steps * BYTES[fits[0]]
        if fits and not shared:
            yield Finding(
                name, ", ".join(fits), "note", "its text encoders share GPU 0 with a worker, and do not fit beside it"
            )
        elif loading > machine.memory:
            need = f"{in_words(loading)} of host memory while all workers load"
            yield Finding(name, ", ".join(fits), "note", f"takes up to {need}; {in_words(machine.memory)} are free")
        else:
            yield Finding(name, ", ".join(fits))


def _limits(machine: Machine) -> Iterator[Finding]:
    if machine.shared is None:
        yield Finding(
            "/dev/shm", "cannot be written", "note", "requests' states go to the folder for temporary files: slower"
        )
    elif machine.shared < _SHARED:
        remedy = "requests' states are kept there; a container has more with --shm-size=1g"
        yield Finding("/dev/shm", f"{in_words(machine.shared)} free", "note", remedy)
    else:
        yield Finding("/dev/shm", f"{in_words(machine.shared)} free")
    few = machine.files < _FILES
    remedy = (
        f"ulimit -n {4 * _FILES}, or fewer groups: engine.groups={max(1, (machine.files - 64) // _FILES_PER_GROUP)}"
    )
    yield Finding("open files", str(machine.files), "note" if few else "ok", remedy if few else "")
    remedy = "" if machine.ports else "workers meet at ports of 127.0.0.1; let this user open and reach them"
    yield Finding(
        "ports", "open" if machine.ports else "cannot be reached", "ok" if machine.ports else "refused", remedy
    )


def _number(text: str) -> tuple[int, int]:
    parts = text.split("+")[0].split(".")
    return int(parts[0]), int("".join(filter(str.isdigit, parts[1])) or 0) if len(parts) > 1 else 0


def _links(topology: str) -> str:
    """Return which kinds of links a topology names."""
    words = {word for line in topology.splitlines() if line.startswith("GPU") for word in line.split()}
    nvlink = sorted(word for word in words if word.startswith("NV"))
    others = sorted(words & {"SYS", "NODE", "PHB", "PXB", "PIX"})
    return ", ".join([*nvlink, *others]) or "unknown (nvidia-smi topo -m says nothing)"
