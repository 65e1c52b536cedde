"""Password hashers: Argon2id as OWASP recommends it, and the formats that the earlier server wrote with passlib.

The password column may contain passlib's strings unchanged; ``as_django`` adds the algorithm's name, which Django's
registry needs. Old hashes verify, and ``User.check_password`` replaces them at the first login.
"""

import base64
import hmac
from hashlib import sha256
from typing import Any

import bcrypt
from django.contrib.auth.hashers import Argon2PasswordHasher, BasePasswordHasher
from django.utils.crypto import constant_time_compare

BCRYPT_MAX_BYTES = 72  # bcrypt ignores the rest of a password, the library rejects it
# Verifying a password against this takes as long as against a user's hash. No known password matches it.
UNMATCHABLE_HASH = "argon2$argon2id$v=19$m=19456,t=2,p=1$ZHVtbXlkdW1teWR1bW15$" + "A" * 43


class Argon2(Argon2PasswordHasher):
    """Argon2id with 19 MiB, two passes and one lane: OWASP's minimum, for fast logins and small workers."""

    memory_cost = 19456
    time_cost = 2
    parallelism = 1


class PasslibBcrypt(BasePasswordHasher):
    """Verifies passlib's ``$2b$12$…`` (also ``$2a$`` and ``$2y$``)."""

    algorithm = "passlib_bcrypt"

    def encode(self, password: str, salt: str) -> str:
        """Raise ``NotImplementedError``: new hashes are made by ``Argon2``."""
        raise NotImplementedError("this hasher only verifies")

    def verify(self, password: str, encoded: str) -> bool:
        """Return whether the hash is that of ``password``."""
        expected = encoded.removeprefix(self.algorithm).encode()
        return _bcrypt_matches(password.encode()[:BCRYPT_MAX_BYTES], expected)

    def decode(self, encoded: str) -> dict[str, Any]:
        """Return the parts of the hash."""
        _, variant, rounds, data = encoded.split("$", 3)
        return {
            "algorithm": self.algorithm,
            "variant": variant,
            "work_factor": int(rounds),
            "checksum": data[22:],
            "salt": data[:22],
        }

    def safe_summary(self, encoded: str) -> Any:
        """Return what the admin may show."""
        return {"algorithm": self.algorithm}

    def must_update(self, encoded: str) -> bool:
        """Return ``True``: an Argon2 hash replaces it."""
        return True

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Do nothing: bcrypt is slow enough."""


class PasslibBcryptSha256(PasslibBcrypt):
    """Verifies passlib's ``$bcrypt-sha256$v=2,t=2b,r=12$salt$checksum``, and version 1: ``$bcrypt-sha256$2b,12$…``."""

    algorithm = "passlib_bcrypt_sha256"

    def verify(self, password: str, encoded: str) -> bool:
        """Return whether the hash is bcrypt of the password's SHA-256, which version 2 keys with the salt."""
        parts = self.decode(encoded)
        if parts["version"] == 2:
            digest = hmac.new(parts["salt"].encode(), password.encode(), sha256).digest()
        else:
            digest = sha256(password.encode()).digest()
        expected = f"${parts['variant']}${parts['work_factor']:02d}${parts['salt']}{parts['checksum']}"
        return _bcrypt_matches(base64.b64encode(digest), expected.encode())

    def decode(self, encoded: str) -> dict[str, Any]:
        """Return the parts of the hash, of either version."""
        _, _, config, salt, checksum = encoded.split("$", 4)
        options = dict(part.split("=") for part in config.split(",")) if "=" in config else {}
        variant, rounds = (options["t"], options["r"]) if options else config.split(",")
        return {
            "algorithm": self.algorithm,
            "version": int(options.get("v", 1)),
            "variant": variant,
            "work_factor": int(rounds),
            "salt": salt,
            "checksum": checksum,
        }


def _bcrypt_matches(secret: bytes, expected: bytes) -> bool:
    try:
        return constant_time_compare(bcrypt.hashpw(secret, expected), expected)
    except ValueError:  # a damaged hash
        return False


def as_django(encoded: str) -> str:
    """Return ``encoded`` with the algorithm's name that Django's registry needs, if passlib wrote it."""
    if encoded.startswith("$argon2"):
        return "argon2" + encoded
    if encoded.startswith("$bcrypt-sha256$"):
        return PasslibBcryptSha256.algorithm + encoded
    if encoded.startswith(("$2a$", "$2b$", "$2y$")):
        return PasslibBcrypt.algorithm + encoded
    return encoded
