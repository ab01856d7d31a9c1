"""Policies, programs and workloads of a user's own, from a file elsewhere: they run, and ten mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.capacity import main as capacity
from experiments.cli import compose
from experiments.compare.__main__ import main as compare
from experiments.config.build import build
from experiments.runner import simulate
from planner.load import LoadError
from planner.solvers import contained
from planner.solvers.contained import SolverError

FIFO = '''
from planner import Assignment, Certificate, Plan


class Fifo:
    """First come, first served: every request on the largest group of idle GPUs, to its end."""

    name = "fifo"
    preemptive = False

    def __init__(self, most: int = 4) -> None:
        self.most = most

    def solve(self, round_, budget):
        plan, used = [], 0
        for job in round_.jobs:
            if job.running:
                plan.append(Assignment((job.id,), job.group, job.steps_left))
                used |= job.group.mask
        for job in sorted((job for job in round_.jobs if not job.running), key=lambda job: job.request.arrival):
            times = round_.costs.of(job.request.shape).by_mask
            idle = [g for g in round_.cluster.all_groups if not g.mask & used and g.degree <= self.most and g.mask in times]
            if idle:
                group = max(idle, key=lambda g: g.degree)
                plan.append(Assignment((job.id,), group, job.steps_left))
                used |= group.mask
        return Plan(tuple(plan), Certificate(self.name))
'''
SMALL = ("workload.requests=15",)


def written(tmp_path: Path, text: str, name: str = "mine.py") -> Path:
    """Write a file of a user's."""
    path = tmp_path / name
    path.write_text(text)
    return path


def own(path: Path, *more: str) -> list[str]:
    """Overrides that choose it."""
    return ["solver=custom", f"solver.file={path}", *SMALL, *more]


def test_a_policy_of_ones_own_serves(tmp_path: Path) -> None:
    """It plans a whole run, under its name, with its arguments; every request leaves."""
    path = written(tmp_path, FIFO)
    for most in (2, 8):
        records = simulate(build(compose(own(path, "solver.name=Fifo", f"+solver.arguments.most={most}"))))
        assert records.complete and {decision.solver for decision in records.decisions} == {"fifo"}
        assert max(len(segment.gpus) for segment in records.segments) == most


def test_a_policy_of_ones_own_is_compared(tmp_path: Path) -> None:
    """It stands in the table, the differences and the timelines beside a shipped one."""
    path, out = written(tmp_path, FIFO), tmp_path / "out"
    arguments = ["--policy", f"mine:solver=custom solver.file={path}", "--policy", "edf", "--seeds", "2", "--jobs", "1"]
    assert compare([*arguments, "--output", str(out), *SMALL]) == 0
    assert "| mine " in (out / "table.md").read_text() and "less mine" in (out / "differences.md").read_text()
    assert (out / "timelines.png").is_file()


def test_a_policy_of_ones_own_has_a_capacity(tmp_path: Path) -> None:
    """Its highest rate is found beside a shipped one's."""
    path, out = written(tmp_path, FIFO), tmp_path / "out"
    arguments = ["--policy", f"mine:solver=custom solver.file={path}", "--policy", "edf", "--seeds", "2", "--jobs", "1"]
    assert capacity([*arguments, "--target", "0.5", "--step", "1.3", "--no-bound", "--output", str(out), *SMALL]) == 0
    assert "| mine |" in (out / "table.md").read_text().replace("  ", "")


SOLVE = "    def solve(self, round_, budget):\n"
HEAD = "from planner import Assignment, Certificate, Plan\nCLAIM = Certificate('x')\nclass Mine:\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + "    def solve(self, round_):\n        return Plan((), CLAIM)\n", "does not take (round_, budget)"),
        (HEAD + "    def plan(self, round_, budget):\n        return Plan((), CLAIM)\n", "it has: none"),
        (HEAD + SOLVE + "        return None\n", "returned NoneType; a planner.Plan is needed"),
        (HEAD + SOLVE + "        raise KeyError('due')\n", "solve() raised KeyError: 'due'"),
        (HEAD + "    def __init__(self):\n        1 / 0\n" + SOLVE + "        pass\n", "raised ZeroDivisionError"),
        (HEAD + SOLVE + "        return Plan((Assignment((77,), round_.cluster.all_groups[0], 1),), CLAIM)\n", "request 77"),
        (
            HEAD + SOLVE + "        g = round_.cluster.all_groups[0]\n"
            "        return Plan(tuple(Assignment((j.id,), g, 1) for j in round_.jobs), CLAIM)\n",
            "GPU once",
        ),
        (
            "import random\n" + HEAD + SOLVE + "        jobs = [j for j in round_.jobs if not j.running]\n"
            "        g = round_.cluster.all_groups[0]\n        one = random.choice([None, *jobs])\n"
            "        return Plan((Assignment((one.id,), g, 1),) if one else (), CLAIM)\n",
            "draw nothing at random",
        ),
        (HEAD + SOLVE + "        raise SystemExit('first\\nsecond')\n", "solve() raised SystemExit: first second"),
        (HEAD + SOLVE + "        while True:\n            pass\n", "does it loop for ever?"),
        (HEAD + SOLVE + "        return Plan(\n", "does not import: SyntaxError"),
        ("import nosuchmodule\n", "does not import: ModuleNotFoundError"),
        ("while True:\n    pass\n", "its import did not end"),
    ],
)  # fmt: skip
def test_mistakes_are_refused_by_name(text: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy with a mistake is refused before anything runs; the message names the file and the mistake."""
    monkeypatch.setattr(contained, "SECONDS", 0.3)
    monkeypatch.setattr("planner.load.SECONDS", 0.3)
    path = written(tmp_path, text)
    with pytest.raises(LoadError) as refusal:
        build(compose(own(path)))
    assert words in str(refusal.value) and str(path) in str(refusal.value)


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("raise RuntimeError('out of luck')", "solve() raised RuntimeError: out of luck"),
        ("while True: pass", "does it loop for ever?"),
        ("return 'a plan'", "returned str"),
        ("return Plan((Assignment((1000,), round_.cluster.all_groups[0], 1),), CLAIM)", "request 1000 is not live"),
    ],
)
def test_mistakes_in_a_run_are_contained(
    trouble: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes wrong only later ends the run with one message that names the decision, and keeps what was served."""
    monkeypatch.setattr(contained, "SECONDS", 0.3)
    text = FIFO.replace(
        SOLVE, f"{SOLVE}        CLAIM = Certificate('x')\n        if 30 < round_.now < 100: {trouble}\n", 1
    )
    text = text.replace("if 30 < round_.now < 100: while True: pass", "while 30 < round_.now < 100: pass")
    setup = build(compose(own(written(tmp_path, text))))
    with pytest.raises(SolverError, match=r"mine\.py: Fifo: in the decision at \d+\.\d+ s, with \d+ live") as ended:
        simulate(setup)
    assert words in str(ended.value)


def test_a_misspelt_class_is_guessed(tmp_path: Path) -> None:
    """The likely one is named."""
    with pytest.raises(LoadError, match=r"no class 'Fif' .*did you mean Fifo\?"):
        build(compose(own(written(tmp_path, FIFO), "solver.name=Fif")))


def test_a_program_of_ones_own_is_solved(tmp_path: Path) -> None:
    """A subclass of a shipped program plans a run; one that lacks a method is refused by name."""
    path = written(tmp_path, "from planner import Lookahead\nclass Mine(Lookahead):\n    pass\n")
    records = simulate(build(compose(["solver=highs", "program=custom", f"program.file={path}", *SMALL])))
    assert records.complete
    other = written(tmp_path, "class Mine:\n    def model(self, r, o, g):\n        pass\n", "other.py")
    with pytest.raises(LoadError, match="it lacks check, measure, rough, looks_ahead"):
        build(compose(["solver=highs", "program=custom", f"program.file={other}", *SMALL]))


WORKLOAD = """
from planner import Request
from profiles import Shape

def pairs(random, profile, count=6):
    at = 0.0
    for number in range(count):
        at += random.exponential(2.0)
        yield Request(number, Shape(1024, 1024), 20, at, at + 3.0)
"""


def test_a_workload_of_ones_own_is_served(tmp_path: Path) -> None:
    """A function's requests are those of the run, drawn from its seed, with deadlines scaled; the run is named after it."""
    path = written(tmp_path, WORKLOAD)
    mine = ["solver=edf", "workload=custom_file", f"workload.file={path}"]
    setup = build(compose([*mine, "+workload.arguments.count=4", "workload.slo_scale=2"]))
    first = setup.workload.requests
    assert (setup.workload.name, len(first)) == ("pairs", 4)
    assert all(request.deadline - request.arrival == pytest.approx(6.0) for request in first)
    other = build(compose([*mine, "seed=1"]))
    assert other.workload.requests[0].arrival != first[0].arrival
    assert simulate(setup).complete


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("    return []\n", "returned no requests"),
        ("    return [1]\n", "a int among its requests"),
        ("    return [Request(0, Shape(256, 256), 5, 0.0, 1.0)] * 2\n", "two requests with the id 0"),
        ("    import random\n    return [Request(0, Shape(256, 256), 5, 0.0, random.random() + 1)]\n", "when asked again"),
        ("    return [Request(0, Shape(256, 256), 0, 0.0, 1.0)]\n", "raised ParameterError"),
        ("    while True:\n        pass\n", "does it loop for ever?"),
        ("    import sys\n    sys.exit(0)\n", "raised SystemExit: 0"),
    ],
)  # fmt: skip
def test_mistakes_in_workloads_are_named(
    body: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a function may not return is refused before the run, with the file's name."""
    monkeypatch.setattr("experiments.config.own_requests.SECONDS", 0.3)
    head = "from planner import Request\nfrom profiles import Shape\ndef mine(random, profile):\n"
    path = written(tmp_path, head.replace("(random,", "(_,") + body)
    with pytest.raises(LoadError) as refusal:
        build(compose(["solver=edf", "workload=custom_file", f"workload.file={path}"]))
    assert words in str(refusal.value) and str(path) in str(refusal.value)
