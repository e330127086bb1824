"""What can be loaded: a model with its rules, references and sample, one entry a model."""

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple, Type

from django.db import router
from django.db.models import Model

from . import references, sample_data, validation
from .models import Order, Product, User
from .sources.numbers import Numbers


@dataclass(frozen=True, eq=False)
class Dataset:
    model: Type[Model]
    rules: Callable[[Numbers], validation.Rules]
    sample: Sequence[Dict[str, Any]]
    references: Mapping[str, Type[Model]] = field(default_factory=dict)
    """The fields that point into other models."""

    @property
    def name(self) -> str:
        return self.model.__name__

    @property
    def plural(self) -> str:
        return str(self.model._meta.verbose_name_plural)

    @property
    def fields(self) -> List[str]:
        return [field.name for field in self.model._meta.concrete_fields]

    @property
    def using(self) -> str:
        """The alias of the database the model lives in."""
        return router.db_for_write(self.model)


# In the order in which results are shown.
DATASETS: Tuple[Dataset, ...] = (
    Dataset(Order, validation.order, sample_data.ORDERS, references.ORDER),
    Dataset(User, validation.user, sample_data.USERS),
    Dataset(Product, validation.product, sample_data.PRODUCTS),
)
