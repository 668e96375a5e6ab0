"""Server defaults that Alembic cannot compare: it asks PostgreSQL if two are equal.

JSON has no equality, and in such a question a quote would end the text of a default.
"""

import re
from typing import Any, TypeAlias

from alembic.runtime.plugins import Plugin
from alembic.util import PriorityDispatchResult
from sqlalchemy import JSON, DefaultClause
from sqlalchemy.dialects.postgresql import JSONB

# Of a comparison: 1 is the operation, 5 the column that is there, 6 that of the model.
_Argument: TypeAlias = Any

PLUGIN = __name__


def _compare(*arguments: _Argument) -> PriorityDispatchResult:
    operation, column = arguments[1], arguments[6]
    there, wanted = arguments[5].server_default, column.server_default
    if not isinstance(there, DefaultClause) or not isinstance(wanted, DefaultClause):
        return PriorityDispatchResult.CONTINUE
    is_json = isinstance(column.type, JSON) and not isinstance(column.type, JSONB)
    text = str(wanted.arg)
    if isinstance(wanted.arg, str):
        if not is_json and "'" not in text:
            return PriorityDispatchResult.CONTINUE
        text = "'{}'".format(text.replace("'", "''"))
    elif not is_json:
        return PriorityDispatchResult.CONTINUE
    # A function of JSON may be written in many ways: it is not compared.
    is_literal = text.startswith("'")
    if is_literal and text != re.sub(r"::[\w ]+(\(\d+\))?$", "", str(there.arg)):
        operation.modify_server_default = wanted
    return PriorityDispatchResult.STOP


Plugin(PLUGIN).add_autogenerate_comparator(_compare, "column", "server_default")
