# The two commands: `make demo` and `make test`. All they need is Python 3.11 or newer, and make.
PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/pytest tests/domain tests -n 2 --hypothesis-profile=ci
OUTSIDE := server or registry or published or slow

# Python is started some hundred times: what it compiled once is kept, whatever the machine says elsewhere.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test quick lint generate docs coverage soak benchmark lock clean

demo: .venv/run.stamp
	@$(BIN)/dealtrail demo

# All of it, the quick half first; what that tries a quarter of, the second half tries whole.
test: lint quick
	$(PYTEST) --dist loadfile -m "not soak and (thorough or $(OUTSIDE))"

# What needs no PostgreSQL, no Kafka, no package registry, no data of others and no patience: after each change.
quick: .venv/test.stamp
	DEALTRAIL_QUICK=1 $(PYTEST) --dist worksteal -m "not (soak or $(OUTSIDE))"

lint: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports & $(BIN)/pyright && wait $$!

# What is made from the code: schemas, pages, and what the lines of tests/golden mean.
generate: .venv/test.stamp
	$(BIN)/python -m tests.generate

# The documents as a site, in build/site.
docs: .venv/test.stamp
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

coverage: .venv/test.stamp
	$(PYTEST) --dist loadfile -m "not soak" --cov --cov-report=term

soak: .venv/test.stamp
	DEALTRAIL_EXAMPLES=500 $(BIN)/pytest tests/projections/test_moments.py tests/projections/test_recomputation.py \
		tests/projections/test_versions.py
	$(BIN)/pytest tests -m soak

benchmark: .venv/test.stamp
	$(BIN)/python -m tests.benchmarks append
	$(BIN)/python -m tests.benchmarks contention
	$(BIN)/python -m tests.benchmarks rebuild
	$(BIN)/python -m tests.benchmarks importing
	$(BIN)/python -m tests.benchmarks forecast
	$(BIN)/python -m tests.benchmarks relay --sides relay bare

lock: .venv/test.stamp
	$(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --group build --extra forecast --extra plot pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --group build --group test pyproject.toml -o requirements-test.lock

clean:
	rm -rf .venv demo.db demo.db-* demo.db.key

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "dealtrail needs Python 3.11 or newer: make PYTHON=…")'
	$(PYTHON) -m venv .venv

.venv/run.stamp: requirements.lock pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/test.stamp: requirements-test.lock .venv/run.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-test.lock
	@touch $@
