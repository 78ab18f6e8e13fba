# Needs Python 3.11 or newer, and make. `make help` lists the verbs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check
OUT    ?= .
LOCK   := --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet

# Whatever the machine is set to: unless it is kept, each kernel compiles every library anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help report test check lint typecheck notebooks lab docs bench validate house coverage \
    advisories image hardship airflow-test lock clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

report: $(VENV)/run.stamp ## set up, then make the demo shop's whole report
	@$(BIN)/csinsight demo --out $(OUT)

test: $(VENV)/dev.stamp ## set up, then run every test
	@$(BIN)/python -m pytest -n 2 --dist loadgroup
	@echo "All tests passed. Pictures of the pages they looked at: build/screenshots/"

check: $(VENV)/dev.stamp ## the fast lane: lint, types, unit tests of the rooms touched (SINCE=main)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports --no-cache >/dev/null
	@$(BIN)/mypy
	@$(BIN)/python tools/touched.py $(SINCE) | xargs -r $(BIN)/python -m pytest -q -n 2 --dist loadgroup --timeout 60 -m "not spark and not browser and not real_data and not slow"

lint: $(VENV)/dev.stamp ## style, floors, declared dependencies, spelling
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports --no-cache
	@$(BIN)/deptry src && $(BIN)/codespell

typecheck: $(VENV)/dev.stamp ## mypy, strict
	@$(BIN)/mypy

notebooks: $(VENV)/dev.stamp ## run the notebooks on the demo shop and hold them to their recorded results
	@$(BIN)/python -m pytest tests/notebooks

lab: $(VENV)/dev.stamp ## JupyterLab on the notebooks, with the demo shop or RUN=runs/SHOP/MONTH
	@test -n "$(RUN)" -o -f runs/demo/2026-10/run.json || $(BIN)/csinsight demo
	@$(BIN)/csinsight lab $(if $(RUN),--run "$(RUN)") $(if $(DATA),--data "$(DATA)")

docs: $(VENV)/dev.stamp ## the documentation site, into build/docs/
	@$(BIN)/python -m sphinx --quiet --fail-on-warning -b html docs build/docs
	@echo "build/docs/index.html"

bench: $(VENV)/dev.stamp build/convokit/stamp ## ratios against a named baseline, in one run
	@$(BIN)/python -m tests.bench

build/convokit/stamp: requirements/bench.lock | $(BIN)/python
	@echo "Installing what the bench is measured against (once, about a minute) ..."
	@$(PYTHON) -m venv build/convokit
	@build/convokit/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
	    --require-hashes -r requirements/bench.lock
	@touch $@

validate: $(VENV)/dev.stamp ## the long simulation studies: writes docs/validation.md
	@$(PIP) --no-compile --no-deps --require-hashes -r requirements/validation.lock
	@$(BIN)/python -m tests.validate

house: $(VENV)/dev.stamp ## how the code is built: modules, lines, imports, helpers, examples
	@$(BIN)/python tools/house.py

coverage: $(VENV)/dev.stamp ## which lines the tests reach, into build/coverage/
	@$(BIN)/coverage run -m pytest -p no:xdist && $(BIN)/coverage combine -q
	@$(BIN)/coverage report --skip-covered | tail -40 && $(BIN)/coverage html -q

advisories: $(VENV)/dev.stamp ## known weaknesses of the locked versions; says if it can't be asked
	@mkdir -p build && code=0; \
	timeout 300 $(BIN)/pip-audit --strict --disable-pip --no-deps -r requirements/run.lock \
	    >build/advisories.txt 2>build/advisories.log || code=$$?; \
	cat build/advisories.txt; grep -E "^(No known|Found)" build/advisories.log; \
	test $$code -eq 0 && exit 0; \
	grep -q "^Found" build/advisories.log && exit 1; \
	tail -n 1 build/advisories.log | cut -c 1-200; \
	echo "NOT KNOWN: the public list of weaknesses could not be asked about the locked versions."; exit 2

image: ## a container image, built and tried on the demo shop; needs docker or podman
	@deploy/container/build.sh

hardship: $(VENV)/dev.stamp ## kills, a full disk, rewritten inputs, broken files, 1,200 fuzzed inputs; memory and time
	@$(BIN)/python -m tests.hardship

airflow-test: $(VENV)/run.stamp ## the Airflow recipe, with Airflow in a venv of its own: one month made
	@rm -rf build/airflow && mkdir -p build/airflow/work && $(PYTHON) -m venv build/airflow/venv
	@build/airflow/venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile \
	    --no-deps --require-hashes -r requirements/airflow.lock
	@$(BIN)/python -m ipykernel install --prefix build/airflow/venv --name csinsight
	@$(BIN)/csinsight simulate build/airflow/shop --buyers 60 --agents 3 --conversations 90 --months 1
	@build/airflow/venv/bin/python tests/deploy/airflow_month.py build/airflow/shop build/airflow/work

lock: $(VENV)/dev.stamp ## resolve the dependencies anew
	@$(BIN)/uv pip compile $(LOCK) pyproject.toml requirements/build.in -o requirements/run.lock
	@$(BIN)/uv pip compile $(LOCK) pyproject.toml requirements/build.in --extra lab --extra spark --extra llm --extra mcp --group dev \
	    -c requirements/run.lock -o requirements/dev.lock
	@$(BIN)/uv pip compile $(subst --universal,--python-platform linux,$(LOCK)) requirements/bench.in \
	    --override requirements/bench-overrides.txt -o requirements/bench.lock
	@$(BIN)/uv pip compile $(LOCK) requirements/airflow.in -o requirements/airflow.lock

clean: ## forget the virtual environment and everything made
	@rm -rf $(VENV) runs reports build

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "csinsight needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements/run.lock pyproject.toml | $(BIN)/python
	@echo "Installing what the report needs (once, about half a minute) ..."
	@$(PIP) --no-compile --no-deps --require-hashes -r requirements/run.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.lock $(VENV)/run.stamp
	@echo "Installing what the tests need (once, about a minute) ..."
	@$(PIP) --no-compile --no-deps --require-hashes -r requirements/dev.lock
	@touch $@
