# Needs python3 (3.11 or later), git and make. Everything else is set up here, in .venv; the AWS CLI in .venv-aws,
# because it insists on a botocore of its own.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
AWS_READY := .venv-aws/.ready
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test lint strip docs bench soak licences lab constraints clean python

help: ## Say what can be made.
	@echo "silolake: a lake of AWS accounts run from one Git repository of notebooks"
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(READY) ## Start the local cloud, build the lake of this repository on real data, ask it a question across silos.
	$(PY) -m silolake demo

test: $(READY) $(AWS_READY) ## Run every test.
	$(PY) -m pytest -n $(WORKERS) --dist loadgroup

lint: $(READY) ## Look at style, types, the rooms and the shape of the run notebooks.
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -m silolake lint

strip: $(READY) ## Take outputs out of the run notebooks; tutorials keep theirs.
	$(PY) -m silolake.runner.lint --strip

docs: $(READY) ## Write the generated pages under docs/reference.
	$(PY) docs/reference.py

bench: $(READY) ## Measure, print a table, write build/bench.json; ONLY=name takes one.
	$(PY) -m bench $(if $(ONLY),--only $(ONLY))

soak: $(READY) ## Run the long campaigns whole; make test takes a sample of each.
	SILOLAKE_SOAK=whole $(PY) -m pytest -m soak

licences: $(READY) ## List the licence of everything silolake installs.
	$(PY) -m tests.repository.licences

lab: $(READY) ## Open JupyterLab on this workspace; installs it first.
	$(PY) -m pip install --quiet -e '.[lab]' -c constraints.txt
	$(PY) -m jupyter lab

constraints: python ## Choose the newest versions that agree, and write both constraints files.
	rm -rf build/constraints
	$(PYTHON) -m venv build/constraints/engine
	build/constraints/engine/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	build/constraints/engine/bin/python -m pip install --quiet -e '.[local,run,lab]' --group dev --group demo
	$(PYTHON) -m venv build/constraints/aws
	build/constraints/aws/bin/python -m pip install --quiet 'awscli>=1,<2'
	( sed -n '/^#/p' constraints.txt; build/constraints/engine/bin/python -m pip freeze --all --exclude-editable | grep -v '^pip==' ) > build/constraints.txt
	( sed -n '/^#/p' constraints-aws.txt; build/constraints/aws/bin/python -m pip freeze ) > build/constraints-aws.txt
	mv build/constraints.txt constraints.txt
	mv build/constraints-aws.txt constraints-aws.txt
	rm -rf build/constraints

clean: ## Remove what was made: environments, caches, builds. The local cloud's state is removed by: silolake reset --all
	rm -rf $(VENV) .venv-aws build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("silolake needs Python 3.11 or later, and $(PYTHON) is %d.%d. Say which to take: make PYTHON=python3.12 ..." % sys.version_info[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

# An environment remembers where it was made; in a clone that was moved or copied it would run the old one's code.
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
$(shell rm -f $(READY))
endif

# --group came with pip 25.1; the pip that Python 3.11 brings is older.
$(READY): pyproject.toml constraints.txt | python
	@echo "setting up $(VENV): this takes about a minute, once"
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(PY) -m pip install --quiet --disable-pip-version-check -e '.[local,run]' --group dev --group demo -c constraints.txt
	@echo "$(CURDIR)" > $@

$(AWS_READY): constraints-aws.txt | python
	@echo "setting up .venv-aws"
	@.venv-aws/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv-aws
	.venv-aws/bin/python -m pip install --quiet --disable-pip-version-check awscli -c constraints-aws.txt
	@touch $@
