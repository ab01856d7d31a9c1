"""What a machine is good for: each finding with a verdict, and a remedy where something would be refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from executor.distributed.budget import BYTES, CONTEXT, GROUPS, Budget, Expected, activations
from executor.distributed.memory import in_words
from executor.doctor.machine import Machine
from executor.models.spec import Role

Verdict = Literal["ok", "note", "refused"]

RANGES = {"torch": ((2, 9), (2, 14)), "diffusers": ((0, 42), (0, 43)), "transformers": ((4, 57), (6, 0))}
"""First version that is taken, and first that is not, as the extra ``executor`` says."""


class PublishedSize(NamedTuple):
    """Parameters of a published model.

    Parameters
    ----------
    transformer, texts, autoencoder
        Of the parts: of all text encoders together.
    name
        As its publisher calls it.
    """

    transformer: int
    texts: int
    autoencoder: int
    name: str


PARAMETERS = {
    "flux": PublishedSize(11_901_408_320, 4_885_371_136, 83_819_683, "FLUX.1-dev"),
    "sd3": PublishedSize(2_028_328_000, 5_580_620_800, 83_819_683, "SD3-medium"),
    "qwen": PublishedSize(20_430_401_088, 8_292_166_656, 126_892_531, "Qwen-Image"),
    "wan": PublishedSize(14_288_491_584, 5_680_910_336, 126_892_531, "Wan2.1-14B"),
}
"""By family."""

_TYPES = ("bfloat16", "float32")
_IMAGE = Expected()
"""Of the size that activations are estimated for."""

_DECODE: dict[str, Role] = {"workers": "denoise", "group": "denoise and decode"}
"""What a worker for steps does, by who decodes."""

_SHARED = 64 << 20
_FILES_PER_GROUP = 4
_FILES = 64 + GROUPS * _FILES_PER_GROUP


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
    """Say for each published model in which types it fits, whoever decodes, and how many groups a worker can then be in."""
    if not machine.gpus:
        return
    totals = [memory for _, memory in machine.gpus]
    for family, model in PARAMETERS.items():
        fits = {dtype: _fits(model, dtype, totals) for dtype in _TYPES}
        found = "; ".join(f"{dtype}: {words}" for dtype, words in fits.items() if words)
        if not found:
            need = in_words(_budget(model, "bfloat16", ["denoise"], min(totals)).needed(0))
            yield Finding(
                model.name, "fits in no type", "note", f"engine.model={family} engine.width=full needs {need} a GPU"
            )
            continue
        loading = len(totals) * model.transformer * BYTES[next(dtype for dtype in _TYPES if fits[dtype])]
        remedy = ""
        if not any("decode=" in words for words in fits.values()):
            others = len(totals) - 1
            remedy = "its text encoders do not fit beside a worker on GPU 0" + (
                f": with engine.workers={others} they have a GPU of their own" if others else ""
            )
        elif loading > machine.memory:
            need = f"{in_words(loading)} of host memory while all workers load"
            remedy = f"takes up to {need}; {in_words(machine.memory)} are free"
        yield Finding(model.name, found, "note" if remedy else "ok", remedy)


def _fits(model: PublishedSize, dtype: str, totals: Sequence[int]) -> str:
    """Return, in words, for which way to decode a type fits beside the worker for stages, and in how many groups then."""
    found = []
    for decode, role in _DECODE.items():
        if not _budget(model, dtype, [role, "stages"], totals[0]).fits(0) or not all(
            _budget(model, dtype, [role], total).fits(0) for total in totals
        ):
            continue
        rest = [_budget(model, dtype, [role], total).groups for total in totals[1:]]
        groups = min(GROUPS, _budget(model, dtype, [role, "stages"], totals[0]).groups, *rest)
        found.append(f"decode={decode}" + (f" (groups: {groups})" if len(totals) > 1 else ""))
    alone = all(_budget(model, dtype, ["denoise"], total).fits(0) for total in totals)
    return ", ".join(found) or ("only alone on a GPU" if alone else "")


def _budget(model: PublishedSize, dtype: str, roles: Sequence[Role], total: int) -> Budget:
    """Return the budget of a GPU with a worker of each role, for an image of usual size."""
    parts = {
        "denoise": model.transformer,
        "denoise and decode": model.transformer + model.autoencoder,
        "stages": model.texts + model.autoencoder,
    }
    weights = sum(parts[role] * BYTES[dtype] + CONTEXT for role in roles)
    return Budget(total, weights, sum(activations(role, _IMAGE, dtype) for role in roles))


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
