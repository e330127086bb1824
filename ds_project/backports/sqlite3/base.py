"""SQLite for Django 4.2 and 5.0, with the two OPTIONS that Django 5.1 brought.

`transaction_mode` is how `atomic()` begins a transaction, `init_command` the SQL run on every new
connection: https://docs.djangoproject.com/en/5.1/ref/databases/#sqlite-notes
"""

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    def get_connection_params(self):
        params = super().get_connection_params()
        self.transaction_mode = params.pop("transaction_mode", "DEFERRED")
        self.init_command = params.pop("init_command", "")
        return params

    def get_new_connection(self, conn_params):
        connection = super().get_new_connection(conn_params)
        connection.executescript(self.init_command)
        return connection

    def _start_transaction_under_autocommit(self):
        self.cursor().execute(f"BEGIN {self.transaction_mode}")
