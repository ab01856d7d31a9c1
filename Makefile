# Two commands do everything: `make demo` runs the main job, `make test` runs all checks. Each makes .venv when it is missing.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: gpu tables-gpu demo demo-distributed test test-executor test-gpu bench figures figures-quick tables tables-fidelity tables-emulation tables-ray tables-start tables-saving clean

demo: $(VENV)/.core
	$(BIN)/python -m experiments.run

test: $(VENV)/.all
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto

# The distributed executor: real processes and diffusers models, on torch's CPU build or on GPUs. Some minutes.
test-executor: $(VENV)/.executor
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto tests/executor tests/experiments/distributed

# The tests of workers on one GPU that all share: NCCL 2.30 or newer, torch with CUDA. Some minutes. GPU=python3 takes the machine's own Python.
test-gpu:
	OMP_NUM_THREADS=1 $(GPU) -m pytest -p tests.executor.distributed.on_gpu tests/executor/distributed/test_faults.py \
	  tests/executor/distributed/test_decode.py tests/executor/distributed/worker/test_saving.py

# Serve a small FLUX with random weights on two processes, or on every GPU.
demo-distributed: $(VENV)/.executor
	OMP_NUM_THREADS=1 $(BIN)/python -m experiments.run engine=distributed

bench: $(VENV)/.all
	$(BIN)/python -m pytest tests/benchmarks --benchmark-enable --benchmark-only --benchmark-disable-gc -p no:cacheprovider

# All figures and tables of the paper, and ours, with the page that shows them; cached runs are not made again. Half an hour on two cores.
figures: $(VENV)/.core
	$(BIN)/python -m paper_figs
	$(BIN)/python -m paper_figs.docs

# The same with few seeds, below results/: some minutes.
figures-quick: $(VENV)/.core
	$(BIN)/python -m paper_figs --quick

# Every table in docs/tables, each from one command; then the documents that quote them. About half an hour on two cores.
COMPARE := $(BIN)/python -m experiments.compare --overwrite
POLICY = $(foreach name,$(1),--policy $(name))
# What every table compares: experiments/studies/policies.py has the settings. Best simple is the best of the second line.
LOOKAHEAD := $(call POLICY,lookahead)
SIMPLE := $(call POLICY,moore edf srtf greedy-events tetriserve-tuned)
RIVALS := $(SIMPLE) $(call POLICY,tetriserve)
tables: tables-bracket tables-tuning tables-policies tables-grid tables-grid-drop tables-regimes tables-foresight tables-columns tables-concurrency tables-price tables-stages tables-admission tables-robust tables-hardware tables-latency tables-scale tables-moves tables-cells tables-capacity tables-optimum tables-batching tables-instances tables-budget tables-growth tables-rounds
	$(BIN)/python -m experiments.docs

# The best settings of every rule, on seeds of its own; experiments/studies/policies.py must then say the same. Ten minutes on two cores.
tables-tuning: $(VENV)/.core
	$(BIN)/python -m experiments.tune --overwrite --output docs/tables/tuning

tables-policies: $(VENV)/.core
	$(COMPARE) --seeds 5 --timelines tetriserve,cpsat --output docs/tables/policies

tables-grid: $(VENV)/.core
	$(COMPARE) --grid --bound --seeds 10 --output docs/tables/grid $(LOOKAHEAD) $(call POLICY,cpsat) $(RIVALS) \
	  $(call POLICY,rssp fixed-1 fixed-2 fixed-4 fixed-8)

tables-grid-drop: $(VENV)/.core
	$(COMPARE) --grid --bound --seeds 10 --output docs/tables/grid-drop $(LOOKAHEAD) $(RIVALS) engine.late=drop

# The regimes of experiments/studies/regimes/declared.py, all of them, with and without a gain. Half an hour on two cores.
tables-regimes: $(VENV)/.core
	$(BIN)/python -m experiments.regimes --bound --time-limit 4 --seeds 10 --overwrite --output docs/tables/regimes

tables-foresight: $(VENV)/.core
	$(BIN)/python -m experiments.foresight --grid --seeds 10 --overwrite --output docs/tables/foresight

# Whether the bound is loose: bursts of ten requests, whose optimum is known where steps are done in tens and fives, and whole runs.
# Ten minutes on two cores.
COLUMNS := $(BIN)/python -m experiments.columns --overwrite
BURST := workload=skewed workload.slo_scale=1.2 workload.requests=10
tables-columns: $(VENV)/.core
	$(COLUMNS) --together 10 5 1 --seeds 6 --output docs/tables/columns --cell "8 GPUs, burst:$(BURST) workload.rate=60" \
	  --cell "16 GPUs, burst:$(BURST) cluster.gpus=16 workload.rate=90"
	$(COLUMNS) --together 1 --seeds 1 --output docs/tables/columns-runs \
	  --cell "8 GPUs, 18 a minute:workload=skewed workload.rate=18 workload.slo_scale=1.2 workload.requests=150" \
	  --cell "16 GPUs, paper load:cluster.gpus=16 workload=skewed workload.rate=36 workload.slo_scale=1.2 workload.requests=300"

# With and without the rows on concurrency, in the program and in the bound (docs/tables/foresight has both bounds).
tables-concurrency: $(VENV)/.core
	$(COMPARE) --grid --seeds 10 --output docs/tables/concurrency --policy "with:solver=highs" \
	  --policy "without:solver=highs program.concurrency=false" engine.late=drop

# What a price per GPU-second changes in a run: four prices, both programs. Some minutes on two cores.
tables-price: $(VENV)/.core
	$(BIN)/python -m experiments.prices --seeds 10 --overwrite --output docs/tables/price workload.requests=300

# What promises at arrival are worth, and what refusing costs, from the paper's load to overload. Some minutes on two cores.
tables-admission: $(VENV)/.core
	$(BIN)/python -m experiments.admission --seeds 10 --time-limit 10 --overwrite --output docs/tables/admission

# A live server beside its simulation, and what it adds to a request. Five minutes, on a machine that does nothing else.
tables-live: $(VENV)/.all
	$(BIN)/python -m tests.experiments.serve.bench docs/tables/live

# Other people's clients against a live server, nine minutes. They are not installed here: CLIENTS says how each is started, as in
# CLIENTS='--locust locust --locust-name "locust 2.47.0"'; --help lists them.
tables-clients: $(VENV)/.all
	$(BIN)/python -m tests.experiments.serve.bench_clients docs/tables/clients $(CLIENTS)

# Decision times with nobody, one and ten looking on, eight minutes; on a machine that does nothing else.
tables-page: $(VENV)/.all
	$(BIN)/python -m tests.experiments.serve.bench_page docs/tables/page

# Images decoded by one worker for stages, by two, and by the groups that did the last steps, for three models. Some minutes.
tables-stages: $(VENV)/.core
	$(BIN)/python -m experiments.decoding --seeds 5 --overwrite --output docs/tables/stages workload.requests=200

tables-optimum: $(VENV)/.core
	$(BIN)/python -m experiments.optimum --overwrite --output docs/tables/optimum

tables-robust: $(VENV)/.core
	$(COMPARE) --bound --seeds 10 --output docs/tables/robust $(LOOKAHEAD) $(RIVALS) workload.slo_scale=1.2 \
	  --cell "steady:workload=uniform" --cell "Gamma CV 3.6:workload=gamma" --cell "drifting mix:workload=drift" \
	  --cell "bursts:workload=bursts" --cell "deadlines vary by 30 %:workload.deadline_jitter=0.3" \
	  --cell "steps 10 % noisy:engine.noise_cv=0.1" --cell "profile 20 % too slow:profile.error=1.2" \
	  --cell "profile 20 % too fast:profile.error=0.8" --cell "encode and decode:engine.stages=true"

# Cells as name:overrides; $(1) is their name, $(2) their overrides.
SCALES = $(foreach scale,1.0 1.1 1.2 1.5,$(foreach mix,uniform skewed,\
  --cell "$(1) $(mix) $(scale):$(2) workload=$(mix) workload.slo_scale=$(scale)"))
tables-hardware: $(VENV)/.core
	$(COMPARE) --bound --seeds 10 --output docs/tables/hardware-a40 $(LOOKAHEAD) $(RIVALS) \
	  $(call SCALES,SD3 4xA40,profile=sd3-medium_a40 cluster=pairs workload.rate=6)
	$(COMPARE) --bound --seeds 10 --output docs/tables/hardware-l20 $(LOOKAHEAD) $(RIVALS) \
	  $(call SCALES,FLUX 8xL20,profile=flux1-dev_l20 workload.rate=3)
	$(COMPARE) --bound --seeds 10 --output docs/tables/hardware-h200 $(LOOKAHEAD) $(RIVALS) \
	  $(call SCALES,FLUX 8xH200,profile=flux1-dev_h200_compiled_graphs) \
	  $(call SCALES,SD3 8xH200,profile=sd3-medium_h200_compiled_graphs workload.rate=54)
	$(COMPARE) --seeds 40 --first-seed 100 --timelines none --output docs/tables/hardware-h200-again $(LOOKAHEAD) $(RIVALS) \
	  --cell "FLUX 8xH200 skewed 1.2:profile=flux1-dev_h200_compiled_graphs workload=skewed workload.slo_scale=1.2"

# The highest rate, and the fewest GPUs, at which a share of deadlines holds. Forty minutes on two cores.
CAPACITY := $(BIN)/python -m experiments.capacity --overwrite --seeds 5 --gpu-price 2.5
tables-capacity: $(VENV)/.core
	$(CAPACITY) --target 0.9 --target 0.99 --output docs/tables/capacity --cell "uniform:workload=uniform" \
	  --cell "skewed:workload=skewed" --cell "uniform, scale 1.5:workload=uniform workload.slo_scale=1.5"
	$(CAPACITY) --target 0.9 --time-limit 2 --output docs/tables/capacity-gpus --sweep cluster.gpus=2,4,8,16,32 workload.slo_scale=1.5 \
	  $(LOOKAHEAD) $(call POLICY,moore edf tetriserve rssp)
	$(CAPACITY) --target 0.9 --vary gpus --time-limit 2 --output docs/tables/capacity-fewest --sweep workload.rate=6,12,24,48,96 \
	  workload.slo_scale=1.5 $(LOOKAHEAD) $(call POLICY,moore edf tetriserve rssp)

tables-latency: $(VENV)/.core
	$(COMPARE) --grid --seeds 10 --reference free --output docs/tables/latency --policy "free:solver=highs" \
	  --policy "measured:solver=highs engine.latency=measured" --policy "fixed 10 ms:solver=highs engine.latency=fixed engine.latency_ms=10"
	$(COMPARE) --jobs 1 --seeds 3 --timelines none --reference free --output docs/tables/latency-scale --policy "free:solver=highs" \
	  --policy "measured:solver=highs engine.latency=measured" engine.late=drop $(call LOAD,16,36,300) $(call OVER,16,100,400) \
	  $(call LOAD,64,144,300) $(call OVER,64,400,600) $(call LOAD,256,576,1000) $(call OVER,256,1600,1000) \
	  --cell "1024 GPUs, 2000 pending:$(HUGE) $(UNIFORM) workload.rate=54000"

# From 16 to 1,024 GPUs: the paper's load per GPU, overload, and many that wait. Half an hour on two cores.
SKEWED := workload=skewed solver.budget_ms=50
HUGE := cluster.gpus=1024 cadence=rounds cadence.tau=0.4 solver.budget_ms=500
UNIFORM := workload=uniform workload.requests=10000 workload.slo_scale=1.5
SCALE_RIVALS := --policy "edf:solver=edf solver.admission=true" --policy "srtf:solver=srtf solver.elastic=true solver.admission=true"
LOAD = --cell "$(1) GPUs, paper load:cluster.gpus=$(1) $(SKEWED) workload.rate=$(2) workload.slo_scale=1.2 workload.requests=$(3)"
OVER = --cell "$(1) GPUs, overload:cluster.gpus=$(1) $(SKEWED) workload.rate=$(2) workload.slo_scale=1.5 workload.requests=$(3)"
tables-scale: $(VENV)/.core
	$(COMPARE) --bound --time-limit 20 --seeds 5 --timelines none --output docs/tables/scale $(LOOKAHEAD) $(call POLICY,moore) $(SCALE_RIVALS) engine.late=drop \
	  $(call LOAD,16,36,300) $(call OVER,16,100,400) $(call LOAD,32,72,300) $(call OVER,32,200,500) $(call LOAD,64,144,300) $(call OVER,64,400,600) \
	  --cell "64 GPUs, 64 pending:cluster.gpus=64 $(SKEWED) workload.rate=600 workload.slo_scale=3 workload.requests=400" \
	  $(call LOAD,256,576,1000) $(call OVER,256,1600,1000) \
	  --cell "1024 GPUs, paper load:workload=skewed $(HUGE) workload.rate=2304 workload.slo_scale=1.2 workload.requests=4000" \
	  --cell "1024 GPUs, skewed, overload:workload=skewed $(HUGE) workload.rate=6400 workload.slo_scale=1.5 workload.requests=6000" \
	  --cell "1024 GPUs, 1000 pending:$(HUGE) $(UNIFORM) workload.rate=20000" --cell "1024 GPUs, 2000 pending:$(HUGE) $(UNIFORM) workload.rate=54000"

# What a schedule that knows all arrivals reaches: at the paper's load on 16 to 64 GPUs, under overload on 16. Half an hour on two cores.
tables-bracket: $(VENV)/.core
	$(BIN)/python -m experiments.foresight --overwrite --seeds 2 --passes 1 --output docs/tables/bracket \
	  $(call LOAD,16,36,300) $(call OVER,16,100,400) $(call LOAD,32,72,300) $(call LOAD,64,144,300)

# What moves cost, at 1, 10 and 100 ms each. Ten minutes on two cores.
EIGHT = --cell "8 GPUs, $(1) ms:workload=skewed workload.rate=12 workload.slo_scale=1.2 engine.regroup_ms=$(1)" \
  --cell "8 GPUs, overload, $(1) ms:workload=skewed workload.rate=36 workload.slo_scale=1.2 engine.regroup_ms=$(1)"
MANY = --cell "$(1) GPUs, $(2) ms:cluster.gpus=$(1) $(SKEWED) workload.rate=$(3) workload.slo_scale=1.2 engine.regroup_ms=$(2)"
tables-moves: $(VENV)/.core
	$(COMPARE) --seeds 5 --timelines none --output docs/tables/moves $(LOOKAHEAD) $(call POLICY,moore) $(SCALE_RIVALS) \
	  $(foreach ms,1 10 100,$(call EIGHT,$(ms)) $(call MANY,16,$(ms),36) $(call MANY,64,$(ms),144))

# What planning in cells costs on 1,024 GPUs, and what it does on 4,096. Twenty minutes on two cores.
CELLS = --policy "$(1) in cells of $(2):solver=cells solver.inside=$(1) solver.gpus=$(2) solver.planning=processes"
FOURFOLD := cluster.gpus=4096 cadence=rounds cadence.tau=0.4 solver.budget_ms=500
tables-cells: $(VENV)/.core
	$(COMPARE) --bound --time-limit 20 --jobs 1 --seeds 3 --timelines none --output docs/tables/cells --policy "one planner:solver=highs" \
	  $(call CELLS,highs,512) $(call CELLS,highs,256) $(call CELLS,highs,128) $(call CELLS,moore,512) engine.late=drop \
	  --cell "1024 GPUs, paper load:workload=skewed $(HUGE) workload.rate=2304 workload.slo_scale=1.2 workload.requests=4000" \
	  --cell "1024 GPUs, 1000 pending:$(HUGE) $(UNIFORM) workload.rate=20000" --cell "1024 GPUs, 2000 pending:$(HUGE) $(UNIFORM) workload.rate=54000" \
	  --cell "4096 GPUs, paper load:workload=skewed $(FOURFOLD) workload.rate=9216 workload.slo_scale=1.2 workload.requests=16000" \
	  --cell "4096 GPUs, 4000 pending:$(FOURFOLD) workload=uniform workload.requests=30000 workload.slo_scale=1.5 workload.rate=80000"

BATCHING := $(foreach pixels,256 512,$(foreach rate,60 120 240,\
  --cell "$(pixels) at $(rate)/min:workload.mix=homogeneous-$(pixels) workload.rate=$(rate)"))
tables-batching: $(VENV)/.core
	$(COMPARE) --seeds 5 --output docs/tables/batching --policy "alone:program.batching=false" --policy "batches:program.batching=true" \
	  solver=highs solver.budget_ms=1000 program=assignment profile=qwen-image_h20 cluster.gpus=4 workload.reference_gpus=4 workload.requests=150 workload.slo_scale=1.5 engine.late=drop $(BATCHING)

# How the processor time of decisions grows with jobs and GPUs; two quiet cores. Two minutes.
tables-growth: $(VENV)/.core
	$(BIN)/python -m experiments.growth --overwrite --output docs/tables/growth

# Its exit status says that a solver failed on some instance, as CBC does on two; the table shows it.
tables-instances: $(VENV)/.core
	-$(BIN)/python -m experiments.instances solve --solver cpsat --solver highs --solver scip --solver cbc --output docs/tables/instances

# Optimal against greedy plans: 3,000 rounds of each program with a choice, over the paper's grid. Eight minutes on two cores.
tables-rounds: $(VENV)/.core
	$(COMPARE) --rounds 3000 --roll-outs 60 --seeds 10 --output docs/tables/rounds

# Whether decisions keep their budgets, in time of the processor: two quiet cores are best. Three minutes.
tables-budget: $(VENV)/.core
	$(BIN)/python -m experiments.budgets --overwrite --output docs/tables/budget

# What the executor adds to the model, against its targets; needs the extra executor and two quiet cores. A minute.
tables-executor: $(VENV)/.executor
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.executor.distributed.bench --output docs/tables/executor
	$(BIN)/python -m experiments.docs

# Profiles of published models at full size on one GPU, in eight minutes, with random weights and without a network: make gpu OUT=DIR.
# It takes .venv where there is one, else the machine's own Python (GPU=python3.12) with torch and diffusers; --graphs in GPU_OPTIONS.
GPU ?= $(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON))
OUT ?= results/gpu
gpu:
	$(GPU) -m executor.survey --out $(OUT) $(GPU_OPTIONS)

# What was timed on an H200, as a profile and beside the model for H100; no GPU is needed for this.
REMAKE := executor.survey --remake --bandwidth 300 --latency 20 --date 2026-11-27
tables-gpu: $(VENV)/.core
	$(BIN)/python -m $(REMAKE) --batches 1,2 --out docs/tables/gpu/h200-graphs
	mv docs/tables/gpu/h200-graphs/*.json profiles/data/
	$(BIN)/python -m $(REMAKE) --out docs/tables/gpu/h200-eager
	$(BIN)/python -m $(REMAKE) --date 2026-11-28 --batches 1,2 --out docs/tables/gpu/h200-compiled
	$(BIN)/python -m $(REMAKE) --date 2026-11-28 --batches 1 --out docs/tables/gpu/h200-compiled-more
	mv docs/tables/gpu/h200-compiled/*.json docs/tables/gpu/h200-compiled-more/*.json profiles/data/
	$(BIN)/python -m profiles compare flux1-dev_h200_graphs flux1-dev_h100 --overwrite --output docs/tables/gpu/graphs_h100.csv
	$(BIN)/python -m profiles compare flux1-dev_h200_compiled_graphs flux1-dev_h100 --overwrite --output docs/tables/gpu/compiled_h100.csv
	$(BIN)/python -m profiles compare flux1-dev_h200_graphs flux1-dev_h200_compiled_graphs --overwrite --output docs/tables/gpu/graphs_compiled.csv
	$(BIN)/python -m profiles compare docs/tables/gpu/h200-eager/flux1-dev_h200_eager.json flux1-dev_h200_graphs --overwrite --output docs/tables/gpu/eager_graphs.csv
	$(BIN)/python -m experiments.docs

# How far an emulated step's computing is from a real member's; needs the extra executor. Half a minute.
tables-emulation: $(VENV)/.executor
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.executor.distributed.bench_emulation --output docs/tables/emulation
	$(BIN)/python -m experiments.docs

# What Ray adds to local processes; needs the extras executor and cluster, and two quiet cores. A minute.
tables-ray: $(VENV)/.executor
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.executor.distributed.bench_ray --output docs/tables/ray
	$(BIN)/python -m experiments.docs

# What it saves that measured workers serve; needs the extras executor and cluster, and two quiet cores. A minute.
tables-start: $(VENV)/.executor
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.executor.distributed.bench_start --output docs/tables/start
	$(BIN)/python -m experiments.docs

# What of a request's way to host memory a step waits for; needs the extra executor. Half a minute.
tables-saving: $(VENV)/.executor
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.executor.distributed.bench_saving --output docs/tables/saving
	$(BIN)/python -m experiments.docs

# Real runs beside simulated ones, on this machine's processor: an hour, and nothing else should run meanwhile.
tables-fidelity: $(VENV)/.executor
	OMP_NUM_THREADS=1 $(BIN)/python -m experiments.fidelity --repeats 5 --overwrite --output docs/tables/fidelity
	OMP_NUM_THREADS=1 $(BIN)/python -m experiments.fidelity --repeats 5 --overwrite --output docs/tables/fidelity-group engine.decode=group
	OMP_NUM_THREADS=1 $(BIN)/python -m experiments.fidelity --repeats 5 --overwrite --output docs/tables/fidelity-sd3 engine.model=sd3
	OMP_NUM_THREADS=1 $(BIN)/python -m experiments.fidelity --repeats 5 --overwrite --output docs/tables/fidelity-qwen engine.model=qwen
	OMP_NUM_THREADS=1 $(BIN)/python -m experiments.fidelity --repeats 5 --overwrite --output docs/tables/fidelity-wan engine.model=wan
	OMP_NUM_THREADS=1 $(BIN)/python -m experiments.fidelity --repeats 5 --overwrite --output docs/tables/fidelity-qwen-half engine.model=qwen workload.load=0.5
	OMP_NUM_THREADS=1 $(BIN)/python -m experiments.fidelity --repeats 5 --overwrite --output docs/tables/fidelity-wan-half engine.model=wan workload.load=0.5
	$(BIN)/python -m experiments.docs

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.core: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.all: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@ $(VENV)/.core

$(VENV)/.executor: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[executor,cluster,dev]"
	touch $@ $(VENV)/.core $(VENV)/.all

clean:
	rm -rf $(VENV)
