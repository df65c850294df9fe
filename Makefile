# `make demo` and `make test` work on a fresh clone with Python 3.11 or newer and a C++ compiler.

PYTHON ?= python3
JOBS ?= 2
COUNT ?= 2000
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile

# Modules are compiled once, where they are first imported, not by every process that a test starts.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test lint style types sizes fuzz conformance browser release-check clean

demo: $(VENV)/.demo
	$(BIN)/python examples/demo.py

# Types are checked beside the tests: alone, mypy would leave all cores but one idle.
test: style
	@$(MAKE) --no-print-directory types & types=$$!; \
	    $(BIN)/python -m pytest -n $(JOBS); tests=$$?; \
	    wait $$types || { echo "mypy has found errors, which are shown above"; exit 1; }; exit $$tests

lint: style types

style: $(VENV)/.test
	$(BIN)/python -m ruff check .

types: $(VENV)/.test
	@# mypy needs to find this folder under the package's name, whatever the clone is called.
	@mkdir -p .mypy_cache/types && ln -sfn "$(CURDIR)" .mypy_cache/types/glassrt
	$(BIN)/python -m mypy

# Random models at every choice of small sizes, against ONNX Runtime.
sizes: $(VENV)/.test
	$(BIN)/python -m glassrt.tests.property.sizes $(COUNT) --jobs $(JOBS)

# Random graphs in the interpreter and by kernels, against ONNX Runtime; `test` has a sample.
fuzz: $(VENV)/.test
	$(BIN)/python -m glassrt.testing --graphs $(COUNT) --jobs $(JOBS) --device host

# The public conformance suite of onnx by kernels on the host device; `test` has a sample.
conformance: $(VENV)/.test
	$(BIN)/python -m glassrt.tests.conformance --jobs $(JOBS)

# The page of a plan in a headless Chromium; skipped, with the reason, where there is none.
browser: $(VENV)/.test
	$(BIN)/python -m pytest -rs tests/compiler/report/pictures/test_browser.py

# What must be so before a release, beyond the tests: a GPU has run every intrinsic as it is now.
release-check: test
	$(BIN)/python tests/intrinsics/record.py

clean:
	rm -rf $(VENV) build .build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .demo

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "GlassRT needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.%: pyproject.toml | $(VENV)/bin/python
	$(PIP_INSTALL) --editable ".[$*]"
	@touch $@
