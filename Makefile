# Everything a developer does here; `make` alone lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := $(CURDIR)/.venv
STAMPS := .stamps
FORGE := node_modules/.bin/forge
# What the tests that need no stack are split over; the machine's cores by default.
WORKERS ?= auto

export PATH := $(VENV)/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0
# Settings such as LOG_LEVEL reach what is run without being named: make passes on its command line and its
# environment. An `export` of their names would set those that nobody gave, to nothing.

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ── Set-up ────────────────────────────────────────────────────────────────────────────────────────
# Stamps make a second set-up free; a changed lock file makes it run again.

.PHONY: setup
setup: $(STAMPS)/python $(STAMPS)/node $(STAMPS)/examples ## Install everything, into .venv and two node_modules

$(STAMPS)/python: local/requirements.txt tests/e2e/x402_v1/requirements.txt pyproject.toml clients/python/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { echo 'Python 3.11, 3.12 or 3.13 is needed: make PYTHON=…'; exit 1; }
	@echo 'Installing into .venv, contracts/node_modules and examples/node_modules, this once: one to four minutes …'
	$(PYTHON) -m venv $(VENV)
	pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r local/requirements.txt
	pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . -e clients/python
	@# Beside the present x402, not in its place.
	pip install --quiet --disable-pip-version-check --no-deps --require-hashes --upgrade --target $(VENV)/x402-v1 -r tests/e2e/x402_v1/requirements.txt
	@mkdir -p $(@D) && touch $@

# No package's own scripts: the tools ship their binaries.
$(STAMPS)/node: contracts/package.json contracts/package-lock.json
	cd contracts && npm ci --ignore-scripts
	@mkdir -p $(@D) && touch $@

$(STAMPS)/examples: examples/package.json examples/package-lock.json
	cd examples && npm ci --ignore-scripts
	@mkdir -p $(@D) && touch $@

# ── The local stack ───────────────────────────────────────────────────────────────────────────────

.PHONY: run
run: setup ## Start the local stack, pay 1 USDC before your eyes, serve until Ctrl-C (CHAINS, BLOCK_TIME, WALLETS)
	@exec python -m local.run

.PHONY: up
up: setup ## Start the local stack and leave it running (CHAINS, CHAIN_IDS, BLOCK_TIME, WALLETS, ACCOUNTS, AWS_PORT, RPC_PORT)
	@exec python -m local.stack --detach

.PHONY: demo
demo: setup ## Send payments to the running stack (COUNT, SENDERS, CONCURRENCY)
	@exec python -m local.demo

.PHONY: down
down: setup ## Stop the local stack
	@exec python -m local.down

# ── Tests ─────────────────────────────────────────────────────────────────────────────────────────

.PHONY: test
test: ## Everything: lint, contracts, Python tests, and end to end on the local stack
	$(MAKE) setup
	@# Each is one process most of the time: beside each other they take half as long.
	$(MAKE) -j2 --output-sync=target forge lint
	@# What takes longest comes first.
	pytest -n $(WORKERS) --dist worksteal tests/faults
	$(MAKE) coverage e2e

.PHONY: lint
lint: setup ## Style, types, architecture, template, lock files
	ruff check .
	ruff format --check .
	mypy .
	lint-imports
	sam validate --lint
	python -m local.lock --check
	cd contracts && $(FORGE) fmt --check

.PHONY: forge
forge: setup ## Tests of the contracts
	cd contracts && $(FORGE) test

.PHONY: unit
unit: setup ## Tests in memory
	pytest -n $(WORKERS) tests/unit

.PHONY: integration
integration: setup ## Tests with moto, anvil and the emulator
	pytest -n $(WORKERS) tests/conformance tests/integration

.PHONY: faults
faults: setup ## Tests of dying, and of rivals, between any two steps
	pytest -n $(WORKERS) tests/faults

# Without the thousands of lives of tests/faults: counting their branches takes twice as long as living them.
.PHONY: coverage
coverage: setup ## Tests in memory, with moto, anvil and the emulator; reports the branches that none has taken
	pytest -n $(WORKERS) --dist worksteal --cov --cov-report=term tests/integration tests/conformance tests/unit

# Each soak tries something new, unless it is told the seed of another one.
SEED ?= $(shell od -An -N4 -tu4 /dev/urandom | tr -d ' ')

.PHONY: soak
soak: setup ## Tests that take long, with new random lives each time (SEED, SOAK_LIVES of each shape)
	@echo 'the same again: make soak SEED=$(SEED)'
	pytest -n $(WORKERS) -m soak -rP --hypothesis-seed=$(SEED) --ignore tests/e2e tests
	pytest -m soak -rP tests/e2e

.PHONY: mutations
mutations: setup ## Take each protection out of a copy of the sources: a test has to notice
	python -m local.mutations

.PHONY: e2e
e2e: setup ## Tests of the deployed template on the local stack
	pytest tests/e2e

# ── Made files ────────────────────────────────────────────────────────────────────────────────────

.PHONY: artifacts
artifacts: setup ## Export the contracts' ABI and bytecode into the package
	python contracts/script/export_artifacts.py

.PHONY: lock
lock: setup ## Pin the Python packages anew, from pyproject.toml
	python -m local.lock

.PHONY: build
build: setup ## Build for AWS, then: sam deploy --config-env dev
	python -m local.build

.PHONY: bench
bench: setup ## Measure; needs no running stack
	python -m local.bench

.PHONY: format
format: setup ## Rewrite the sources in the project's style
	ruff check --fix .
	ruff format .
	cd contracts && $(FORGE) fmt

.PHONY: clean
clean: ## Remove what was built, not what was installed
	rm -rf .aws-sam .local .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis contracts/out contracts/cache

.PHONY: distclean
distclean: clean ## Remove what was installed too
	rm -rf $(VENV) $(STAMPS) contracts/node_modules examples/node_modules
