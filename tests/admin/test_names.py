from django.contrib.auth.models import Permission
from django.core.management import call_command

from distributed_insert.models import User

from .cases import AdminTestCase, url


class NamesTests(AdminTestCase):
    def test_the_accounts_of_the_admin_are_not_called_users(self):
        sections = self.client.get("/admin/").context["app_list"]
        self.assertEqual(
            [(section["name"], [m["name"] for m in section["models"]]) for section in sections],
            [
                ("Accounts for this site", ["Accounts", "Groups"]),
                ("Records in their own databases", ["Orders", "Products", "Users"]),
            ],
        )

    def test_each_page_says_which_it_shows(self):
        for page, title, section in (
            ("/admin/auth/user/", "Select account to change", "Accounts for this site"),
            (url(User, "changelist"), "Select user to change", "Records in their own databases"),
        ):
            with self.subTest(page=page):
                response = self.client.get(page)
                self.assertContains(response, f"<title>{title} | Distributed insert</title>")
                self.assertContains(response, f"{section}</a>\n")

    def test_the_permissions_tell_them_apart(self):
        # Before them stands the app, by its label in Django 4.2.
        permissions = Permission.objects.filter(codename="delete_user")
        self.assertEqual(
            sorted(str(permission).split(" | ", 1)[1] for permission in permissions),
            ["account | Can delete user", "user | Can delete user"],
        )

    def test_a_name_in_the_admin_is_no_migration(self):
        call_command("makemigrations", check=True, dry_run=True, verbosity=0)
