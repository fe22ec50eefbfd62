# Bespoke: `make run` for the shop, `make test` for the tests. Needs Python 3.11 to 3.13 and nothing else.
# Every path below is relative, so that the project may live in a folder with a space in its name.

PYTHON ?= python3
ARGS ?=
EVENTS ?= 10000000
ROUNDS ?= 10
WORKERS ?= 3

BIN := .venv/bin
RUNTIME := .venv/.runtime
DEV := .venv/.dev
PINS := pyproject.toml requirements.lock
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-input -c requirements.lock
PACKAGES := domain readmodels commands projections ml queries adapters app

# A virtual environment works only where it was made and while its Python is there. If not, it is made anew.
STALE := $(shell [ ! -d .venv ] || { [ "$$(cat .venv/.home 2>/dev/null)" = "$$(pwd -P)" ] && \
	$(BIN)/python -c '' 2>/dev/null; } || { rm -f $(RUNTIME) $(DEV); echo stale; })

.PHONY: help setup setup-dev run test lint type bench bench-bandit bench-content bench-experiments bench-fresh bench-log bench-models
.PHONY: bench-identity bench-openapi bench-replay bench-serve drill evaluate clean
.PHONY: drill-serve bench-losses bench-renttherunway bench-attribution drill-attribution simulate-attribution bench-privacy drill-erasure

help:
	@echo 'make run     set up, load the demo shop and serve it (Ctrl-C stops everything)'
	@echo 'make test    set up and run all tests; ARGS="-k cart" goes to pytest'
	@echo 'make lint    formatting, lint and import directions'
	@echo 'make type    mypy --strict'
	@echo 'make bench   from action to answer, and loading'
	@echo 'make bench-openapi  10,000 made-up requests to the web process: no 5xx, nothing that is not described'
	@echo 'make bench-log  the event log: ingest, projecting, rebuilding; EVENTS=2000000 for a smaller one'
	@echo 'make bench-bandit  regret of the contextual bandit and of its rivals; ARGS="--seeds 3"'
	@echo 'make drill   kill -9 at random under load, then compare the books; ROUNDS=100'
	@echo 'make bench-content  items without a history; needs the real data in ../shared'
	@echo 'make bench-experiments  what the statistics of experiments promise, simulated; ARGS="--experiments 1000"'
	@echo 'make bench-identity  10,000 random merges taken back, and orders of ties, through the folds of every read model'
	@echo 'make bench-models  scoring, training and the quick mode of the models'
	@echo 'make bench-serve  recommendations over HTTP at 250,000 items, one worker and two, rivals beside'
	@echo 'make drill-serve  recommendations while Redis, PostgreSQL and workers are killed; ARGS="--minutes 2"'
	@echo 'make bench-fresh  from an action to an answer that reflects it, under load'
	@echo 'make bench-privacy  how fast a customer is forgotten, 10,000 of them, and how fast one is recognised'
	@echo 'make drill-erasure  erasures killed at every step, and 1,000 random histories with and without one'
	@echo 'make bench-replay  10,000 answers made again to the byte'
	@echo 'make bench-losses  BPR against sampled softmax'
	@echo 'make bench-renttherunway  rentals by time; needs the real data in ../shared; ARGS=--quick for a shorter one'
	@echo 'make bench-attribution  models on a file of paths, and on 10 M touches in bulk; ARGS="--touches 1000000"'
	@echo 'make drill-attribution  1,000 random logs: the books balance, restatements are explained; ARGS="--logs 100"'
	@echo 'make simulate-attribution  what models find of planted effects, and what an experiment finds'
	@echo 'make evaluate  how well the next item is predicted, on the demo clicks'
	@echo 'make setup   only create .venv with what running needs'
	@echo 'make clean   remove .venv, caches and the data in var/'

setup: $(RUNTIME)

setup-dev: $(DEV)

$(RUNTIME): $(PINS)
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null || { \
		echo "Bespoke needs Python 3.11, 3.12 or 3.13; $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; \
		echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo 'Setting up .venv with $(PYTHON) (once; a minute or so)'
	@$(PYTHON) -m venv $(if $(STALE),--clear) .venv || { \
		echo "Could not make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@pwd -P > .venv/.home
	$(PIP) -e .
	@touch $(RUNTIME)

$(DEV): $(RUNTIME)
	@echo 'Adding what the tests and checks need'
	$(PIP) -e '.[dev,attribution,identity,journey,ray,report,tracking,train]'
	@touch $(DEV)

run: setup
	@$(BIN)/bespoke up $(ARGS)

# Most tests wait for servers and processes, so there is work for more than there are processors. Each worker has servers
# of its own, and whole files of tests: how busy neighbours are must not decide what a test sees.
test: setup-dev
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 20 --disable-warnings $(ARGS)

lint: setup-dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@PYTHONPATH=. $(BIN)/lint-imports

type: setup-dev
	@$(BIN)/python -m mypy

bench: setup
	@$(BIN)/python -m benchmarks.freshness $(ARGS)

bench-bandit: setup
	@$(BIN)/python -m benchmarks.bandit $(ARGS)

bench-log: setup-dev
	@$(BIN)/python -m benchmarks.event_log --events $(EVENTS) $(ARGS)

bench-openapi: setup-dev
	@$(BIN)/python -m benchmarks.openapi $(ARGS)

drill: setup-dev
	@$(BIN)/python -m benchmarks.drill --rounds $(ROUNDS) $(ARGS)

bench-content: setup-dev
	@OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.content $(ARGS)

bench-experiments: setup
	@OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.experiments $(ARGS)

bench-identity: setup-dev
	@$(BIN)/python -m benchmarks.identity $(ARGS)

bench-models: setup-dev
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m benchmarks.models $(ARGS)

bench-serve: setup-dev
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.serving $(ARGS)

drill-serve: setup-dev
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.serving.kills $(ARGS)

bench-fresh: setup
	@$(BIN)/python -m benchmarks.freshness --background 1000 $(ARGS)

bench-privacy: setup-dev
	@OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.privacy $(ARGS)

drill-erasure: setup-dev
	@$(BIN)/python -m benchmarks.privacy.drill $(ARGS)

bench-replay: setup
	@$(BIN)/python -m benchmarks.replay $(ARGS)

bench-losses: setup-dev
	@OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.losses $(ARGS)

bench-renttherunway: setup-dev
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.renttherunway $(ARGS)

bench-attribution: setup-dev
	@$(BIN)/python -m benchmarks.attribution $(ARGS)

drill-attribution: setup-dev
	@$(BIN)/python -m benchmarks.attribution_drill $(ARGS)

simulate-attribution: setup-dev
	@$(BIN)/python -m benchmarks.attribution_simulator $(ARGS)

evaluate: setup-dev
	@$(BIN)/python -m benchmarks.next_item

clean:
	rm -rf .venv var build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find $(PACKAGES) tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
