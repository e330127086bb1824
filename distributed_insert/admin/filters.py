"""A filter by size, which needs no list of the values."""

from django.contrib import admin

# By what the URL says: the label and the lookups.
RANGES = {
    None: ("All", {}),
    "-10": ("under 10", {"lt": 10}),
    "10-100": ("10 to under 100", {"gte": 10, "lt": 100}),
    "100-1000": ("100 to under 1,000", {"gte": 100, "lt": 1000}),
    "1000-": ("1,000 or more", {"gte": 1000}),
}


class RangeFilter(admin.FieldListFilter):
    def __init__(self, field, request, params, model, model_admin, field_path):
        self.parameter = f"{field_path}_range"
        self.chosen = request.GET.get(self.parameter)
        super().__init__(field, request, params, model, model_admin, field_path)

    def expected_parameters(self):
        return [self.parameter]

    def choices(self, changelist):
        for value, (label, _) in RANGES.items():
            yield {
                "selected": self.chosen == value,
                "query_string": changelist.get_query_string({self.parameter: value}),
                "display": label,
            }

    def queryset(self, request, queryset):
        _, lookups = RANGES.get(self.chosen, RANGES[None])
        return queryset.filter(
            **{f"{self.field_path}__{lookup}": bound for lookup, bound in lookups.items()}
        )
