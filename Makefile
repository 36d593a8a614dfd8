# Two commands do all the set-up on a fresh machine: make run, make test.
PYTHON ?= $(firstword $(foreach name,python3.12 python3.11 python3,$(if $(shell $(name) -c 'import sys; sys.exit(not (3,11) <= sys.version_info < (3,13))' 2>/dev/null && echo yes),$(name))))
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test check kafka bench bench-long docs requirements clean

run: $(VENV)/run.stamp
	@$(BIN)/middlewatch demo

# A real Kafka for the tests that need one: Maven gets it once; without Java or Maven, a mock broker does.
test: check
	@$(BIN)/python -m tests.kafka.prepare
	@$(BIN)/pytest -n auto --dist loadgroup

check: $(VENV)/dev.stamp
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@said=$$($(BIN)/lint-imports --no-logo 2>&1) || { echo "$$said"; exit 1; }
	@$(BIN)/python -m flows.reference docs --check

kafka: $(VENV)/dev.stamp
	@$(BIN)/python -m tests.kafka

bench: $(VENV)/dev.stamp
	@$(BIN)/python -m bench $(BENCH)

# A million entities and more days: half an hour. New figures for the page: make bench-long BENCH="--write docs/performance.md"
bench-long: $(VENV)/dev.stamp
	@$(BIN)/python -m bench --long $(BENCH)

docs: $(VENV)/dev.stamp
	@$(BIN)/python -m flows.reference docs

# New pins: what pyproject.toml allows, newest, with hashes and without index addresses.
requirements: $(VENV)/dev.stamp
	@$(BIN)/pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes --no-header --no-annotate --no-emit-index-url --extra build pyproject.toml -o requirements.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes --no-header --no-annotate --no-emit-index-url --extra build --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	$(if $(PYTHON),,$(error middlewatch needs Python 3.11 or 3.12 (bytewax has no wheels for later ones); install one, or name it: make PYTHON=/path/to/python3.11))
	@$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.txt pyproject.toml | $(VENV)/bin/python
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/run.stamp
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@
