"""What ``python -m experiments.run --help`` prints around the configuration."""

HELP = """Tetriplan: serve a workload of diffusion requests with deadlines on a simulated cluster, or on real workers.

  python -m experiments.run                                  CP-SAT on the paper's workload
  python -m experiments.run solver=dp workload.rate=18       the paper's greedy program at a higher load
  python -m experiments.run solver=fixed solver.degree=4     one degree for all
  python -m experiments.run engine=distributed               real processes and a real, small FLUX (extra "executor")
  python -m experiments.run -m solver=dp,edf seed=0,1,2      a sweep: every combination

Groups (choose with group=choice):

$APP_CONFIG_GROUPS
  solver     who plans. cpsat, highs, scip, pulp: exact, of a program and an objective, backed by a greedy plan.
             dp: the paper's greedy program (solver.allocation, .preserve, .elastic: its stages).
             fixed, rssp: run to completion. edf, srtf, moore: preemptive rules.
             cells: a large cluster in cells of solver.gpus, each planned by solver.inside (solver.planning=processes: at
             the same time; ray: on other machines, too).
             custom: a class of your own, solver.file=/path/to/file.py solver.name=CLASS +solver.arguments.NAME=VALUE
             (docs/own.md; program=custom and workload=custom_file likewise).
             solver.budget_ms is a processor's time for one decision, kept by counts.
  program    what an exact solver decides. lookahead: which of all live jobs will be on time, and what runs now
             for that. assignment: which job runs on which GPUs in this round.
  objective  what a plan is worth. on_time (weighted), survivors (the paper's), gpu_seconds, tardiness, fairness,
             progress; sums: weighted and lexicographic, objective.terms=[on_time:1,gpu_seconds:0.001];
             custom: objective.file=/path/to/file.py, its arguments as +objective.arguments.NAME=VALUE.
  workload   what arrives. uniform, skewed (paper), homogeneous, mix-c, gamma, bursts, drift, profile (every shape
             of the profile), small (128, 256, 384 pixels);
             custom: workload.classes=[{shape: 512, steps: 20, share: 1, slo_seconds: 2}];
             tiers: classes of service in any mix, workload.mix=skewed
             workload.tiers=[{name: premium, share: .1, weight: 10, deadline: 1.0}, {name: standard, share: .9}];
             trace: workload.file=/path/to/trace.csv, at workload.rate or workload.speedup.
             workload.requests, .rate (per minute), .cv, .slo_scale, .deadline_jitter; .deadlines: the rule for targets
             (auto: the paper's seconds for FLUX.1-dev on H100, as tight elsewhere, on workload.reference_gpus GPUs).
  profile    seconds per step (python -m profiles list); file: profile.name=/path/to/profile.json.
             profile.error=1.2: the planner believes steps take 20 % longer than they do.
             measured: of the workers of engine=distributed, right before they serve.
  cluster    switch (cluster.gpus GPUs on one switch), pairs (NVLink pairs over PCIe), nodes (machines on a network).
  cadence    when plans are made. rounds: every cadence.tau seconds. events: when something happens.
  engine     simulated: noise, regroup_ms, stages (encode, decode), late (best_effort, drop),
             latency (zero, fixed, measured), admission (all, promise, refuse).
             emulated: the same on a real clock, engine.speed times as fast.
             distributed: real workers. engine.model=flux, sd3, qwen, wan (random weights, no download) or the folder
             of a diffusers pipeline; engine.workers, .device, .images, .latents; brings workload=small,
             profile=measured, cluster=workers. engine/transport=local (processes) or ray (actors on one machine,
             or on several: engine.transport.address=HOST:PORT; extra "cluster").

A sweep (-m) makes a directory per run, named by what varies: --output DIR, --overwrite, --resume (only what is missing),
--jobs N, --on ray (a Ray cluster).

Also: seed=N, output=DIRECTORY, overwrite=true, name=TITLE. Every field and its value, as your command line sets it:

$CONFIG
Add --cfg job to a command to print its configuration and stop. Results: docs/metrics.md. Powered by Hydra
(--hydra-help).
"""
