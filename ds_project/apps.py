"""Names the accounts of the admin so that they are not taken for the users that are loaded."""

from django.contrib.auth.apps import AuthConfig


class AccountsConfig(AuthConfig):
    verbose_name = "Accounts for this site"

    def ready(self):
        super().ready()
        options = self.get_model("User")._meta
        options.verbose_name, options.verbose_name_plural = "account", "accounts"
