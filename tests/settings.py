"""The product's settings for tests, with a strong secret and without the developer's ``.env``."""

import os

os.environ["ENV_FILE"] = ""
os.environ.setdefault("SECRET_KEY", "tests-only-d41d8cd98f00b204e9800998ecf8427e-XyZ")

from crm_project.settings import *  # noqa: F403

# Otherwise WhiteNoise scans 1,100 static files for every test client, which was more than half of the suite's time.
WHITENOISE_AUTOREFRESH = True

if DATABASE_URL.startswith("sqlite"):  # noqa: F405
    DATABASES["default"]["TEST"] = {"NAME": ":memory:"}  # noqa: F405  # said, so that parallel runs do not name files
else:  # the data of tests need not outlive a crash
    DATABASES["default"]["OPTIONS"]["options"] += " -c synchronous_commit=off"  # noqa: F405

PASSWORD_HASHERS = ["tests.hashers.QuickArgon2", *PASSWORD_HASHERS[1:]]  # noqa: F405
INSTALLED_APPS = [*INSTALLED_APPS, "tests.quick_flush"]  # noqa: F405
