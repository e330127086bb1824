"""What is stored. Ids come with the records, since other databases refer to them.

An order's user and product are plain integers, since a foreign key cannot cross databases;
`datasets.py` says where they point.
"""

from django.core.validators import validate_email
from django.db import models


class User(models.Model):
    id = models.IntegerField("ID", primary_key=True)
    name = models.CharField(max_length=100)
    email = models.EmailField()
    # Django's validator refuses real international addresses; validation.py has the rule.
    email.validators.remove(validate_email)

    def __str__(self):
        return self.name


class Product(models.Model):
    id = models.IntegerField("ID", primary_key=True)
    name = models.CharField(max_length=100)
    price = models.FloatField()

    def __str__(self):
        return self.name


class Order(models.Model):
    id = models.IntegerField("ID", primary_key=True)
    user_id = models.IntegerField("user ID")
    product_id = models.IntegerField("product ID")
    quantity = models.IntegerField()

    def __str__(self):
        return f"Order {self.pk}"
