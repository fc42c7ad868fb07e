# The two that matter: `make run` opens the inspector on sample memories, `make test` checks everything.
# Nothing is needed but git, make and Python 3.11 or later; all else is installed into .venv.

PYTHON ?= python3
VENV := .venv
SAMPLE := sample.db
PYTEST_WORKERS ?= 2
PYTEST_ARGUMENTS ?=
UV ?= uv

BIN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
# Set when there is no environment that works: not made yet, half made, or of a Python that is gone.
NO_ENVIRONMENT := $(shell test -x $(BIN) -a -e $(VENV)/bin/pip || echo environment)
# Tools run as modules of the environment's own Python, so that the directory can be moved.
PIP_INSTALL := $(BIN) -m pip install --quiet --disable-pip-version-check --no-input
LINTED := $(wildcard engine inspector tests scripts)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install run test test-faults lint format lock screenshots clean environment

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

install: $(INSTALLED) ## make .venv with the locked packages and this project

run: $(INSTALLED) | $(SAMPLE) ## open the inspector on the sample store, made if there is none
	@$(BIN) -m inspector open $(SAMPLE)

test: lint ## every check: format, lint, types, import contracts, tests
	$(BIN) -m pytest -n $(PYTEST_WORKERS) --dist loadgroup $(PYTEST_ARGUMENTS)

test-faults: $(INSTALLED_DEV) ## kills, power failures and refusals in full: some minutes (FAULTS=--seed 7)
	$(BIN) tests/faults/full.py $(FAULTS)

lint: $(INSTALLED_DEV) ## the checks without the tests
	$(BIN) -m ruff format --check $(LINTED)
	$(BIN) -m ruff check $(LINTED)
	$(BIN) -m mypy $(LINTED)
	$(BIN) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

format: $(INSTALLED_DEV) ## bring the code into the house's format
	$(BIN) -m ruff format $(LINTED)
	$(BIN) -m ruff check --fix $(LINTED)

screenshots: $(INSTALLED_DEV) ## draw the pictures of the README again
	$(BIN) scripts/screenshots.py

lock: ## resolve the dependencies anew (needs uv)
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: pip install uv, or make lock UV=/path/to/uv" >&2; exit 1; }
	@$(call lock,requirements.lock,build)
	@$(call lock,requirements-dev.lock,dev)

# Hashes for every platform and Python that the project runs on; no address of any index.
lock = UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --upgrade --group $(2) --output-file $(1) pyproject.toml >/dev/null

clean: ## remove the environment, caches and the sample store
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
	rm -f $(SAMPLE) $(SAMPLE)-wal $(SAMPLE)-shm $(SAMPLE).lock
	find $(LINTED) -name __pycache__ -type d -prune -exec rm -rf {} +

# Never made again by itself: whoever plays with the sample keeps what they changed.
$(SAMPLE): | $(INSTALLED)
	$(BIN) -m inspector sample $@

$(INSTALLED): requirements.lock pyproject.toml $(NO_ENVIRONMENT)
	@echo "installing into $(VENV)"
	@$(PIP_INSTALL) --require-hashes --requirement requirements.lock
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(INSTALLED_DEV): requirements-dev.lock $(INSTALLED)
	@echo "installing the checks into $(VENV)"
	@$(PIP_INSTALL) --require-hashes --requirement requirements-dev.lock
	@touch $@

environment:
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "There is no $(PYTHON) here: install Python 3.11 or later, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$$("$(PYTHON)" --version) is too old: Python 3.11 or later is needed; name one: make PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make environments: install its venv package (on Debian: apt install python3-venv)" >&2; exit 1; }
	@"$(PYTHON)" -m venv --clear $(VENV)
