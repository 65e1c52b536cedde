"""A fast password hasher for tests of other things."""

from users.hashers import Argon2


class QuickArgon2(Argon2):
    """Argon2id with minimal parameters. The fixture ``real_hashing`` restores the product's hasher."""

    memory_cost = 8
    time_cost = 1
