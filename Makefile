# make dashboard   open the app
# make test        run the tests
# make oldest      run the tests with the oldest versions that pyproject.toml admits, in .venv-oldest
# make newest      the same with the newest
# make lint        check the style and the types
# make docs        build the documentation in build/site
# make tour        take the pictures of the app anew
# make lesson      compute the runs of the page Learn anew
# make notebooks   execute the notebooks anew and store their figures
# make results     write RESULTS.md from the runs of your store
# make lock        write the exact versions anew that .venv is made of; with UPGRADE=--upgrade the newest
#
# Each sets up .venv by itself, and again only when the requirements change: first what the app needs, and for those that
# test or check, their tools as well. The documentation is built in .venv-docs: it is made from the files alone, and what
# builds it does not mix with what runs.

PYTHON ?= python3
BIN := .venv/bin
PIP := -m pip install --quiet --disable-pip-version-check
APP := .venv/installed
TOOLS := .venv/tools-installed
DOCS_INSTALLED := .venv-docs/installed
# How many processes run tests at a time, each with workers of its own: for two cores three, because they often wait.
PROCESSES ?= 3

UV := .venv-lock/bin/uv
COMPILE = $(UV) pip compile --quiet pyproject.toml --universal --python-version 3.11 --no-annotate $(UPGRADE)

.PHONY: dashboard test oldest newest lint docs tour lesson results notebooks lock

dashboard: $(APP)
	$(BIN)/clnp dashboard

test: $(TOOLS)
	$(BIN)/python -m pytest -n $(PROCESSES)

lint: $(TOOLS)
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(DOCS_INSTALLED)
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict

tour: $(TOOLS)
	$(BIN)/python -m tests.browser.tour

lesson: $(APP)
	$(BIN)/python -m clnp_core.lesson

notebooks: $(TOOLS)
	$(BIN)/python -m notebooks.build

results: $(APP)
	$(BIN)/python -m clnp_core.results

oldest: RESOLUTION := lowest-direct
newest: RESOLUTION := highest
oldest newest: $(UV)
	mkdir -p build
	$(UV) pip compile --quiet pyproject.toml --group dev --resolution $(RESOLUTION) --python $(PYTHON) --output-file build/$@.txt --upgrade
	$(PYTHON) -m venv --clear .venv-$@
	.venv-$@/bin/python $(PIP) -r build/$@.txt
	.venv-$@/bin/python $(PIP) --no-deps --editable .
	.venv-$@/bin/python -m pytest -n $(PROCESSES)

# Of what torch needs of CUDA nothing is locked: torch itself asks for it, and a build for processors alone does not.
lock: $(UV)
	$(COMPILE) --custom-compile-command "make lock" --output-file requirements.txt
	$(COMPILE) --custom-compile-command "make lock" --group dev --constraints requirements.txt --output-file requirements-dev.txt
	sed -i.before -E '/^(cuda|nvidia|triton)/d' requirements.txt requirements-dev.txt
	rm requirements.txt.before requirements-dev.txt.before

$(APP): requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python $(PIP) -r requirements.txt
	$(BIN)/python $(PIP) --no-deps --editable .
	touch $@

$(TOOLS): $(APP) requirements-dev.txt
	$(BIN)/python $(PIP) -r requirements-dev.txt
	touch $@

$(UV):
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python $(PIP) uv

$(DOCS_INSTALLED): requirements-docs.txt
	test -x .venv-docs/bin/python || $(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python $(PIP) -r requirements-docs.txt
	touch $@
