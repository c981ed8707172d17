# `make help` lists what there is to do; each command sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
FLASK := $(BIN)/flask --app wsgi

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-check test run bench lint typecheck migrate translations

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(READY) ## make the virtual environment with everything pinned

$(READY): requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

demo: $(READY) ## the whole product on localhost:8000 beside a practice Moodle on localhost:8001
	@$(BIN)/python -m tests.demo

demo-check: $(READY) ## the same, headless: every step checked, nothing left running
	@$(BIN)/python -m tests.demo --check

test: $(READY) ## the whole test suite (PostgreSQL when TEST_DATABASE_URL is set)
	@$(BIN)/python -m pytest -n 3 --dist worksteal -q

run: $(READY) ## the service for a real Moodle: gunicorn and worker
	@$(BIN)/python -m lti_service.serve

bench: $(READY) ## measure; ONLY=name for one; a JSON line each
	@$(BIN)/python -m tests.bench $(if $(ONLY),--only $(ONLY))

lint: $(READY) ## style, imports between the wings, translations
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

typecheck: $(READY) ## mypy, strict on our packages
	@$(BIN)/mypy

migrate: $(READY) ## bring the database to the newest migration
	@$(FLASK) db upgrade

translations: $(READY) ## gather the texts of the pages into the catalogues, and compile them
	@cd lti_service && ../$(BIN)/pybabel -q extract -F translations/babel.cfg -k _l -k _n:1,2 -k lazy_gettext --no-location --sort-output --no-wrap -o translations/messages.pot .
	@cd lti_service && ../$(BIN)/pybabel -q update -i translations/messages.pot -d translations --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --no-wrap
	@cd lti_service && ../$(BIN)/pybabel -q compile -d translations
	@rm lti_service/translations/messages.pot
