# make run: an agent learns, with the page open.  make test: every check.  Both prepare what they need in .venv the first time.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
NATIVE := $(shell find src/ludus/*/native -type f)
PAGE := src/ludus/serve/static/index.html
WEB := $(shell find web -name node_modules -prune -o -type f -print)

.PHONY: run test docs lint format clean

# Without Node there is no page, and all else works; ludus demo says so.
run: $(READY) $(if $(shell command -v npm),$(PAGE))
	$(BIN)/ludus demo

test: lint $(if $(shell command -v npm),$(PAGE))
	$(BIN)/pytest

docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --config-file configs/mkdocs.yml

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	if [ -d web/node_modules ]; then npm --prefix web run --silent check; fi

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf .venv .build

$(PAGE): $(WEB)
	cd web && npm ci --silent --no-audit --no-fund && npm run --silent build \
	    || echo 'The page could not be built, see above; everything else works without it.'

.venv/tools: constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt scikit-build-core nanobind cmake ninja
	touch $@

# The extension is rebuilt when its sources change; Python sources are used where they lie.
$(READY): .venv/tools pyproject.toml CMakeLists.txt $(NATIVE)
	$(BIN)/pip install --quiet --constraint constraints.txt --no-build-isolation --editable '.[dev,docs,export,games,learn,postgres,serve,sweep,video]'
	touch $@
