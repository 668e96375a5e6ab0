"""The fields of a model: which of them are shown, where, and as what."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Column, DateTime, Enum, LargeBinary
from sqlalchemy.orm import ColumnProperty, Mapper, RelationshipDirection
from sqlalchemy.sql.functions import FunctionElement
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette_admin.contrib.sqla.converters import ModelConverter
from starlette_admin.contrib.sqla.exceptions import NotSupportedColumn
from starlette_admin.fields import (
    BaseField,
    DateTimeField,
    EnumField,
    HasMany,
    HasOne,
    StringField,
)

_SECRET = re.compile(r"password|passwd|secret|token|hash|salt|api_?key", re.IGNORECASE)
_MANY_TO_ONE = RelationshipDirection.MANYTOONE
_NOT_LOADED = {"dynamic", "write_only"}


class _AwareDateTimeField(DateTimeField):
    """A point in time: without a zone asyncpg would take it for local time."""

    async def parse_form_data(
        self,
        request: Request,
        form_data: FormData,
    ) -> datetime | None:
        value = await super().parse_form_data(request, form_data)
        return value.replace(tzinfo=UTC) if value else None


class _StoredEnumField(EnumField):
    """The members of an Enum, or the strings of a Literal, by what is stored."""

    async def serialize_value(self, request: Request, value: object) -> str:
        """Return what is stored for a member."""
        choices = [str(text) for text, _ in self._get_choices(request)]
        return next(text for text in choices if self.coerce(text) == value)


def fields_of(mapper: Mapper[Any], keys: Mapping[Mapper[Any], str]) -> list[BaseField]:
    """Return columns, then relationships to other models that have pages."""
    links = [link for link in mapper.relationships if link.mapper in keys]
    links = [link for link in links if link.lazy not in _NOT_LOADED]
    to_one = [link for link in links if link.direction is _MANY_TO_ONE]
    linked = {column for link in to_one for column in link.local_columns}
    fields: list[BaseField] = []
    for attribute in mapper.column_attrs:
        column = attribute.columns[0]
        is_linked = column in linked and not column.primary_key
        if not is_linked and not isinstance(column.type, LargeBinary):
            fields.append(_field(mapper, attribute))
    for link in links:
        if not link.uselist:
            is_optional = any(column.nullable for column in link.local_columns)
            required = link in to_one and not is_optional
            fields.append(HasOne(link.key, key=keys[link.mapper], required=required))
        else:
            kind = link.collection_class or list
            many = HasMany(link.key, key=keys[link.mapper], collection_class=kind)
            many.exclude_from_list = True  # each row would load them all
            fields.append(many)
        if link.viewonly or link.direction is RelationshipDirection.ONETOMANY:
            fields[-1].exclude_from_create = fields[-1].exclude_from_edit = True
    return fields


def _field(mapper: Mapper[Any], attribute: ColumnProperty[Any]) -> BaseField:
    name, column = attribute.key, attribute.columns[0]
    if not isinstance(column, Column):  # an expression
        return _read_only(StringField(name))
    field = _converted(mapper, name, column)
    if _is_made_by_the_server(column):
        _read_only(field)
    if column.primary_key:
        field.exclude_from_edit = True
        field.exclude_from_create = _has_a_value(column)
    if isinstance(column.type, JSON):
        field.exclude_from_list = True
    if _SECRET.search(name):
        field.exclude_from_list = field.exclude_from_detail = True
        field.exclude_from_edit = True
        field.searchable = field.orderable = False
    return field


def _converted(mapper: Mapper[Any], name: str, column: Column[Any]) -> BaseField:
    default = getattr(column.default, "arg", None)
    has_default = column.default is not None or column.server_default is not None
    required = not column.nullable and not has_default
    if isinstance(column.type, Enum):
        members = column.type.enum_class or column.type.enums
        stored = dict(zip(column.type.enums, members, strict=True))
        return _StoredEnumField(
            name,
            choices=[(text, text) for text in stored],
            coerce=stored.__getitem__,
            default=next((text for text in stored if stored[text] == default), None),
            required=required,
        )
    if isinstance(column.type, DateTime) and column.type.timezone:
        return _AwareDateTimeField(name, required=required)
    try:
        [field] = ModelConverter().convert_fields_list(
            fields=[name],
            model=mapper.class_,
            mapper=mapper,
            explicit_fields=True,
        )
    except NotSupportedColumn:
        return _read_only(StringField(name, searchable=False))
    return field


def _read_only(field: BaseField) -> BaseField:
    field.exclude_from_create = field.exclude_from_edit = True
    return field


def _is_made_by_the_server(column: Column[Any]) -> bool:
    """Tell columns such as `created_at` and `id` from those with a mere default."""
    default = getattr(column.server_default, "arg", None)
    is_computed = column.computed is not None or column.identity is not None
    return is_computed or bool(column.onupdate) or isinstance(default, FunctionElement)


def _has_a_value(key: Column[Any]) -> bool:
    return bool(key.default) or key is key.table.autoincrement_column
