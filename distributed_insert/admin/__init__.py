"""The models in the admin; the router sends each to its own database."""

from django.contrib import admin

from ..datasets import DATASETS
from .records import RecordAdmin

for dataset in DATASETS:
    admin.site.register(dataset.model, RecordAdmin)
