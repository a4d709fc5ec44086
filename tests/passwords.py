"""A quick password hash: the real one takes most of a second of a processor for every password, by design."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickHasher(PBKDF2PasswordHasher):
    """One round instead of a million. Processes with the real settings can check what it wrote."""

    iterations = 1
