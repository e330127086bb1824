"""The three datasets by name, whatever others there are."""

from distributed_insert.datasets import dataset_of
from distributed_insert.models import Order, Product, User

ORDERS, USERS, PRODUCTS = map(dataset_of, (Order, User, Product))
