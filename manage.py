#!/usr/bin/env python
"""Django's command-line utility for this project."""

import os
import sys


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ds_project.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
        from django.db import Error
    except ImportError as error:
        sys.exit(
            f"Error: Django cannot be imported: {error}. Activate the virtual environment, "
            "or run: pip install -r requirements.txt"
        )
    try:
        execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, Error) as error:
        if "--traceback" in sys.argv:
            raise
        kind = "Database error" if isinstance(error, Error) else "Error"
        sys.exit(f"{kind}: {' '.join(str(error).split())}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)
