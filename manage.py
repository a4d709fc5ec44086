#!/usr/bin/env python
"""Django's command line for the workbench."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from workbench.stack import StackError

    try:
        execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, StackError) as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
