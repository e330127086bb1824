"""Deleting: a record stays while records in other databases refer to it, as with PROTECT."""

from django.contrib import admin, messages
from django.contrib.admin import actions
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import model_ngettext
from django.db import router, transaction
from django.db.models import ProtectedError
from django.utils.html import format_html
from django.utils.translation import gettext_lazy

from ..references import delete_unreferenced, records_that_refer_to
from .links import link, may_view

SHOWN = 20
MAX_SELECTED = 1000


class ProtectingAdmin(admin.ModelAdmin):
    # Takes the place of the site's action of this name.
    actions = ["delete_selected"]

    def get_deleted_objects(self, objs, request):
        to_delete, model_count, perms_needed, protected = super().get_deleted_objects(objs, request)
        return to_delete, model_count, perms_needed, protected + self.references_to(objs, request)

    def references_to(self, objs, request):
        """List who refers to the objects, in bounds: for each model the number and the first."""
        lines = []
        for records in records_that_refer_to(self.model, [obj.pk for obj in objs]):
            count = records.count()
            if count:
                is_linked = may_view(request, records.model)
                more = f", the first {SHOWN} of them:" if count > SHOWN else ":"
                lines += [
                    f"{count:,} {model_ngettext(records, count)}{more}",
                    [
                        link(records.model, record.pk, record) if is_linked else str(record)
                        for record in records.order_by("pk")[:SHOWN]
                    ],
                ]
        return lines

    def delete_view(self, request, object_id, extra_context=None):
        return unless_referred_to(super().delete_view, request, object_id, extra_context)

    @admin.action(
        permissions=["delete"],
        description=gettext_lazy("Delete selected %(verbose_name_plural)s"),
    )
    def delete_selected(self, request, queryset):
        count = queryset.count()
        if count > MAX_SELECTED:
            self.message_user(request, self.too_many(count), messages.ERROR)
            return None
        return unless_referred_to(actions.delete_selected, self, request, queryset)

    def too_many(self, count):
        """Say that so many are not deleted here, and how they can be."""
        model = self.model
        plural = model._meta.verbose_name_plural
        if count == model._base_manager.count():
            which, records = f"all {plural}", "all()"
        else:
            which, records = f"the {plural} that match your condition in filter()", "filter(pk=0)"
        command = (
            f"from {model.__module__} import {model.__name__}; "
            f"from {delete_unreferenced.__module__} import {delete_unreferenced.__name__}; "
            f"print({delete_unreferenced.__name__}({model.__name__}.objects.{records}))"
        )
        return format_html(
            "{} {} are selected, and at most {} can be deleted at a time here. Nothing was "
            "deleted. This command deletes {}, except those that other records refer to, and prints"
            ' how many it has deleted: <code>python manage.py shell -v 0 -c "{}"</code>',
            *(f"{count:,}", plural, f"{MAX_SELECTED:,}", which, command),
        )

    def delete_model(self, request, obj):
        self.refuse_referenced([obj])
        super().delete_model(request, obj)

    def delete_queryset(self, request, queryset):
        self.refuse_referenced(queryset)
        super().delete_queryset(request, queryset)

    def refuse_referenced(self, objs):
        """Raise ProtectedError if any record refers to one of the objects."""
        for records in records_that_refer_to(self.model, [obj.pk for obj in objs]):
            found = list(records.order_by("pk")[:SHOWN])
            if found:
                names = (self.opts.verbose_name_plural, records.model._meta.verbose_name_plural)
                raise ProtectedError("Cannot delete {}: {} refer to them.".format(*names), found)


def unless_referred_to(view, *arguments):
    """Return the response of a view that logs a deletion and does it: both, or neither.

    If something came to refer to the objects after the view had asked, the view is asked again,
    and shows it.
    """
    try:
        with transaction.atomic(using=router.db_for_write(LogEntry)):
            return view(*arguments)
    except ProtectedError:
        return view(*arguments)
