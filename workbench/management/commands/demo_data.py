"""`manage.py demo_data`: accounts and data to look around with. Safe to repeat; refused outside a demo."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

import annotation.demo
import generator.demo
from workbench import demo
from workbench.models import User


class Command(BaseCommand):
    help = "Makes one account per role with a known password, and clips to label, for a demo on one machine."

    def handle(self, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError(
                "This is an installation (SITE_URL is set): accounts with known passwords are refused."
            )
        for account in demo.ACCOUNTS:
            user, made = User.objects.get_or_create(
                username=account.username,
                defaults={"email": f"{account.username}@demo.invalid", "role": account.role},
            )
            if made:
                user.set_password(demo.PASSWORD)
                user.save(update_fields=["password"])
        annotation.demo.load(User.objects.get(username=demo.MANAGER), self.stdout.write)
        generator.demo.load(User.objects.get(username=demo.ENGINEER), self.stdout.write)
