# Every target sets up what it needs: a virtual environment in .venv, filled as constraints.txt says.
# Nothing has to be activated. `make PYTHON=python3.12 test` takes another interpreter.

PYTHON ?= python3
EXTRAS ?= grading,cluster,curves,dev
EXERCISE ?=
COURSE ?=
DATA ?= embedded
ARGS ?=

VENV := .venv
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/installed
# The CUDA wheels are large: a slow line needs longer than uv's 30 s between two packets.
export UV_HTTP_TIMEOUT ?= 300
# uv leaves packages without bytecode unless told, and the sandbox's workers write none: each would compile torch anew.
export UV_COMPILE_BYTECODE = 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install lab new build check test notebooks demo data bundle train verify gpu-check course browser lock clean

help:  ## list these targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED)  ## make .venv (the other targets do this by themselves)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "expected Python 3.11 or later, got $$($(PYTHON) --version 2>/dev/null || echo no $(PYTHON)): name one with make PYTHON=python3.12" >&2; \
	    exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	@test -x $(VENV)/bin/uv || $(PY) -m pip install --quiet --constraint constraints.txt uv \
	    || echo "uv could not be installed: going on with pip, which takes longer" >&2
	@echo "installing into $(VENV): on Linux 3.3 GB the first time, because PyTorch brings CUDA"
	@{ test -x $(VENV)/bin/uv && $(VENV)/bin/uv pip install --python $(PY) --quiet \
	        --constraint constraints.txt --build-constraint constraints.txt --editable '.[$(EXTRAS)]'; } \
	    || PIP_CONSTRAINT=constraints.txt $(PY) -m pip install --quiet --editable '.[$(EXTRAS)]'
	@touch $@

lab: $(INSTALLED)  ## open JupyterLab at the exercises
	$(PY) -m jupyterlab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/exercises $(if $(filter 0,$(shell id -u)),--allow-root) $(ARGS)

new: $(INSTALLED)  ## a small exercise to start from: make new EXERCISE=ex90_relu ARGS='--title "ReLU"'
	@test -n "$(EXERCISE)" || { echo "expected an id: make new EXERCISE=ex90_relu" >&2; exit 1; }
	$(PY) -m autograder new "$(EXERCISE)" $(ARGS)

build: $(INSTALLED)  ## derive notebooks and stubs from autograder/course
	$(PY) -m autograder build $(ARGS)

check: $(INSTALLED)  ## generated files in step, lint, types
	$(PY) -m autograder build --check
	$(PY) -m ruff check .
	$(PY) -m mypy

# Of one exercise: the gates that hold for every exercise there is.
GATES := $(if $(EXERCISE),tests/gates tests/analysis/test_resemblance.py -k $(EXERCISE))

test: $(INSTALLED) browser  ## run all tests, or an exercise's gates: make test EXERCISE=ex03_dataloader
	$(PY) -m pytest --numprocesses auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder $(GATES) $(ARGS)

notebooks: $(INSTALLED)  ## run every notebook in full length, with the reference in place
	$(PY) -m autograder notebooks $(ARGS)

demo: $(INSTALLED)  ## grade a class of about 25 hand-ins and show what each lost, and why
	$(PY) -m autograder demo $(ARGS)

data: $(INSTALLED)  ## fetch the real data sets that may be fetched freely
	$(PY) -m autograder data $(ARGS)

bundle: $(INSTALLED)  ## the students' zip of one exercise: make bundle EXERCISE=ex03_dataloader
	@test -n "$(EXERCISE)" || { echo "expected an exercise: make bundle EXERCISE=ex03_dataloader" >&2; exit 1; }
	$(PY) -m autograder bundle "$(EXERCISE)" $(ARGS)

train: $(INSTALLED)  ## train a reference model: make train EXERCISE=ex09_keypoints DATA=real
	@test -n "$(EXERCISE)" || { echo "expected an exercise: make train EXERCISE=ex09_keypoints" >&2; exit 1; }
	$(PY) -m autograder train "$(EXERCISE)" --data $(DATA) $(ARGS)

verify: $(INSTALLED)  ## grade an exercise's reference, stubs, wrong answers and mutants: make verify EXERCISE=ex03_dataloader
	$(PY) -m autograder verify "$(EXERCISE)" $(ARGS)

gpu-check: $(INSTALLED)  ## on a machine with an NVIDIA GPU: its tests, scores on CPU and GPU, times
	$(PY) benchmarks/gpu_check.py $(ARGS)

course: $(INSTALLED)  ## a course folder for nbgrader and your class: make course COURSE=../dl-2026
	@test -n "$(COURSE)" || { echo "expected a folder: make course COURSE=../dl-2026" >&2; exit 1; }
	$(PY) -m autograder course "$(COURSE)" $(EXERCISE) $(ARGS)

browser:  ## install Chromium for the tests that need one (Debian, as root)
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
	    && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; } \
	    || echo "Chromium could not be installed here: the tests that need it are skipped" >&2

lock: $(INSTALLED)  ## pin the newest versions that pyproject.toml admits in constraints.txt
	printf 'editables\nuv\n' | $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 \
	    --fork-strategy fewest --all-extras --no-annotate --upgrade --custom-compile-command 'make lock' \
	    --output-file constraints.txt pyproject.toml -

clean:  ## remove .venv, caches, what builds made and the demo; results and downloaded data stay
	rm -rf $(VENV) .cache build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks results/demo
	find autograder exercise_code tests benchmarks exercises -name __pycache__ -type d -prune -exec rm -rf {} +
