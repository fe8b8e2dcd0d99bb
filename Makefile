# The commands. `make run` and `make test` set up what they need: see scripts/setup.
.PHONY: run test check bench format setup setup-tests lab lab-down pictures wheel
PY := .venv/bin/python
ARGS ?=
HOSTS ?= 8

# Quick when nothing is to do, so it runs every time: what is missing may have changed outside this directory.
setup:
	@./scripts/setup

setup-tests:
	@./scripts/setup tests

run: setup
	@.venv/bin/swarm-tui $(ARGS)

# Without ARGS: the quick tests on every core, then those with real daemons and hosts one at a time, since they
# measure time. With ARGS: as pytest takes them.
test: setup-tests
ifeq ($(strip $(ARGS)),)
	$(PY) -m pytest -n auto --dist loadfile -m "not e2e and not lab"
	$(PY) -m pytest -m "e2e or lab"
else
	$(PY) -m pytest $(ARGS)
endif

format: setup
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

check: setup-tests
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache
	@$(MAKE) --no-print-directory test

bench: setup
	$(PY) -m benchmarks $(ARGS)

# Real systemd hosts on this machine: prints the configuration and the command that attaches a console.
lab: setup
	$(PY) -m tests.lab up $(HOSTS) $(ARGS)

lab-down:
	$(PY) -m tests.lab down

# The README's pictures, drawn by the real console on the simulated fleet.
pictures: setup
	$(PY) scripts/pictures.py

wheel: setup
	$(PY) -m pip wheel --quiet --no-deps --wheel-dir dist .
