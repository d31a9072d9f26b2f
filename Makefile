# Every verb of the repository. Nothing needs to be prepared: each target makes the environment it needs first.

VENV := $(or $(CLOUDSTEAD_VENV),.venv)
BIN := $(VENV)/bin
ARGS ?=
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: run test check unit fix bench crash fuzz docs lock clean help setup dev clients

run: setup ## Start the cloud with this machine as its first thing (ARGS="--http 0.0.0.0:8080")
	@$(BIN)/cloudstead demo $(ARGS)

test: check unit ## Run the checks, then the whole suite

check: dev ## Lint, format, types and the order of the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: dev clients ## Run the suite without the checks (ARGS="-k shadow")
	$(BIN)/pytest -n 2 --dist worksteal -q $(ARGS)

fix: dev ## Repair what lint and format can repair
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: dev ## Print the figures that the README quotes (ONLY=search for one of them)
	@$(BIN)/python $(or $(wildcard bench/$(ONLY).py),bench/run.py $(ONLY)) $(ARGS)

crash: dev ## Kill the server under load, ROUNDS times, and count what it had acknowledged
	@PYTHONPATH=tests $(BIN)/python -m crash.rounds --rounds $(or $(ROUNDS),20) $(ARGS)
	@PYTHONPATH=tests $(BIN)/python -m crash.outbox
	@PYTHONPATH=tests $(BIN)/python -m crash.batches

fuzz: dev ## Run the property tests with FACTOR times as many examples
	$(BIN)/pytest -n 2 -q -p factories.fuzzing --fuzz $(or $(FACTOR),50) $(ARGS)

docs: dev ## Write the generated pages of docs/reference anew
	$(BIN)/python -m cloudstead.app.reference

lock: ## Write the lock files anew from pyproject.toml (needs uv)
	@scripts/lock

clean: ## Remove the environment and every cache; the data folder stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup:
	@scripts/setup run

dev:
	@scripts/setup dev

clients:
	@scripts/setup-clients

help: ## Say what there is
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r verb words; do printf '  make %-7s %s\n' "$$verb" "$$words"; done
