"""``STORAGE_URL`` as the entry "default" of Django's ``STORAGES``."""

from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

DATABASE = {"BACKEND": "crm_project.storage.database.DatabaseStorage"}
OBJECTS = "crm_project.storage.object_storage.ObjectStorage"
IN_MEMORY = 1 << 20  # bytes of a file that is read; a larger one is read into a temporary file
OPTIONS = {"endpoint": "endpoint_url", "region": "region_name", "addressing": "addressing_style"}
FORM = "use s3://key:secret@bucket/folder?endpoint=https://storage.example.com&region=eu-central-1"


def parse(url: str) -> dict[str, Any]:
    """Return the storage of ``url``; without one, the database.

    Raises ``ValueError`` with a message that does not contain the URL, which may have a password.
    """
    if not url:
        return dict(DATABASE)
    parts = urlsplit(url)
    given = parse_qs(parts.query, keep_blank_values=True)
    if parts.scheme != "s3" or not parts.hostname or bool(parts.username) != bool(parts.password):
        raise ValueError(FORM)
    if unknown := sorted(given.keys() - OPTIONS.keys()):
        raise ValueError(f"it has no option {unknown[0]!r}, only {', '.join(OPTIONS)}")
    if urlsplit(endpoint := given.get("endpoint", ["https:"])[-1]).scheme not in ("http", "https"):
        raise ValueError(f"its endpoint {endpoint!r} does not begin with https:// or http://")
    if find_spec("storages") is None or find_spec("boto3") is None:
        raise ValueError('the package is missing: .venv/bin/pip install "django-storages[s3]"')
    options: dict[str, Any] = {
        "bucket_name": parts.netloc.rpartition("@")[2],
        "location": unquote(parts.path).strip("/"),
        "default_acl": None,
        "file_overwrite": True,  # names are random
        "max_memory_size": IN_MEMORY,
        **{OPTIONS[name]: values[-1] for name, values in given.items()},
    }
    if parts.username and parts.password:  # otherwise those of the environment or of the machine's role
        options |= {"access_key": unquote(parts.username), "secret_key": unquote(parts.password)}
    return {"BACKEND": OBJECTS, "OPTIONS": options}
