"""The pages of one model, and what they say where PostgreSQL refuses."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table
from sqlalchemy.exc import CircularDependencyError, DBAPIError
from sqlalchemy.orm import Mapper
from starlette.requests import Request
from starlette_admin.contrib.sqla import ModelView
from starlette_admin.exceptions import ActionFailed, FormValidationError
from starlette_admin.fields import JSONField

from .fields import AsEntered, fields_of

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_SAID = {
    "22001": "This is too long",
    "23001": "Other rows refer to it",
    "23502": "A value is missing",
    "23503": "Other rows refer to it, or what it refers to is gone",
    "23505": "There is another row with this value",
    "23514": "This value is not allowed",
    "23P01": "It overlaps with another row",
}
_NAMES = ("name", "title", "label", "email", "slug", "code")


class TableView(ModelView):
    """A list, a page and forms for the rows of one model."""

    exporters = ()
    importers = ()

    def __init__(self, mapper: Mapper[Any], keys: Mapping[Mapper[Any], str]) -> None:
        """Take the model, and the parts of the path for all of them."""
        self._mapper = mapper
        self.fields = fields_of(mapper, keys)
        self.searchable_fields = self._allowed("searchable")
        self.sortable_fields = self._allowed("orderable")
        key = (mapper.get_property_by_column(column) for column in mapper.primary_key)
        self.fields_default_sort = [attribute.key for attribute in key]
        name = keys[mapper]
        label = name.replace("_", " ").capitalize()
        super().__init__(mapper.class_, key=name, menu_label=label)

    def _allowed(self, what: str) -> list[str]:
        fields = {field.name: field for field in self.fields}
        columns = fields.keys() & self._mapper.column_attrs.keys()
        return [key for key in fields if key in columns and getattr(fields[key], what)]

    async def repr(self, obj: object, request: Request) -> str:
        """Return what a person calls the row."""
        if hasattr(obj, "__admin_repr__"):
            return str(await super().repr(obj, request))
        names = (getattr(obj, name, None) for name in _NAMES)
        key = await self.get_serialized_pk_value(request, obj)
        return str(next(filter(None, names), f"{self.display_name} {key}"))

    async def find_by_pk(self, request: Request, pk: object) -> object:
        """Return the row, or None where the key is none of this table."""
        try:
            return await super().find_by_pk(request, pk)
        except (TypeError, ValueError):
            return None

    async def before_create(
        self,
        request: Request,
        data: dict[str, Any],
        obj: object,
    ) -> None:
        """Give the model what was entered, and leave the rest to the column."""
        await self.before_edit(request, data, obj)
        for field in self.get_fields_list(request):
            # Here None would be the null of JSON, elsewhere it is the default.
            if isinstance(field, JSONField) and data.get(field.name) is None:
                delattr(obj, field.name)

    async def before_edit(
        self,
        request: Request,
        data: dict[str, Any],
        obj: object,
    ) -> None:
        """Give the model what was entered as text."""
        for field in self.get_fields_list(request):
            entered = data.get(field.name)
            if isinstance(field, AsEntered) and entered is not None:
                setattr(obj, field.name, field.as_stored(entered))
            column = self._mapper.columns.get(field.name)
            # A form cannot tell NULL from an empty text.
            if entered == "" and column is not None and column.nullable:
                setattr(obj, field.name, None)

    async def handle_exception(self, request: Request, exc: Exception) -> None:
        """Turn what PostgreSQL or the model refuses into a message of the form."""
        if said := _said(exc):
            raise FormValidationError({self._field_of(request, exc): said}) from exc
        raise exc

    async def delete(self, request: Request, pks: list[Any]) -> int | None:
        """Delete rows, or say why they stay."""
        try:
            return await super().delete(request, pks)
        except DBAPIError as error:
            if said := _said(error):
                # SQLAlchemy takes the key of a deleted row out of those that have it.
                referred = said == _SAID["23502"]
                raise ActionFailed(_SAID["23503"] if referred else said) from error
            raise

    def _field_of(self, request: Request, error: Exception) -> str:
        """Return the field that the error is about, or the first: one has to be."""
        driver = getattr(error, "driver_exception", None)
        columns = {getattr(driver, "column_name", None)}
        if isinstance(table := self._mapper.local_table, Table):
            named: list[Any] = [*table.constraints, *table.indexes]
            name = getattr(driver, "constraint_name", None)
            for constraint in (found for found in named if found.name == name):
                columns |= {*constraint.columns.keys()}
        fields = [field.name for field in self.get_fields_list(request)]
        about = [field for field in fields if columns & self._columns_of(field)]
        return (about or fields)[0]

    def _columns_of(self, field: str) -> set[str | None]:
        attribute: Any = self._mapper.attrs[field]
        is_link = field in self._mapper.relationships
        columns = attribute.local_columns if is_link else attribute.columns
        return {getattr(column, "name", None) for column in columns}


def _said(error: Exception) -> str | None:
    if isinstance(error, CircularDependencyError):
        return "It refers to itself, which needs post_update in the model"
    if isinstance(error, ValueError | AssertionError):  # of a validator of the model
        return str(error)
    if not isinstance(error, DBAPIError) or error.connection_invalidated:
        return None
    sqlstate = getattr(error.orig, "sqlstate", None) or ""
    # Class 22, data exception: asyncpg finds most of them before it sends the value.
    default = "This value does not fit" if sqlstate.startswith("22") else None
    return _SAID.get(sqlstate, default)
