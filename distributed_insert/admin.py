"""The three models in the admin; the router sends each to its own database."""

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminTextInputWidget
from django.db import models, router

from .datasets import DATASETS
from .references import does_not_exist, missing_ids
from .sources import TYPED


class RecordForm(forms.ModelForm):
    """Applies the rules and the reference checks of a load to the form."""

    def clean(self):
        super().clean()
        dataset = next(dataset for dataset in DATASETS if dataset.model is self._meta.model)
        for name, rule in dataset.rules(TYPED):
            if name in self.cleaned_data:
                _, errors = rule([self.cleaned_data[name]])
                if errors:
                    self.add_error(name, errors[0])
        for name, model in dataset.references.items():
            key = self.cleaned_data.get(name)
            if key is not None and missing_ids(model, router.db_for_read(model), [key]):
                self.add_error(name, does_not_exist(model, key))
        return self.cleaned_data


class RecordAdmin(admin.ModelAdmin):
    form = RecordForm
    # A browser's own check of addresses is as strict as Django's.
    formfield_overrides = {
        models.EmailField: {"form_class": forms.CharField, "widget": AdminTextInputWidget}
    }

    def get_readonly_fields(self, request, obj=None):
        """Saving under another id would make a copy."""
        return ["id"] if obj else []


for dataset in DATASETS:
    admin.site.register(
        dataset.model,
        RecordAdmin,
        fields=dataset.fields,
        list_display=dataset.fields,
        search_fields=dataset.fields,
    )
