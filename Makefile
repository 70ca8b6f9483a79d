# make run    the demo clinic on http://127.0.0.1:8000 (PORT=8123 for another port)
# make demo   the demo clinic from its beginning: what was entered in it is gone
# make test   everything: on SQLite, on a real PostgreSQL, in a real Chromium
# make drill  races, crashes, load, restoring a backup: whole servers, for most of an hour
#             (DRILL=tests/drills/test_races.py for one of them)
# make lint   style, types, imports, migrations, production settings
# make fix    what a tool can put right
# make bench  what must be fast
# make screenshots  the demo clinic walked in Chromium; its pictures into docs/screens
# make sbom   every package that runs, with its version and where it came from
# make lock   newest versions that pyproject.toml allows, into requirements*.lock
# make help   this list

# The first Python on the PATH that is new enough; PYTHON=/path/to/python make … for another.
ifndef PYTHON
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
endif
PORT ?= 8000
DRILL ?= tests/drills
BIN := .venv/bin
MANAGE := $(BIN)/python manage.py

# Everything here is for this machine; production starts without make (.env.example).
export REMIT_LOCAL := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# The demo's log-ins are public, so its clinic never goes into the database of an environment.
run demo: export DATABASE_URL :=
# Linting asks no database.
lint: export DATABASE_URL :=
lint: export SQLITE_PATH := :memory:

.PHONY: run demo test drill lint fix bench screenshots sbom lock help
.DEFAULT_GOAL := run

run: .venv/.run
	@$(BIN)/python -c 'import socket, sys; s = socket.socket(); \
		s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); \
		s.bind(("127.0.0.1", int(sys.argv[1])))' "$(PORT)" 2>/dev/null \
		|| { echo "Port $(PORT) cannot be used; perhaps something runs there. Try: make run PORT=8123"; exit 1; }
	@$(MANAGE) migrate --verbosity 0 --skip-checks
	@$(MANAGE) demo --once
	@$(MANAGE) collectstatic --noinput --verbosity 0
	@echo
	@echo "  Remit runs on  http://127.0.0.1:$(PORT)     (Ctrl+C stops it)"
	@echo "  Log in as      frontdesk, biller, accountant or admin"
	@echo "  Password       remit-demo"
	@echo
	@BIND=127.0.0.1:$(PORT) exec $(BIN)/gunicorn --config python:config.gunicorn config.wsgi

demo: .venv/.run
	@$(MANAGE) migrate --verbosity 0 --skip-checks
	@$(MANAGE) demo --fresh

test: .venv/.dev
	@$(BIN)/python -m tests.support.everything

# One after the other, since each wants the machine for itself.
drill: .venv/.dev
	@$(BIN)/python -m pytest -m drill -p no:xdist $(DRILL)

# For `check --deploy`: as strict as a server, with a key of the moment.
AS_IN_PRODUCTION = env REMIT_LOCAL=0 REMIT_ENV_FILE=/dev/null ALLOWED_HOSTS=remit.example \
	AUDIT_KEY="$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))')" \
	SECRET_KEY="$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))')"

TEMPLATES = find templates -name '*.html' -print0
DJADE = $(BIN)/djade --target-version 5.2

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@echo "$(DJADE) --check templates/**.html" && $(TEMPLATES) | xargs -0 $(DJADE) --check
	$(BIN)/mypy .
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pip check
	$(MANAGE) makemigrations --check --dry-run
	$(MANAGE) check
	@echo "$(MANAGE) check --deploy (with production's settings)"
	@$(AS_IN_PRODUCTION) $(MANAGE) check --deploy --fail-level WARNING

fix: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	@$(TEMPLATES) | xargs -0 $(DJADE) || true  # it says 1 when it has changed something

bench: .venv/.dev
	@$(BIN)/python -m benchmarks

screenshots: .venv/.dev
	@$(BIN)/python -m tests.support.browser
	@$(BIN)/python -m tests.tour

sbom: .venv/.run
	@$(BIN)/python -m pip inspect --local

help:
	@sed -n '/^$$/q; s/^# //p' Makefile

# uv only resolves, in a folder thrown away afterwards; pip alone installs what it wrote. No
# address of a package index goes into the files.
UV_COMPILE = uv pip compile --quiet --system-certs --universal --generate-hashes --no-header --upgrade \
	--python-version 3.11 pyproject.toml
lock: .venv/.run
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	$(PYTHON) -m venv "$$folder" && "$$folder/bin/python" -m pip install --quiet uv && \
	PATH="$$folder/bin:$$PATH" && \
	$(UV_COMPILE) --output-file requirements.lock && \
	$(UV_COMPILE) --output-file requirements-dev.lock --group dev --constraints requirements.lock

# --- The virtual environment: the app's packages for `run`, the tools too for the rest -----------

.venv/.python:
	@test -n "$(PYTHON)" || { echo "Remit needs Python 3.11 or newer, and found none on the PATH."; \
		echo "It can be named: make PYTHON=/path/to/python3.11"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Remit needs Python 3.11 or newer; $(PYTHON) is older or does not start."; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "$(PYTHON) has no venv. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Making .venv ..."
	@"$(PYTHON)" -m venv .venv
	@touch $@

.venv/.run: requirements.lock | .venv/.python
	@echo "Installing the packages of requirements.lock ..."
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	@touch $@

.venv/.dev: requirements-dev.lock | .venv/.python
	@echo "Installing the packages of requirements-dev.lock ..."
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-dev.lock
	@touch $@ .venv/.run
