# `make demo` and `make test` each work alone on a fresh machine with Python 3.11 or newer.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: demo test coverage lint types check bench lock clean help

help:            ## list the targets
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("pgolf needs Python 3.11 or newer; found " + sys.version.split()[0] + ". Try: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

demo: $(READY)   ## audit the shipped example submissions and print a table
	@$(BIN)/python -m pgolf demo

test: $(READY)   ## the whole test suite
	$(BIN)/python -m pytest -n auto

coverage: $(READY) ## lines and branches of the audit side that its own tests reach, in this process
	$(BIN)/python -m pytest -n auto -q --cov=pgolf.untrusted --cov=pgolf.core --cov=pgolf.audit --cov=pgolf.tokens \
	  --cov-branch --cov-report=term:skip-covered --cov-fail-under=92 tests/untrusted tests/audit tests/evaluator tests/grammar \
	  tests/escapes tests/checks tests/tokens tests/unit tests/test_canonical_rescore.py tests/runlog tests/validation tests/lab/test_statistics.py

lint: $(READY)   ## ruff, format check and the import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY)  ## mypy --strict
	$(BIN)/mypy

check: lint types test ## everything CI runs

bench: $(READY)  ## speed, as ratios within one run
	$(BIN)/python -m benchmarks

lock:            ## pin every dependency with hashes (needs uv)
	uv pip compile --universal --generate-hashes --python-version 3.11 --all-extras --group dev \
	  pyproject.toml -o requirements.lock --custom-compile-command "make lock"

clean:
	rm -rf $(VENV)
