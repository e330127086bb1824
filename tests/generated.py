"""Files of users, products and orders, as many as asked for and the same for everybody."""

import csv
import random


def write_files(folder, records, *, bad=0.03, dangling=0.01, in_order=False):
    """Write users.csv, products.csv and orders.csv of so many records each into `folder`.

    Of the records, the share `bad` has a field that breaks a rule, and of the orders the share
    `dangling` refers to a user or a product that is in no file. References are spread at random,
    or, `in_order`, follow the order of the other files.
    """
    rng = random.Random(records)

    def faulty():
        return rng.random() < bad

    def reference(number):
        if rng.random() < dangling / 2:
            return records + number
        return number if in_order else rng.randint(1, records)

    def users():
        for n in range(1, records + 1):
            yield n, "" if faulty() else f"User {n}", f"user{n}@example.com"

    def products():
        for n in range(1, records + 1):
            yield n, f"Product {n}", "-1" if faulty() else f"{n % 1000 + 1}.{n % 100:02}"

    def orders():
        for n in range(1, records + 1):
            yield n, reference(n), reference(n), 0 if faulty() else n % 9 + 1

    for name, fields, rows in (
        ("users", ("id", "name", "email"), users()),
        ("products", ("id", "name", "price"), products()),
        ("orders", ("id", "user_id", "product_id", "quantity"), orders()),
    ):
        with open(f"{folder}/{name}.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(fields)
            writer.writerows(rows)
