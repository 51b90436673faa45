# The two commands: `make evaluate` and `make test`. Everything is installed into .venv, once.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SECOND := .venv-toolkit-0.9.0
SOAK := .venv-soak
CONTRIB := benchmarks/.venv-contrib

.PHONY: install evaluate test quick quick-vot quick-others lint soak test-toolkits bench-env train clean

install: $(INSTALLED)

$(INSTALLED): env/requirements.lock env/torch.lock env/install.sh pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 10) <= v < (3, 14) else f"Python 3.10 to 3.13 is needed, this is {v[0]}.{v[1]}: make PYTHON=python3.11 ...")'
	@echo "making the environment $(VENV), once: the downloads take a few minutes"
	$(PYTHON) -m venv $(VENV)
	env/install.sh $(BIN)/python
	touch $@

evaluate: $(INSTALLED)
	$(BIN)/python -m tracker.sequences vot_workspace/sequences
	$(BIN)/reciprocative evaluate DAT MDNet NCC --workspace vot_workspace --stale redo --report

# The newest toolkit, and the tools of make soak: each laid over the packages of the first environment.
$(SECOND)/.installed: env/toolkit-0.9.0.lock
$(SOAK)/.installed: env/soak.lock

$(SECOND)/.installed $(SOAK)/.installed: $(INSTALLED)
	$(BIN)/python -m venv --without-pip $(@D)
	$(BIN)/python -m pip --python $(@D)/bin/python install --quiet --no-deps --require-hashes -r $(filter %.lock,$^)
	$(BIN)/python -c 'import glob, site; \
	    open(glob.glob("$(@D)/lib/python3*/site-packages")[0] + "/shared.pth", "w").write( \
	        f"import site; site.addsitedir({site.getsitepackages()[0]!r})\n")'
	touch $@

test: lint $(SECOND)/.installed
	$(BIN)/python -m pytest -m "not soak"

# Without real toolkit runs and long searches for counter-examples: two halves, on two cores.
quick: $(INSTALLED)
	$(MAKE) --no-print-directory -j 2 --output-sync=target quick-vot quick-others

quick-vot quick-others: QUICK = -m "not soak and not integration and not slow"
quick-vot:
	$(BIN)/python -m pytest $(QUICK) tests/vot tests/commands tests/benchmarks

quick-others:
	$(BIN)/python -m pytest $(QUICK) --ignore tests/vot --ignore tests/commands --ignore tests/benchmarks

test-toolkits: $(SECOND)/.installed
	$(BIN)/python -m pytest tests/integration/test_toolkits.py

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# FIGURES="--write docs/trust.md" keeps what is measured, LONG="--sequences FOLDER --only NAME" is what to follow for long.
soak: $(SOAK)/.installed $(SECOND)/.installed
	$(BIN)/python -m pytest -m soak --hypothesis-profile=default
	$(BIN)/python -m benchmarks.endurance $(LONG) $(FIGURES)
	$(BIN)/python -m benchmarks.toolkits $(FIGURES)
	$(SOAK)/bin/python -m benchmarks.covered $(FIGURES)
	$(SOAK)/bin/python -m benchmarks.mutants $(FIGURES)
	$(BIN)/python -m benchmarks.fuzz $(FIGURES)

# OpenCV's CSRT and KCF, for benchmarks/: opencv-contrib-python cannot share an environment with opencv-python.
bench-env: $(CONTRIB)/.installed

$(CONTRIB)/.installed: benchmarks/requirements-contrib.txt
	$(PYTHON) -m venv $(CONTRIB)
	$(CONTRIB)/bin/python -m pip install --quiet -r benchmarks/requirements-contrib.txt
	touch $@

# The box estimator, anew; training/README.md names the pictures that it needs.
train: $(INSTALLED)
	$(BIN)/python -m training.cache build/clips --clips 10000 --seed 100
	$(BIN)/python -m training.train build/clips --out build/box_estimator.npz --steps 3000 --threads 1

clean:
	rm -rf $(VENV) .venv-* $(CONTRIB) mutants
