# Every target sets up what it needs in .venv and target/ and does nothing twice. Needed on the machine: Rust with
# rustfmt and clippy, Python 3.10 or later, a C linker (gcc) and make.

PYTHON ?= python3
CARGO ?= cargo
PYTEST_ARGS ?=
BENCH_ARGS ?=
COVERAGE_ARGS ?=
RECOVERY_ARGS ?=
FUZZ_ROUNDS ?= 20

# A commit passes or fails the same way everywhere; `make fuzz` looks at other cases.
export PROPTEST_RNG_SEED ?= 2019

VENV := .venv
PEERS := .venv-peers
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

# Directories are listed too: a deleted file changes nothing but the time of its directory.
SOURCES := Cargo.toml pyproject.toml README.md $(wildcard Cargo.lock LICENSE*) \
	$(shell find python rust_core -not -name '*.so' -not -name '*.pyc' -not -path '*/__pycache__*' \
		-not -path 'rust_core/tests*')

# The package on the path of a caller must not stand in for the installed one.
unexport PYTHONPATH

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
# Every target of a plain name.
.PHONY: $(shell sed -n 's/^\([a-z][a-z-]*\):.*/\1/p' $(firstword $(MAKEFILE_LIST)))

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Variables: PYTHON=$(PYTHON) CARGO=$(CARGO) PYTEST_ARGS=... BENCH_ARGS=... COVERAGE_ARGS=... RECOVERY_ARGS=... FUZZ_ROUNDS=$(FUZZ_ROUNDS)"

example: $(VENV)/.installed ## build in release mode and run examples/first_fit.py
	$(BIN)/python examples/first_fit.py

test: $(VENV)/.installed $(VENV)/.test ## test the engine, then the installed package
	$(CARGO) test --locked -p mixirt-core
	$(BIN)/pytest $(PYTEST_ARGS)

fuzz: ## draw other cases for the engine's property tests, FUZZ_ROUNDS times
	for round in $$(seq $(FUZZ_ROUNDS)); do \
		PROPTEST_RNG_SEED=$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ') && export PROPTEST_RNG_SEED && \
		echo "PROPTEST_RNG_SEED=$$PROPTEST_RNG_SEED" && \
		$(CARGO) test --locked --release --quiet -p mixirt-core --lib --tests || exit 1; \
	done

lint: $(VENV)/.installed $(VENV)/.lint ## formatters in check mode, clippy, rustdoc, ruff, mypy, the stub
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps -p mixirt-core
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/stubtest mixirt._core

format: $(VENV)/.lint ## rewrite the sources as lint wants them
	$(CARGO) fmt --all
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: ## run the engine's benches and print their ratios to plain ways of doing the same
	$(CARGO) bench --locked -p mixirt-core --bench e_step --bench stages --bench standard_errors -- $(BENCH_ARGS)
	$(PYTHON) -m benches.ratios

bench-write: bench ## the same, to docs/benchmarks.md
	$(PYTHON) -m benches.ratios --write

bench-peers: $(VENV)/.installed $(VENV)/.test $(PEERS)/.installed ## time other programs beside ours, to docs/benchmarks.md
	$(BIN)/python -m benches.compare --write $(BENCH_ARGS)

bench-scoring: $(VENV)/.installed ## time a scorer, and score a million single respondents from eight threads
	$(BIN)/python -m benches.scoring

bench-bootstrap: $(VENV)/.installed ## gain of a bootstrap by threads; on a machine that does nothing else
	$(BIN)/python -m benches.bootstrap $(BENCH_ARGS)

bench-scaling: $(VENV)/.installed $(VENV)/.test ## time against respondents, items, nodes, to docs/benchmarks.md
	$(BIN)/python -m benches.scaling --write $(BENCH_ARGS)

reference-table: $(VENV)/.installed ## fit the reference data and renew the table in README.md
	$(BIN)/python -m benches.reference_table --write README.md

gallery: $(VENV)/.installed $(VENV)/.test ## run the code of docs/gallery.md and draw its pictures anew
	$(BIN)/python examples/gallery.py

coverage: $(VENV)/.installed ## coverage of intervals over simulated data, to docs/coverage.md
	$(BIN)/python -m benches.coverage $(COVERAGE_ARGS)

docs: $(VENV)/.installed $(VENV)/.docs ## build the site into site/; warnings and dead links are errors
	$(BIN)/sphinx-build --fail-on-warning --keep-going --fresh-env --quiet docs site
	$(BIN)/python docs/check_site.py site

figures: $(VENV)/.installed $(VENV)/.test ## draw the charts of docs/numerics.md again
	$(BIN)/python docs/figures.py

recovery: $(VENV)/.installed $(VENV)/.test ## the report's simulation study (Table 1), to docs/recovery.*
	$(BIN)/python -m benches.recovery $(RECOVERY_ARGS)

recovery-extended: $(VENV)/.installed $(VENV)/.test ## more models, sizes and missing answers, to docs/recovery-extended.*
	$(BIN)/python -m benches.recovery --extended $(RECOVERY_ARGS)

wheel: dist/.built ## build the release wheel and the sdist into dist/, and try the wheel without a compiler
	@rm -f dist/*.tar.gz
	$(BIN)/maturin sdist --out dist
	$(PYTHON) -m venv --clear dist/smoke
	dist/smoke/bin/python -m pip --quiet --disable-pip-version-check install dist/*.whl
	wheel=$$(echo $(CURDIR)/dist/*.whl) && cd / && \
		PATH=$(CURDIR)/dist/smoke/bin $(CURDIR)/dist/smoke/bin/python $(CURDIR)/tests/wheel/smoke.py "$$wheel"
	@ls dist/*.whl dist/*.tar.gz

develop: $(VENV)/.build ## editable install, for work on the Python side (make test puts the wheel back)
	rm -f $(VENV)/.installed
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/maturin develop --release --locked --extras pandas

clean: ## remove everything these targets made
	rm -rf $(VENV) $(PEERS) dist site target .hypothesis .mypy_cache .pytest_cache .ruff_cache
	rm -f python/mixirt/*.so
	find python tests examples -type d -name __pycache__ -prune -exec rm -rf {} +

# Set-up: one empty file for each step that is done.

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.version_info < (3, 10) and sys.exit("mixirt needs Python 3.10 or later: make PYTHON=...")'
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) install --upgrade 'pip>=25.1'
	@touch $@

# build, test, lint and docs are dependency groups of pyproject.toml.
$(VENV)/.build $(VENV)/.test $(VENV)/.lint $(VENV)/.docs: $(VENV)/.%: $(VENV)/.created pyproject.toml
	$(PIP) install --group $*
	@touch $@

dist/.built: $(SOURCES) | $(VENV)/.build
	@rm -f dist/*.whl
	$(BIN)/maturin build --release --locked --interpreter $(BIN)/python --out dist
	@touch $@

# The version rarely changes, so pip has to be told to replace the package; the second call adds what it depends on.
$(VENV)/.installed: dist/.built | $(VENV)/.created
	$(PIP) install --force-reinstall --no-deps dist/*.whl
	@wheel=$$(echo dist/*.whl) && $(PIP) install "$$wheel[pandas]"
	@touch $@

# Other programs have an environment of their own, with the versions that were measured.
$(PEERS)/.installed: benches/compare/requirements.txt
	$(PYTHON) -m venv --clear $(PEERS)
	$(PEERS)/bin/python -m pip --quiet --disable-pip-version-check install -r $<
	@touch $@
