"""The configuration of a run: one dataclass per choice of every group, so that a typo is an error before anything runs.

``python -m experiments.run --help`` explains the groups; ``--cfg job`` prints the configuration that a command line
makes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from profiles import list_profiles

# -- solver ------------------------------------------------------------------------------------------------------------

_ROUNDS = [{"override /cadence@_global_.cadence": "rounds"}]


@dataclass
class SolverConfig:
    """What every solver has: ``budget_ms``, the time for one decision."""

    kind: str = MISSING
    budget_ms: float = 10.0


@dataclass
class CpSatConfig(SolverConfig):
    """OR-Tools CP-SAT; continuous programs are put on a fine grid of whole numbers."""

    kind: str = "cpsat"
    deterministic: bool = True
    workers: int = 1


@dataclass
class MilpConfig(SolverConfig):
    """A mixed integer solver: ``highs`` (its own interface), or ``scip`` (inside OR-Tools)."""


@dataclass
class PulpConfig(SolverConfig):
    """A mixed integer solver through PuLP: ``cbc`` or ``highs``. Starting CBC takes tens of milliseconds."""

    kind: str = "pulp"
    solver: str = "cbc"
    budget_ms: float = 1000.0


@dataclass
class DpConfig(SolverConfig):
    """The paper's greedy dynamic program; its stages can be switched off one by one."""

    defaults: list[Any] = field(default_factory=lambda: list(_ROUNDS))
    kind: str = "dp"
    allocation: bool = True
    preserve: bool = True
    elastic: bool = True
    waiting: bool = True


@dataclass
class FixedConfig(SolverConfig):
    """One degree for all, first come first served, run to completion (xDiT)."""

    kind: str = "fixed"
    degree: int = 4


@dataclass
class RsspConfig(SolverConfig):
    """One degree per resolution, run to completion: the largest with the given parallel efficiency, or the given ones."""

    kind: str = "rssp"
    efficiency: float = 0.8
    degrees: dict[str, int] = field(default_factory=dict)


@dataclass
class EdfConfig(SolverConfig):
    """Earliest deadline first, at the cheapest degree that makes it, preemptive."""

    kind: str = "edf"
    elastic: bool = True


@dataclass
class SrtfConfig(SolverConfig):
    """Shortest remaining time first at one degree, preemptive at chunk boundaries."""

    kind: str = "srtf"
    degree: int = 8
    chunk: int = 5


# -- program and objective ---------------------------------------------------------------------------------------------


@dataclass
class LookaheadConfig:
    """The deadline-interval program over the whole backlog, of which only the first moments are carried out."""

    kind: str = "lookahead"
    tie_break: float = 1e-4
    late: str = "quiet"


@dataclass
class AssignmentConfig:
    """The one-round assignment program."""

    kind: str = "assignment"
    form: str = "auto"
    conserve: bool = True
    batching: bool = False


@dataclass
class ObjectiveConfig:
    """A shipped objective without parameters."""

    kind: str = MISSING


@dataclass
class ProgressConfig(ObjectiveConfig):
    """Progress over slack, with a least slack in seconds."""

    kind: str = "progress"
    floor: float = 0.1


@dataclass
class PriceConfig(ObjectiveConfig):
    """Weighted completions on time less a price: per GPU-second (``cost``), or per move to other GPUs (``moves``)."""

    price: float = 0.001


@dataclass
class SumConfig(ObjectiveConfig):
    """Several objectives, each ``name:weight`` (weighted) or ``name:unit`` (lexicographic, the first decides)."""

    terms: list[str] = field(default_factory=list)


@dataclass
class CustomObjectiveConfig(ObjectiveConfig):
    """A class of your own: ``objective.file`` is a Python file anywhere on disk."""

    kind: str = "custom"
    file: str = MISSING
    name: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)


# -- workload ----------------------------------------------------------------------------------------------------------


@dataclass
class WorkloadConfig:
    """Generated requests.

    ``rate`` is per minute; ``cv`` 1 is Poisson, any other value Gamma arrivals; ``pieces`` ([seconds, rate] pairs, repeated)
    replace ``rate``. ``deadlines``: ``paper`` (the seconds of the mix), ``profile`` (scaled to the profile's speed), or
    ``auto`` (``paper`` on flux1-dev_h100, ``profile`` elsewhere).
    """

    mix: str = "uniform"
    drift_to: str | None = None
    requests: int = 300
    rate: float = 12.0
    cv: float = 1.0
    pieces: list[Any] = field(default_factory=list)
    slo_scale: float = 1.1
    deadlines: str = "auto"
    deadline_jitter: float = 0.0
    classes: list[Any] = field(default_factory=list)


@dataclass
class TraceConfig:
    """Requests from a trace file (docs/traces.md); ``rate`` and ``slo`` multiply its load and its deadlines."""

    file: str = MISSING
    rate: float = 1.0
    slo: float = 1.0


# -- profile, cluster, cadence, engine ---------------------------------------------------------------------------------


@dataclass
class ProfileConfig:
    """Step times. The planner believes them times ``error``; the engine runs at the true ones."""

    name: str = MISSING
    error: float = 1.0


@dataclass
class ProfileFileConfig(ProfileConfig):
    """A profile of your own: ``profile.name`` is the path of its JSON file."""


@dataclass
class ClusterConfig:
    """GPUs. ``link`` is ``auto`` (the profile's fastest) or a link class; ``grouping`` is ``aligned`` or ``all``."""

    kind: str = MISSING
    gpus: int = 8
    grouping: str = "aligned"


@dataclass
class SwitchConfig(ClusterConfig):
    """All GPUs on one switch."""

    kind: str = "switch"
    link: str = "auto"


@dataclass
class PairsConfig(ClusterConfig):
    """NVLink pairs over PCIe."""

    kind: str = "pairs"
    gpus: int = 4


@dataclass
class NodesConfig(ClusterConfig):
    """Machines of ``gpus_per_node`` GPUs, joined by a network; ``gpus`` follows from ``nodes``."""

    kind: str = "nodes"
    gpus: int = 0
    nodes: int = 2
    gpus_per_node: int = 8
    link: str = "auto"


@dataclass
class RoundsConfig:
    """A plan every ``tau`` seconds.

    Without ``tau``: every ``steps`` steps of ``resolution`` (1024x1024, or else the profile's middle shape) at
    ``degree``.
    """

    kind: str = "rounds"
    tau: float | None = None
    steps: int = 5
    resolution: str | None = None
    degree: int = 2


@dataclass
class EventsConfig:
    """A plan when a request arrives, finishes or yields; ``tau`` is the horizon of one-round programs."""

    kind: str = "events"
    tau: float = 0.4


@dataclass
class SimulatedConfig:
    """A virtual clock.

    ``noise`` multiplies the profile's spread, ``noise_cv`` replaces it. ``stages`` adds text encoding and VAE decoding.
    ``late``: ``best_effort`` or ``drop``. ``latency``: ``zero``, ``fixed`` (``latency_ms``) or ``measured``.
    """

    kind: str = "simulated"
    noise: float = 1.0
    noise_cv: float = 0.0
    regroup_ms: float = 1.0
    stages: bool = False
    late: str = "best_effort"
    latency: str = "zero"
    latency_ms: float = 0.0


# -- the whole ---------------------------------------------------------------------------------------------------------

DEFAULTS: list[Any] = [
    {"cadence": "events"},
    {"solver": "cpsat"},
    {"program": "lookahead"},
    {"objective": "on_time"},
    {"workload": "uniform"},
    {"profile": "flux1-dev_h100"},
    {"cluster": "switch"},
    {"engine": "simulated"},
    {"override hydra/job_logging": "none"},
    {"override hydra/hydra_logging": "none"},
    "_self_",
]

HELP = """Tetriplan: serve a workload of diffusion requests with deadlines on a simulated cluster.

  python -m experiments.run                                  CP-SAT on the paper's workload
  python -m experiments.run solver=dp workload.rate=18       the paper's greedy program at a higher load
  python -m experiments.run solver=fixed solver.degree=4     one degree for all
  python -m experiments.run -m solver=dp,edf seed=0,1,2      a sweep: every combination

Groups (choose with group=choice):

$APP_CONFIG_GROUPS
  solver     who plans. cpsat, highs, scip, pulp: exact, of a program and an objective, backed by a greedy plan.
             dp: the paper's greedy program (solver.allocation, .preserve, .elastic: its stages).
             fixed, rssp: run to completion. edf, srtf: preemptive baselines.
             solver.budget_ms is the time for one decision.
  program    what an exact solver decides. lookahead: which of all live jobs will be on time, and what runs now
             for that. assignment: which job runs on which GPUs in this round.
  objective  what a plan is worth. on_time (weighted), survivors (the paper's), gpu_seconds, tardiness, fairness,
             progress; sums: weighted and lexicographic, objective.terms=[on_time:1,gpu_seconds:0.001];
             custom: objective.file=/path/to/file.py, its arguments as +objective.arguments.NAME=VALUE.
  workload   what arrives. uniform, skewed (paper), homogeneous, mix-c, gamma, bursts, drift, profile (every shape
             of the profile); custom: workload.classes=[{shape: 512, steps: 20, share: 1, slo_seconds: 2}];
             trace: workload.file=/path/to/trace.csv. workload.requests, .rate (per minute), .cv, .slo_scale,
             .deadline_jitter.
  profile    seconds per step (python -m profiles list); file: profile.name=/path/to/profile.json.
             profile.error=1.2: the planner believes steps take 20 % longer than they do.
  cluster    switch (cluster.gpus GPUs on one switch), pairs (NVLink pairs over PCIe), nodes (machines on a network).
  cadence    when plans are made. rounds: every cadence.tau seconds. events: when something happens.
  engine     simulated: noise, regroup_ms, stages (encode, decode), late (best_effort, drop),
             latency (zero, fixed, measured).

Also: seed=N, output=DIRECTORY, overwrite=true, name=TITLE. Every field and its value, as your command line sets it:

$CONFIG
Add --cfg job to a command to print its configuration and stop. Results: docs/metrics.md. Powered by Hydra
(--hydra-help).
"""


@dataclass
class RunConfig:
    """Everything that defines a run."""

    defaults: list[Any] = field(default_factory=lambda: list(DEFAULTS))
    solver: Any = MISSING
    program: Any = MISSING
    objective: Any = MISSING
    workload: Any = MISSING
    profile: Any = MISSING
    cluster: Any = MISSING
    cadence: Any = MISSING
    engine: Any = MISSING
    seed: int = 0
    name: str = ""
    output: str | None = None
    overwrite: bool = False
    hydra: Any = field(
        default_factory=lambda: {
            "output_subdir": None,
            "run": {"dir": "."},
            "sweep": {"dir": "results/sweep_${now:%Y-%m-%d_%H-%M-%S}", "subdir": "."},
            "job": {"chdir": False},
            "help": {"app_name": "experiments.run", "template": HELP},
        }
    )


CHOICES: dict[str, dict[str, Any]] = {
    "solver": {
        "cpsat": CpSatConfig,
        "highs": MilpConfig("highs"),
        "scip": MilpConfig("scip", budget_ms=100.0),
        "pulp": PulpConfig,
        "dp": DpConfig,
        "fixed": FixedConfig,
        "rssp": RsspConfig,
        "edf": EdfConfig,
        "srtf": SrtfConfig,
    },
    "program": {"lookahead": LookaheadConfig, "assignment": AssignmentConfig},
    "objective": {
        **{kind: ObjectiveConfig(kind) for kind in ("survivors", "on_time", "gpu_seconds", "tardiness", "fairness")},
        "progress": ProgressConfig,
        "least_share": ObjectiveConfig("least_share"),
        "cost": PriceConfig("cost"),
        "moves": PriceConfig("moves", 0.01),
        "weighted": SumConfig("weighted", ["on_time:1", "gpu_seconds:0.001"]),
        "lexicographic": SumConfig("lexicographic", ["on_time:1", "gpu_seconds:0.01"]),
        "custom": CustomObjectiveConfig,
    },
    "workload": {
        "uniform": WorkloadConfig(),
        "skewed": WorkloadConfig(mix="skewed"),
        "homogeneous": WorkloadConfig(mix="homogeneous-1024"),
        "mix-c": WorkloadConfig(mix="mix-c"),
        "gamma": WorkloadConfig(cv=3.6),
        "bursts": WorkloadConfig(pieces=[[120.0, 6.0], [30.0, 48.0]]),
        "drift": WorkloadConfig(drift_to="skewed"),
        "profile": WorkloadConfig(mix="profile"),
        "custom": WorkloadConfig(mix="custom"),
        "trace": TraceConfig,
    },
    "profile": {**{name: ProfileConfig(name) for name in list_profiles()}, "file": ProfileFileConfig},
    "cluster": {"switch": SwitchConfig, "pairs": PairsConfig, "nodes": NodesConfig},
    "cadence": {"rounds": RoundsConfig, "events": EventsConfig},
    "engine": {"simulated": SimulatedConfig},
}


def register() -> None:
    """Make the configuration known to Hydra, as ``tetriplan``."""
    store = ConfigStore.instance()
    store.store(name="tetriplan", node=RunConfig)
    for group, choices in CHOICES.items():
        for name, node in choices.items():
            store.store(group=group, name=name, node=node)
