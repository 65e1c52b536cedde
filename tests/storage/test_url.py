"""``STORAGE_URL``: the database without one, an object storage with one, and a clear error for a wrong one."""

from typing import Any

import pytest

from crm_project import storage_url

URL = "s3://AKIA1:se%2Fcret@crm-files/office/a?endpoint=https://storage.example.com:9000&region=eu-central-1"


def test_it_works() -> None:
    assert storage_url.parse("")["BACKEND"].endswith("DatabaseStorage")
    parsed = storage_url.parse(URL)
    assert parsed["BACKEND"].endswith("ObjectStorage")
    expected = {
        "access_key": "AKIA1",
        "secret_key": "se/cret",
        "bucket_name": "crm-files",
        "location": "office/a",
        "endpoint_url": "https://storage.example.com:9000",
        "region_name": "eu-central-1",
    }
    assert {**parsed["OPTIONS"], **expected} == parsed["OPTIONS"]
    assert not {"access_key", "endpoint_url"} & storage_url.parse("s3://crm-files")["OPTIONS"].keys()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://storage.example.com/bucket", "use s3://"),
        ("s3://", "use s3://"),
        ("s3://key-alone@bucket", "use s3://"),
        ("s3://bucket?regoin=x", "no option 'regoin'"),
        ("s3://bucket?endpoint=storage.example.com", "does not begin with https"),
    ],
)
def test_wrong_urls(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        storage_url.parse(url)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, *_: Any) -> None:
        return None

    monkeypatch.setattr(storage_url, "find_spec", missing)
    with pytest.raises(ValueError, match=r"pip install .django-storages\[s3\]"):
        storage_url.parse(URL)
