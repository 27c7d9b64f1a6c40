# make dashboard   open the app
# make test        run the tests
# make lint        check the style and the types
# make docs        build the documentation in build/site
# make tour        take the pictures of the app anew
# make lesson      compute the runs of the page Learn anew
# make notebooks   execute the notebooks anew and store their figures
# make results     write RESULTS.md from the runs of your store
#
# Each sets up .venv by itself, and again only when the requirements change. The documentation is built in .venv-docs:
# it is made from the files alone, and what builds it does not mix with what runs.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
DOCS_INSTALLED := .venv-docs/installed
# How many processes run tests at a time. Each starts workers and a browser of its own.
PROCESSES ?= 2

.PHONY: dashboard test lint docs tour lesson results notebooks

dashboard: $(INSTALLED)
	$(BIN)/clnp dashboard

test: $(INSTALLED)
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(DOCS_INSTALLED)
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict

tour: $(INSTALLED)
	$(BIN)/python -m tests.browser.tour

lesson: $(INSTALLED)
	$(BIN)/python -m clnp_core.lesson

notebooks: $(INSTALLED)
	$(BIN)/python -m notebooks.build

results: $(INSTALLED)
	$(BIN)/python -m clnp_core.results

$(INSTALLED): requirements.txt requirements-dev.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(DOCS_INSTALLED): requirements-docs.txt
	test -x .venv-docs/bin/python || $(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-docs.txt
	touch $@
