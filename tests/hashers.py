"""Password hashes for tests that are about something else: made and checked in no time."""

from users.hashers import Argon2


class QuickArgon2(Argon2):
    """Argon2id at the least it can be; the fixture ``real_hashing`` brings back what the product uses."""

    memory_cost = 8
    time_cost = 1
