"""The admin as an ASGI application: uvicorn ds_project.asgi:application"""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ds_project.settings")
application = get_asgi_application()
