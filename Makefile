SHELL := /bin/sh
PY := .venv/bin/python
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.DEFAULT_GOAL := help

help: ## say what there is
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

.venv/.run: requirements/local.txt pyproject.toml
	@deploy/system-packages run
	@test -x $(PY) || python3 -m venv .venv
	@test -f .venv/.dev || $(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements/local.txt
	@$(PY) -m pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

.venv/.dev: requirements/dev.txt pyproject.toml
	@deploy/system-packages test
	@test -x $(PY) || python3 -m venv .venv
	@$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(PY) -m pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@ .venv/.run

assets: .venv/.run ## copy the locked browser assets to static/vendor
	@$(PY) deploy/assets.py

setup: .venv/.run ## install what running needs
	@$(PY) deploy/assets.py --no-dev

run: setup ## everything on this machine: http://127.0.0.1:8000
	@exec $(PY) deploy/local.py

check: .venv/.dev ## style, types, import contracts, templates
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check -q .
	@.venv/bin/lint-imports | tail -8
	@$(PY) deploy/assets.py
	@$(PY) deploy/lint_templates.py
	@.venv/bin/mypy

test: .venv/.dev assets ## all tests, on SQLite and PostgreSQL, and branch coverage; ARGS=tests/web runs some of them
	@deploy/system-packages test
	@$(PY) -m pytest $(if $(ARGS),$(ARGS),-n 2 --dist worksteal --cov)

bench: .venv/.dev assets ## speed, as paired ratios, into docs/bench.md
	@$(PY) -m bench

proof: .venv/.dev assets ## acceptance runs at full size, into docs/proof.md
	@$(PY) deploy/proof.py

stats: ## sizes of files and functions
	@git ls-files '*.py' | xargs wc -l | sort -n | tail -25

lock: .venv/.dev ## lock the dependencies anew
	@deploy/lock

.PHONY: help assets setup run check test bench proof stats lock
