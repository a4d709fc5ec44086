"""`manage.py create_manager`: the first account of an installation; that person invites the others."""

import getpass
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from workbench.models import Role, User


class Command(BaseCommand):
    help = "Makes a manager's account. The password is asked for, or read as one line from standard input."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("email")

    def handle(self, *, username: str, email: str, **options: Any) -> None:
        user = User(username=username, email=email, role=Role.MANAGER)
        password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        try:
            validate_password(password, user)
            user.set_password(password)
            user.full_clean(exclude=["pseudonym"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        user.save()
        self.stdout.write(f"{username} may sign in now, as manager.")
