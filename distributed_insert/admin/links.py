"""Links from a record to what it refers to."""

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_permission_codename
from django.db import router
from django.urls import reverse
from django.utils.html import format_html

from ..references import does_not_exist, missing_ids


def may_view(request, model):
    options = model._meta
    return any(
        request.user.has_perm(f"{options.app_label}.{get_permission_codename(action, options)}")
        for action in ("view", "change")
    )


def link(model, key, text):
    """Return a link to the page of a record in the admin."""
    options = model._meta
    page = reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[key])
    return format_html('<a href="{}">{}</a>', page, text)


class LinkedList(ChangeList):
    """A page of records, each with the models that its references lead to, by field name.

    One question per page and model says which ids exist.
    """

    def get_results(self, request):
        super().get_results(request)
        for record in self.result_list:
            record.linked = {}
        for name, parent in self.model_admin.dataset.references.items():
            if may_view(request, parent):
                ids = {getattr(record, name) for record in self.result_list}
                missing = missing_ids(parent, router.db_for_read(parent), ids)
                for record in self.result_list:
                    if getattr(record, name) not in missing:
                        record.linked[name] = parent


def link_column(field):
    """Return a column with the id in a field as a link, or as text if it leads nowhere."""

    @admin.display(description=field.verbose_name, ordering=field.name)
    def column(record):
        key = getattr(record, field.name)
        parent = record.linked.get(field.name)
        return link(parent, key, key) if parent else key

    column.__name__ = field.name
    return column


def link_row(name, parent):
    """Return a read-only row of a form with a link to the record that the field refers to."""

    @admin.display(description=parent._meta.verbose_name)
    def row(record):
        key = getattr(record, name)
        found = parent._base_manager.filter(pk=key).first()
        return link(parent, key, found) if found else does_not_exist(parent, key)

    row.__name__ = f"{name}_link"
    return row
