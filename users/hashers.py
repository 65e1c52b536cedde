"""Password hashes: ours (Argon2id as OWASP recommends) and those the earlier server wrote with passlib.

passlib's strings may stand in the password column as they are; ``as_django`` puts the algorithm's name in front, which
Django's registry goes by. All of the old ones verify, and ``User.check_password`` replaces them at the first login.
"""

import base64
import hmac
from hashlib import sha256
from typing import Any

import bcrypt
from django.contrib.auth.hashers import Argon2PasswordHasher, BasePasswordHasher
from django.utils.crypto import constant_time_compare

BCRYPT_LONGEST = 72  # bytes; bcrypt itself ignores the rest, the library refuses it


class Argon2(Argon2PasswordHasher):
    """Argon2id with 19 MiB, two passes, one lane: OWASP's minimum, which keeps logins quick and workers small."""

    memory_cost = 19456
    time_cost = 2
    parallelism = 1


class PasslibBcrypt(BasePasswordHasher):
    """passlib's ``$2b$12$…`` (also ``$2a$`` and ``$2y$``)."""

    algorithm = "passlib_bcrypt"

    def encode(self, password: str, salt: str) -> str:
        """Never asked for: new hashes are Argon2's."""
        raise NotImplementedError("old hashes are only verified")

    def verify(self, password: str, encoded: str) -> bool:
        """Whether ``password`` makes this hash."""
        expected = encoded.removeprefix(self.algorithm).encode()
        return _bcrypt_matches(password.encode()[:BCRYPT_LONGEST], expected)

    def decode(self, encoded: str) -> dict[str, Any]:
        """The parts of the hash."""
        _, variant, rounds, data = encoded.split("$", 3)
        return {
            "algorithm": self.algorithm,
            "variant": variant,
            "work_factor": int(rounds),
            "checksum": data[22:],
            "salt": data[:22],
        }

    def safe_summary(self, encoded: str) -> Any:
        """What the admin may show of it."""
        return {"algorithm": self.algorithm}

    def must_update(self, encoded: str) -> bool:
        """Always: by an Argon2 hash."""
        return True

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Nothing: bcrypt is slow already."""


class PasslibBcryptSha256(PasslibBcrypt):
    """passlib's ``$bcrypt-sha256$v=2,t=2b,r=12$salt$checksum``, and version 1: ``$bcrypt-sha256$2b,12$…``."""

    algorithm = "passlib_bcrypt_sha256"

    def verify(self, password: str, encoded: str) -> bool:
        """Whether ``password`` makes this hash: bcrypt over its SHA-256, keyed with the salt in version 2."""
        parts = self.decode(encoded)
        if parts["version"] == 2:
            digest = hmac.new(parts["salt"].encode(), password.encode(), sha256).digest()
        else:
            digest = sha256(password.encode()).digest()
        expected = f"${parts['variant']}${parts['work_factor']:02d}${parts['salt']}{parts['checksum']}"
        return _bcrypt_matches(base64.b64encode(digest), expected.encode())

    def decode(self, encoded: str) -> dict[str, Any]:
        """The parts of the hash, of either version."""
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
    """``encoded`` with the name Django's registry needs in front, where it is one of passlib's."""
    if encoded.startswith("$argon2"):
        return "argon2" + encoded
    if encoded.startswith("$bcrypt-sha256$"):
        return PasslibBcryptSha256.algorithm + encoded
    if encoded.startswith(("$2a$", "$2b$", "$2y$")):
        return PasslibBcrypt.algorithm + encoded
    return encoded
