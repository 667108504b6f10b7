# Two commands to know: `make demo` and `make test`. Both set everything up first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
SHORT := $(addprefix bench/test_,replay.py sweep.py tape.py ingest.py query.py startup.py)
STORE ?= data

TORCH := $(VENV)/.torch
# Of what pip says: the packages as they come.
SHORTLY := awk '/^Collecting/ { printf "  %3d %s\n", ++n, $$2 } /^Installing/ { print "  unpacking them ..." } \
  /^FAILED/ { bad = 1 } { fflush() } END { exit bad }'
# On every core, which pip does not; some packages hold files for another Python, which cannot be compiled here.
COMPILED := $(BIN)/python -m compileall -q -j 0 $(VENV)/lib > /dev/null 2>&1 || true

.PHONY: setup demo test test-all lint docs gallery install lock bench bench-short screenshots exchange clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing up to $$(grep -c == requirements.lock) packages, 1 GB, into $(VENV) (once; some minutes) ..."
	@{ $(BIN)/python -u -m pip install --progress-bar off --disable-pip-version-check --no-compile --require-hashes \
	  -r requirements.lock || echo FAILED; } | $(SHORTLY)
	@$(COMPILED)
	@$(MAKE) --no-print-directory install
	@touch $(STAMP)

install:  ## links the root folders into the environment as touchline.*; re-run after adding a file
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . --config-settings editable_mode=strict
	@$(BIN)/python -m compileall -q build

demo: setup
	@$(BIN)/engine demo

# Neighbours stay together, so that the fixtures and kernels of a module are made once; who is done first takes over
# half of what another has left. Tests wait for others now and then: three at once keep two cores busy.
TOGETHER := -n 3 --dist worksteal

test: setup
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .
	@$(BIN)/basedpyright --threads
	@$(BIN)/python -m pytest $(TOGETHER) -m "not slow and not bench"
	@$(BIN)/python -m pytest -q -p tests.doctest_folder --doctest-modules --pyargs touchline.io touchline.features touchline.strategies touchline.engine

$(TORCH): $(STAMP)  ## torch is twenty times as large as the rest of training: only for the slow tests, and once
	@echo "installing torch (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile "torch==2.13.0"
	@$(COMPILED)
	@touch $(TORCH)

test-all: test $(TORCH)
	@$(BIN)/python -m pytest $(TOGETHER) -m slow

lint: setup
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix . && $(BIN)/basedpyright --threads

bench: setup  ## every bench; BENCH_DATA and BENCH_PEER name the common work's data and a Python with hftbacktest
	@mkdir -p .cache
	@$(BIN)/python -m pytest bench -m bench --benchmark-only --benchmark-json .cache/bench.json
	@$(BIN)/python -m bench.report .cache/bench.json --write bench/RESULTS.md

bench-short: setup  ## small work, judged by the gates in bench/gates.toml
	@mkdir -p .cache
	@BENCH_SHORT=1 $(BIN)/python -m pytest -q $(SHORT) -m bench --benchmark-only --benchmark-json .cache/bench.json
	@$(BIN)/python -m bench.report .cache/bench.json --short

screenshots: setup  ## the pictures of the local page in docs/images; needs Chromium
	@$(BIN)/python docs/screenshots.py

exchange: setup  ## replays a store as an exchange on this machine
	@$(BIN)/engine exchange --store $(STORE) --speed 20

docs: setup  ## builds the site into site/; it needs no network and no server
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "site/index.html"

gallery: setup  ## draws the pictures of docs/images/ anew from the demo's day
	@test -d results/demo/store || $(BIN)/engine demo
	@$(BIN)/python docs/site/pictures.py results/demo

lock:  ## rewrites requirements.lock: Python 3.11 and newer, hashes, no addresses (needs uv)
	@echo "setuptools>=77" | uv pip compile pyproject.toml - --extra dev --extra docs --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet --output-file requirements.lock

clean:
	rm -rf build dist site .cache results
