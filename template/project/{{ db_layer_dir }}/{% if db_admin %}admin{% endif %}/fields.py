"""The fields of a model: which of them are shown, where, and as what."""

import dataclasses
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, DateTime, Enum, Interval, LargeBinary
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
from starlette_admin.i18n import get_tzinfo

_SECRET = re.compile(r"password|passwd|secret|token|hash|salt|api_?key", re.IGNORECASE)
_MANY_TO_ONE = RelationshipDirection.MANYTOONE
_NOT_LOADED = {"dynamic", "write_only"}


class AsEntered:
    """A field that keeps what was entered, so that a refused form shows it again."""

    def as_stored(self, entered: object) -> object:
        """Return the value for the model."""
        return entered


class _AwareDateTimeField(AsEntered, DateTimeField):
    """A point in time, entered as the clock of the browser shows it."""

    async def parse_form_data(
        self,
        request: Request,
        form_data: FormData,
    ) -> datetime | None:
        """Return it without a zone."""
        text = str(form_data.get(self.id, ""))
        entered = await super().parse_form_data(request, form_data)
        return datetime.fromisoformat(text).replace(tzinfo=None) if entered else None

    def as_stored(self, entered: object) -> object:
        """Return it with its zone: without one asyncpg takes that of this process."""
        if isinstance(entered, datetime):
            return entered.replace(tzinfo=get_tzinfo())
        return entered


@dataclasses.dataclass
class _StoredEnumField(AsEntered, EnumField):
    """The members of an Enum, or the strings of a Literal, by what is stored."""

    members: Mapping[str, object] = dataclasses.field(default_factory=dict)

    async def serialize_value(self, request: Request, value: object) -> str:
        """Return what is stored for a member. A default is that already."""
        stored = {member: text for text, member in self.members.items()}
        return str(await super().serialize_value(request, stored.get(value, value)))

    def as_stored(self, entered: object) -> object:
        """Return the member. What is none is left to the CHECK of the column."""
        return self.members.get(str(entered), entered)


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
        is_left_out = attribute.deferred or isinstance(column.type, LargeBinary)
        if not is_linked and not is_left_out:
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
    of_sqlalchemy = (mapper.version_id_col, mapper.polymorphic_on)
    is_set_by_it = any(column is other for other in of_sqlalchemy)
    if is_set_by_it or _is_made_by_the_server(column):
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
            members=stored,
            default=next((text for text in stored if stored[text] == default), None),
            required=required,
        )
    if isinstance(column.type, DateTime) and column.type.timezone:
        return _AwareDateTimeField(name, required=required)
    if isinstance(column.type, Interval):
        return _read_only(StringField(name, searchable=False))
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
