# `make run` is all a new machine needs: Python 3.11 or later and this. Settings are in .env (see .env.example).

PYTHON ?= python3
TEST_DATABASE_URL ?= postgresql://postgres@127.0.0.1:5432/crm
# "required" makes `make test` and `make test-all` fail without a PostgreSQL server instead of passing its half by.
POSTGRES ?= optional

# Another series of Django than that of requirements.lock, such as 6.0, for a new .venv; see CONTRIBUTING.md
DJANGO ?=

# What a run of the tests takes beside: for instance ARGS="tests/users -k login", or ARGS="-n 0" for one process.
ARGS ?=

VENV := .venv
PY := $(VENV)/bin/python
INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check
STATIC := $(shell find . -path ./$(VENV) -prune -o -path ./staticfiles -prune -o -name node_modules -prune -o -type d -name static -exec find {} -type f \;)

# What a production machine would set; nothing of .env counts for checks and tests.
PRODUCTION := ENV_FILE= SECRET_KEY=$$($(PY) -m crm_project.secrets print) HTTPS=true ALLOWED_HOSTS=crm.example.com \
	REGISTRATION_OPEN=false DATABASE_URL=sqlite:///$(VENV)/check.db

# Everything that is quick; then the rest, and the properties again with many more examples. Quick tests that use no
# database are run again only by `make test-all`. What does not depend on the kind of database, such as pages in a
# browser, clients and properties of functions, is run on SQLite only.
FAST := -m "not slow"
FAST_AGAIN := -m "not slow and not no_database and not any_database"
# What is run through a pooler: the quick tests of the API.
POOLED := -m "not slow" tests/leads tests/activities tests/users tests/dashboard tests/api
# The rest waits for servers and pages, so it has half as many processes more than the machine has cores.
REST_PROCESSES = $(shell expr $$(getconf _NPROCESSORS_ONLN) '*' 3 / 2)
REST = -m "slow or hypothesis" --hypothesis-profile=all --numprocesses $(REST_PROCESSES)
REST_AGAIN = -m "(slow or hypothesis or no_database) and not any_database and not (hypothesis and no_database)" \
	--hypothesis-profile=again --numprocesses $(REST_PROCESSES)
# Bytecode of rewritten assertions is written even where the environment says not to: it halves the start.
PYTEST := PYTHONDONTWRITEBYTECODE= $(PY) -m pytest --numprocesses auto --dist worksteal

.PHONY: run install admin demo secret check test test-sqlite test-postgresql test-all rest-sqlite rest-postgresql test-pooled client generators bench bench-quick torture screenshots lock audit clean

run: $(VENV)/.run .env-ready staticfiles/.collected  ## install what is missing, then serve; ARGS=--new-secret after a change of SECRET_KEY
	@exec $(PY) manage.py serve $(ARGS)

install: $(VENV)/.run .env-ready staticfiles/.collected  ## install what is missing, for a server that systemd starts

admin: $(VENV)/.run .env-ready  ## make an administrator, who may enter /admin/
	@$(PY) manage.py migrate --verbosity 0
	@$(PY) manage.py createsuperuser $(ARGS)

demo: $(VENV)/.run .env-ready  ## fill an empty database with believable sample data
	@$(PY) manage.py migrate --verbosity 0
	@$(PY) manage.py demo $(ARGS)

secret: $(VENV)/.run  ## print a good SECRET_KEY
	@$(PY) -m crm_project.secrets print

check: $(VENV)/.dev  ## lint, types, migrations, deployment settings, OpenAPI document
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(PRODUCTION) $(VENV)/bin/mypy .
	$(PRODUCTION) $(PY) manage.py makemigrations --check --dry-run
	$(PRODUCTION) $(PY) manage.py check --deploy --fail-level WARNING
	$(PRODUCTION) $(PY) manage.py spectacular --validate --fail-on-warn --file /dev/null

test: test-sqlite test-postgresql  ## the quick tests, on SQLite and then on PostgreSQL: minutes

test-all: test rest-sqlite rest-postgresql test-pooled  ## those, and browsers, servers, kills, fuzzing, migrations: half an hour

test-sqlite: $(VENV)/.dev
	$(call on-sqlite,$(FAST))

test-postgresql: $(VENV)/.dev
	$(call on-postgresql,$(FAST_AGAIN))

rest-sqlite: $(VENV)/.dev client generators
	$(call on-sqlite,$(REST))

rest-postgresql: $(VENV)/.dev client generators
	$(call on-postgresql,$(REST_AGAIN))

test-pooled: $(VENV)/.dev  ## quick tests of the API through PgBouncer in transaction mode, if it is installed
	PYTHONDONTWRITEBYTECODE= DATABASE_URL=$(TEST_DATABASE_URL) $(PY) -m tests.pooler \
		$(PY) -m pytest --numprocesses auto --dist worksteal $(POOLED) $(ARGS)

define on-sqlite
DATABASE_URL=sqlite:///app.db $(PYTEST) $(1) $(ARGS)
endef

define on-postgresql
@if DATABASE_URL=$(TEST_DATABASE_URL) $(PY) -m tests.postgresql; then \
	echo 'DATABASE_URL=<TEST_DATABASE_URL> $(PYTEST) $(1) $(ARGS)'; \
	DATABASE_URL=$(TEST_DATABASE_URL) $(PYTEST) $(1) $(ARGS); \
elif [ "$(POSTGRES)" = required ]; then \
	echo 'No PostgreSQL server answers at TEST_DATABASE_URL, and POSTGRES=required.' >&2; exit 1; \
else \
	echo 'SKIPPED the PostgreSQL half: no server answers at TEST_DATABASE_URL. Only SQLite was tested.'; \
fi
endef

client: tests/client/node_modules/.installed  ## what the tests of the TypeScript client need

generators: tests/generators/node_modules/.installed $(VENV)/.generators  ## what the tests of client generators need

bench: $(VENV)/.dev  ## measure at 10k, 100k and 1M leads on PostgreSQL, into benchmarks/RESULTS.md; see benchmarks/README.md
	$(PY) -m benchmarks --save $(ARGS)

bench-quick: $(VENV)/.dev  ## the same with 10k leads and one round: before and after a change
	$(PY) -m benchmarks --leads 10000 --rounds 1 --seconds 1 $(ARGS)

torture: $(VENV)/.dev  ## kill everything at random moments, at length, and write the figures into docs/reliability.md
	DATABASE_URL=sqlite:///app.db $(PY) -m tests.torture --save $(ARGS)

screenshots: $(VENV)/.dev  ## take the pictures of the documents, from sample data; needs Chromium
	ENV_FILE= $(PY) -m tests.browser.pictures

lock: $(VENV)/.tools  ## after a change of requirements.txt: requirements.lock anew
	CUSTOM_COMPILE_COMMAND='make lock' $(VENV)/tools/bin/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe \
		--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --output-file requirements.lock requirements.txt $(ARGS)

audit: $(VENV)/.tools  ## are there known holes in what requirements.lock names? Needs the network, and says so without
	@$(VENV)/tools/bin/pip-audit --strict --progress-spinner off --disable-pip --require-hashes -r requirements.lock

clean:  ## remove what was installed and generated; .env and the data stay
	rm -rf $(VENV) staticfiles tests/*/node_modules tests/*/build .pytest_cache .mypy_cache .ruff_cache .hypothesis .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Python 3.11 or later is needed; name one: make PYTHON=python3.12 $(MAKECMDGOALS)' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo 'Python cannot make virtual environments (Debian: apt install python3-venv).' >&2; exit 1; }

$(VENV)/.run: requirements.lock | $(PY)
	@echo 'Installing what requirements.lock names …'
	@$(INSTALL) --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements.lock requirements-dev.txt | $(PY)
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) -r requirements-dev.txt
	$(if $(DJANGO),@$(INSTALL) "django==$(DJANGO).*")
	@touch $@ $(VENV)/.run

# The tools' own dependencies stay out of what is tested.
$(VENV)/.tools: | $(PY)
	@$(PY) -m venv $(VENV)/tools
	@$(VENV)/tools/bin/python -m pip install --quiet --disable-pip-version-check pip-tools==7.6.2 pip-audit==2.10.1
	@touch $@

.PHONY: .env-ready
.env-ready: $(VENV)/.run
	@$(PY) -m crm_project.secrets

staticfiles/.collected: $(VENV)/.run $(STATIC) | .env-ready
	@$(PY) manage.py collectstatic --noinput --clear --verbosity 0
	@touch $@

tests/%/node_modules/.installed: tests/%/package-lock.json
	@if command -v npm >/dev/null; then \
		cd tests/$* && npm ci --silent --no-audit --no-fund --ignore-scripts && touch node_modules/.installed; \
	else echo 'No npm here: the tests in tests/$* will be skipped.'; fi

$(VENV)/.generators: tests/generators/requirements.txt | $(PY)
	@$(PY) -m venv $(VENV)/generators
	@$(VENV)/generators/bin/python -m pip install --quiet --disable-pip-version-check -r tests/generators/requirements.txt
	@touch $@
