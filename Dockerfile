# The server as an image: docs/deploy.md, "Containers". BASE is any image with Python 3.11 or later and its module venv.
ARG BASE=docker.io/library/python:3.13-slim-bookworm

FROM ${BASE} AS build
WORKDIR /srv/crm
RUN python3 -m venv .venv
COPY requirements.lock .
# All dependencies have wheels: nothing is compiled, so there are no build tools to leave behind.
RUN .venv/bin/python -m pip install --no-cache-dir --only-binary :all: --require-hashes -r requirements.lock
COPY . .
RUN ENV_FILE= SECRET_KEY="$(.venv/bin/python -m crm_project.secrets print)" \
    .venv/bin/python manage.py collectstatic --noinput --verbosity 0 \
    && .venv/bin/python -m pip uninstall --yes --quiet pip setuptools \
    && .venv/bin/python -m compileall -q -j 0 .

FROM ${BASE}
WORKDIR /srv/crm
COPY --from=build /srv/crm .
# An image has no .env: settings are variables of the container. It runs on a read-only file system with a writable /tmp.
ENV ENV_FILE= HOST=0.0.0.0 PORT=8000 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 1000:1000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD [".venv/bin/python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health/live')"]
ENTRYPOINT [".venv/bin/python", "manage.py"]
CMD ["serve"]
