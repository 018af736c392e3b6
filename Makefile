# Everything a user or a developer types. `make` alone lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TYPES := clients/typescript

.DEFAULT_GOAL := help
.PHONY: docs help run demo demo-dashboard test test-postgres16 test-debian17 test-pgbouncer test-newest test-cluster test-hosts test-upgrade soak check bench format configuration catalog translations document lock wheel sbom browser pgbouncer haproxy etcd iproute node clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort

run: $(VENV)/.run ## install, start an embedded PostgreSQL, migrate, serve
	@exec $(BIN)/guildhall serve

demo: $(VENV)/.run ## import real communities, print their leaderboards
	$(BIN)/python -m examples.demo

demo-dashboard: $(VENV)/.run ## make a guild full of people, and serve a dashboard that anybody can log in to
	@$(BIN)/python -m examples.demo_dashboard

# Where dates are reckoned with: nothing there may come out otherwise on another day. The rest (pages, browsers, servers
# with a PostgreSQL of their own) does not ask for the day.
ON_ANY_DAY := achievements activity audit auth cards events guilds idempotency imports leaderboards limits members \
	privacy properties public webhooks database/test_partitions.py

test: $(VENV)/.dev browser pgbouncer node ## install what is missing, run all tests; TODAY=2028-02-29: only those about dates, as on that day; DATABASE_URL=…: on that server, as a superuser
ifdef TODAY
	$(BIN)/python -m tests.support.today $(TODAY) $(addprefix tests/,$(ON_ANY_DAY))
else ifeq ($(origin DATABASE_URL),command line)
	@$(BIN)/python -m pytest --server='$(DATABASE_URL)'
else
	$(BIN)/python -m pytest
	@$(MAKE) --no-print-directory test-postgres16 test-pgbouncer
endif

# What leans on PostgreSQL more than on SQL, and may so differ from one release to the next: recording with its
# plan settings and the plans that they make, unlocking in the same transaction, partitions of ids, every migration
# up and down and the schema that it leaves, roles and what each connection asks for, boards and their plans,
# erasing across all tables. PostgreSQL 16 comes in the wheel of the embedded one, built without LLVM.
ON_POSTGRES_16 := activity/test_record.py activity/test_statements.py activity/test_upkeep.py \
	achievements/test_unlocking.py database/test_migrations.py \
	database/test_connections.py leaderboards/test_board.py privacy/test_erasing.py

test-postgres16: $(VENV)/.dev ## run the tests that lean on PostgreSQL most on the oldest that is served from, 16
	$(BIN)/python -m pytest -n 2 --postgres16 $(addprefix tests/,$(ON_POSTGRES_16))

test-debian17: $(VENV)/.dev ## run the same tests on Debian's PostgreSQL 17, with JIT (as root; installs a small Debian 13 once)
	@timeout 1800 sh tests/support/debian17.sh $(addprefix tests/,$(ON_POSTGRES_16))

# What a pooler could break: transactions and connections that are lost, statements that are prepared, settings of a
# transaction, advisory locks, notifications by LISTEN, COPY and large imports, leaderboards on connections of their own.
# Not how files are read, who may import or see what, what numbers come out, and servers with a PostgreSQL of their own.
BEHIND_PGBOUNCER := activity/test_record.py activity/test_concurrency.py achievements/test_unlocking.py \
	database/test_changes.py database/test_connections.py::test_server_is_the_one_asked_for \
	database/test_transaction.py events/test_ending.py events/test_order.py events/test_outbox.py events/test_stream.py \
	imports/test_export.py imports/test_lease.py imports/test_standings.py::test_many_rows_take_many_transactions \
	imports/test_uploads.py leaderboards/test_board.py leaderboards/test_folding.py \
	leaderboards/test_snapshots.py::test_what_takes_too_long \
	settings/test_http_concurrency.py::test_two_processes \
	settings/test_http_concurrency.py::test_who_loses_every_race_waits_in_line

test-pgbouncer: $(VENV)/.dev pgbouncer ## run the tests that a pooler could spoil behind PgBouncer, which lends connections by transactions
	$(BIN)/python -m pytest -n 2 --pgbouncer $(addprefix tests/,$(BEHIND_PGBOUNCER))

# What leans on the interpreter: docstrings and annotations (the OpenAPI document, routes, the table of settings), the
# event loop and its context variables (transactions that are cancelled), numbers, texts and dates (rules, schemas,
# files of imports), and one way through everything.
ON_NEWEST := architecture/test_openapi.py architecture/test_routes.py operation/test_configuration.py \
	database/test_transaction.py activity/test_rules.py settings/test_schemas.py imports/test_reading.py \
	activity/test_record.py

test-newest: $(VENV)/.dev ## run some tests on the newest installed Python (3.12 to 3.14)
	@sh tests/support/newest.sh $(addprefix tests/,$(ON_NEWEST))

soak: $(VENV)/.dev ## run random operations while connections are cut and processes killed; SEED=…: repeat a run, MINUTES=…: how long
	GUILDHALL_SOAK_SEED=$(SEED) GUILDHALL_SOAK_MINUTES=$(MINUTES) $(BIN)/python -m pytest -n 0 -s tests/soak

# Patroni lets PostgreSQL lead after 20 s without a leader at the earliest, so these tests take minutes.
test-cluster: $(VENV)/.dev $(VENV)-cluster/.cluster haproxy etcd iproute ## PostgreSQL under Patroni loses its leader, etcd and its network while clients work (six minutes; as root)
	@GUILDHALL_TEST_CLUSTER=1 timeout 1800 $(BIN)/python -m pytest -n 0 -s tests/cluster

test-hosts: $(VENV)/.dev haproxy iproute ## hosts behind HAProxy are renewed twenty times, killed and cut off, while clients work
	GUILDHALL_TEST_RESTARTS=20 $(BIN)/python -m pytest -n 0 -s tests/hosts

test-upgrade: $(VENV)/.dev haproxy ## hosts with each release's own code are upgraded to this version, while clients work (a minute each)
	GUILDHALL_TEST_UPGRADE=1 $(BIN)/python -m pytest -n 0 -s tests/hosts/test_upgrade.py

check: $(VENV)/.dev node ## format, lint, types, import contracts, migrations, advisories, TypeScript, the OpenAPI document
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.support.check_migrations
	$(BIN)/python -m tests.support.catalog --check
	$(BIN)/python -m tests.support.audit
	cd $(TYPES) && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent check

bench: $(VENV)/.dev ## compare Guildhall with hand-written servers (docs/benchmark.md)
	$(BIN)/python -m benchmarks

format: $(VENV)/.dev ## rewrite the code as ruff wants it
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

configuration: $(VENV)/.dev ## rewrite the table of docs/configuration.md
	$(BIN)/python -m tests.support.configuration

catalog: $(VENV)/.dev ## rewrite the schema that `guildhall doctor` expects, from the migrations
	$(BIN)/python -m tests.support.catalog

translations: $(VENV)/.dev ## update the catalogs in api/locale with the texts to translate
	$(BIN)/python -m tests.support.translations

document: $(VENV)/.dev node ## rewrite the snapshot of the OpenAPI document, and the TypeScript types
	$(BIN)/python -m api openapi > tests/architecture/openapi.json
	cd $(TYPES) && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent generate

lock: $(VENV)/.dev ## compile the exact versions of dependencies, with hashes
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--extra admin --extra cards --group build pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--extra admin --extra cards --extra otel --group build --group dev -c requirements.txt pyproject.toml -o requirements-dev.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--group docs -o requirements-docs.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--group cluster -o requirements-cluster.txt

docs: $(VENV)/.dev $(VENV)-docs/.docs node ## build the guide as a site in site/, and check its links
	$(BIN)/python -m tests.support.docs_site

$(VENV)-cluster/.cluster: requirements-cluster.txt $(VENV)/.dev
	@$(BIN)/uv venv -q --clear --python $(BIN)/python $(VENV)-cluster
	@$(BIN)/uv pip install -q --python $(VENV)-cluster --require-hashes -r $<
	@touch $@

$(VENV)-docs/.docs: requirements-docs.txt $(VENV)/.dev
	@$(BIN)/uv venv -q --clear --python $(BIN)/python $(VENV)-docs
	@$(BIN)/uv pip install -q --python $(VENV)-docs --require-hashes -r $<
	@touch $@

SBOM ?= dist/guildhall-server.cdx.json

wheel: $(VENV)/.dev sbom ## build the package in dist/, reproducibly, with its bill of materials
	@rm -f dist/*.whl
	@$(BIN)/python -m hatchling build -t wheel -d dist

sbom: $(VENV)/.dev ## write the bill of materials (CycloneDX), with licences
	@mkdir -p $(dir $(SBOM))
	@$(BIN)/python -m tests.support.bill_of_materials $(SBOM)

browser: ## install Debian's Chromium without windows, for tests in a browser
	@sh tests/support/install_package.sh chromium-headless-shell chromium-headless-shell chromium-browser google-chrome

haproxy: ## Debian's HAProxy, for the tests of several hosts
	@sh tests/support/install_package.sh haproxy haproxy /usr/sbin/haproxy

etcd: ## Debian's etcd, for the tests of a cluster
	@sh tests/support/install_package.sh etcd-server etcd

iproute: ## Debian's iproute2, for the tests of hosts with networks of their own
	@sh tests/support/install_package.sh iproute2 ip /usr/sbin/ip

pgbouncer: ## Debian's PgBouncer, for the tests behind a pooler
	@sh tests/support/install_package.sh pgbouncer "$${PGBOUNCER:-pgbouncer}" /usr/sbin/pgbouncer

node: $(TYPES)/node_modules/.package-lock.json ## install what TypeScript and the bot on discord.js need

$(TYPES)/node_modules/.package-lock.json: $(TYPES)/package-lock.json $(VENV)/.dev
	cd $(TYPES) && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --no-audit --no-fund
	@touch $@

$(VENV)/.run: requirements.txt pyproject.toml
	@PYTHON=$(PYTHON) sh bin/install.sh requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt pyproject.toml
	@PYTHON=$(PYTHON) sh bin/install.sh requirements-dev.txt
	@touch $@ $(VENV)/.run

clean: ## forget the virtual environment (the data stays)
	rm -rf $(VENV) $(VENV)-newest $(VENV)-docs $(VENV)-cluster .debian17
