"""What the tests of the admin share."""

import re
from html import unescape

from django.contrib.auth.models import Permission
from django.contrib.auth.models import User as Account
from django.test import TestCase, override_settings
from django.urls import reverse

from ..cases import ALIASES


def url(model, page, *args):
    return reverse(f"admin:distributed_insert_{model._meta.model_name}_{page}", args=args)


@override_settings(ALLOWED_HOSTS=["testserver"])
class AdminTestCase(TestCase):
    databases = set(ALIASES)

    def setUp(self):
        self.client.force_login(Account.objects.create_superuser("admin"))

    def log_in_with(self, *codenames):
        """Become an account with nothing but these permissions."""
        account = Account.objects.create(username="clerk", is_staff=True)
        account.user_permissions.set(
            Permission.objects.filter(
                content_type__app_label="distributed_insert", codename__in=codenames
            )
        )
        self.client.force_login(account)

    def found(self, model, **query):
        """Return the ids of the records that the list shows, in the order of the list."""
        response = self.client.get(url(model, "changelist"), query)
        return [record.pk for record in response.context["cl"].result_list]

    def messages(self, response):
        """Return the messages on the page that the response leads to, as plain text."""
        page = self.client.get(response["Location"])
        return [
            (message.level_tag, unescape(re.sub("<[^>]*>", "", str(message))))
            for message in page.context["messages"]
        ]
