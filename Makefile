# Everything a developer runs. `make help` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON_IN_VENV := .venv/bin/python
# Temporary files in memory: tests are faster, and nothing opened ever reaches the disk.
IN_MEMORY := $(if $(TMPDIR),$(TMPDIR),$(if $(wildcard /dev/shm),/dev/shm,/tmp))

.PHONY: help
help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: venv
venv: ## make .venv with everything the product and its tests need
	@bin/venv dev

.PHONY: run
run: ## start the product on this machine; PORT=8010 chooses another port
	@bin/venv
	@exec $(PYTHON_IN_VENV) -m securemail.cli run

.PHONY: test
test: venv ## lint, types and every test, browser and PostgreSQL included
	@bin/setup-test-machine
	@$(MAKE) --no-print-directory lint types
	TMPDIR=$(IN_MEMORY) $(PYTHON_IN_VENV) -m pytest -q -n 2 --dist loadfile

.PHONY: test-fast
test-fast: venv ## the tests without browser and PostgreSQL, in under a minute
	TMPDIR=$(IN_MEMORY) $(PYTHON_IN_VENV) -m pytest -q -n 2 -m "not browser and not postgres and not slow"

.PHONY: lint
lint: venv ## look for mistakes and untidiness
	$(PYTHON_IN_VENV) -m ruff check .

.PHONY: types
types: venv ## check the types
	$(PYTHON_IN_VENV) -m mypy

.PHONY: fuzz
fuzz: venv ## a million damaged blobs against every format (long)
	TMPDIR=$(IN_MEMORY) FUZZ_BLOBS=1000000 $(PYTHON_IN_VENV) -m pytest -q tests/crypto -k fuzz

.PHONY: screenshots
screenshots: venv ## a picture of every page and state, in var/screenshots
	@bin/setup-test-machine
	TMPDIR=$(IN_MEMORY) $(PYTHON_IN_VENV) -m tests.screenshots

.PHONY: bench-inbox
bench-inbox: venv ## how fast the inbox is, as ratios, on both databases
	TMPDIR=$(IN_MEMORY) $(PYTHON_IN_VENV) -m benchmarks.inbox

.PHONY: bench-login
bench-login: venv ## what fifty log-ins at once take of memory and of other people's time
	TMPDIR=$(IN_MEMORY) $(PYTHON_IN_VENV) -m benchmarks.login

.PHONY: bench-timing
bench-timing: venv ## whether the time of an answer tells what the answer does not, on both databases
	TMPDIR=$(IN_MEMORY) $(PYTHON_IN_VENV) -m benchmarks.timing

.PHONY: bench-clean
bench-clean: venv ## delete the databases that bench-inbox filled
	$(PYTHON_IN_VENV) -m benchmarks.clean

.PHONY: migration
migration: venv ## write a migration from the tables: make migration NAME="add notes"
	$(PYTHON_IN_VENV) bin/migration "$(NAME)"

.PHONY: messages
messages: venv ## collect the words of the interface into the English catalogue
	$(PYTHON_IN_VENV) bin/messages

.PHONY: vendor
vendor: venv ## fetch the vendored files again and check them against the manifest
	$(PYTHON_IN_VENV) bin/vendor

.PHONY: renew-secret
renew-secret: venv ## sign and seal anew what hangs on an older SECUREMAIL_SECRET
	@SECUREMAIL_ENV=development $(PYTHON_IN_VENV) -m securemail.cli renew-secret

.PHONY: setup-link
setup-link: venv ## print the link that sets up the organisation on this machine
	@SECUREMAIL_ENV=development $(PYTHON_IN_VENV) -m securemail.cli setup-link
