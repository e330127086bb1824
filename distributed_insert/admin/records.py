"""What the admin shows of a dataset, and how records are searched and edited."""

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminTextInputWidget
from django.db import models, router

from ..datasets import dataset_of
from ..references import does_not_exist, missing_ids
from ..sources import TYPED
from .deletion import ProtectingAdmin
from .filters import RangeFilter
from .links import LinkedList, link_column, link_row, may_view
from .search import help_text, search


class RecordForm(forms.ModelForm):
    """Applies the rules and the reference checks of a load to the form."""

    def clean(self):
        super().clean()
        dataset = dataset_of(self._meta.model)
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


class RecordAdmin(ProtectingAdmin):
    form = RecordForm
    # A browser's own check of addresses is as strict as Django's.
    formfield_overrides = {
        models.EmailField: {"form_class": forms.CharField, "widget": AdminTextInputWidget}
    }
    # A second count of the whole table on each page, and in Django 5 one per choice of a filter.
    show_full_result_count = False
    if hasattr(admin, "ShowFacets"):
        show_facets = admin.ShowFacets.NEVER

    def __init__(self, model, admin_site):
        super().__init__(model, admin_site)
        self.dataset = dataset_of(model)
        fields = {field.name: field for field in model._meta.concrete_fields}
        references = self.dataset.references
        self.ids = [self.dataset.key, *references]
        self.texts = [n for n, field in fields.items() if isinstance(field, models.CharField)]
        self.list_display = [
            link_column(field) if name in references else name for name, field in fields.items()
        ]
        self.list_filter = [
            (name, RangeFilter) for name in fields if name not in [*self.ids, *self.texts]
        ]
        self.search_fields = [*self.ids, *self.texts]
        self.search_help_text = help_text(
            [str(fields[name].verbose_name) for name in self.ids],
            [str(fields[name].verbose_name) for name in self.texts],
        )
        self.rows = {name: link_row(name, parent) for name, parent in references.items()}

    def get_changelist(self, request, **kwargs):
        return LinkedList

    def get_search_results(self, request, queryset, search_term):
        return search(queryset, search_term, self.ids, self.texts), False

    def get_fields(self, request, obj=None):
        """What a record refers to is shown below the id, on the page of a stored record."""
        fields = []
        for name in self.dataset.fields:
            fields.append(name)
            if obj and name in self.rows and may_view(request, self.dataset.references[name]):
                fields.append(self.rows[name])
        return fields

    def get_readonly_fields(self, request, obj=None):
        """Saving under another id would make a copy."""
        return ["id", *self.rows.values()] if obj else []
