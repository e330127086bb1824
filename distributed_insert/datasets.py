"""What can be loaded: a model with its rules, references and sample, one entry per model."""

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterable, List, Mapping, Sequence, Tuple, Type

from django.db import router
from django.db.models import Model

from . import sample_data, validation
from .models import Order, Product, User


@dataclass(frozen=True, eq=False)
class Dataset:
    model: Type[Model]
    rules: Callable[[validation.NumberParser], validation.Rules]
    sample: Sequence[Dict[str, Any]]
    references: Mapping[str, Type[Model]] = field(default_factory=dict)
    """The referenced model, by field name."""

    @property
    def name(self) -> str:
        return self.model.__name__

    @property
    def plural(self) -> str:
        """What the option and the file of rejects are called."""
        return str(self.model._meta.verbose_name_plural).replace(" ", "_")

    @property
    def fields(self) -> List[str]:
        return [field.name for field in self.model._meta.concrete_fields]

    @property
    def floats(self) -> List[str]:
        """The names of the fields that hold any number."""
        fields = self.model._meta.concrete_fields
        return [field.name for field in fields if field.get_internal_type() == "FloatField"]

    @property
    def key(self) -> str:
        """The name of the field that identifies a record."""
        return self.model._meta.pk.name

    @property
    def using(self) -> str:
        """The alias of the database the model lives in."""
        return router.db_for_write(self.model)


# In the order in which results are shown.
DATASETS: Tuple[Dataset, ...] = (
    Dataset(
        Order, validation.order_rules, sample_data.ORDERS, {"user_id": User, "product_id": Product}
    ),
    Dataset(User, validation.user_rules, sample_data.USERS),
    Dataset(Product, validation.product_rules, sample_data.PRODUCTS),
)


def dataset_of(model: Type[Model]) -> Dataset:
    return next(dataset for dataset in DATASETS if dataset.model is model)


def parents_first(datasets: Iterable[Dataset]) -> List[Dataset]:
    """Return datasets in an order in which each comes after those of them that it refers to."""
    by_model = {dataset.model: dataset for dataset in datasets}
    ordered: Dict[Dataset, None] = {}

    def add(dataset):
        for parent in dataset.references.values():
            if parent in by_model:
                add(by_model[parent])
        ordered[dataset] = None

    for dataset in by_model.values():
        add(dataset)
    return list(ordered)
