<%!
def code(text):
    lines = (text or "").splitlines()
    return "\n".join(line for line in lines if "# ###" not in line).strip() or "pass"
%>"""${message.rstrip(".")}.

Revision: ${up_revision}
After: ${(down_revision or "nothing") | comma,n}
Created: ${create_date}

In a database that is in use: an ALTER waits ALEMBIC_LOCK_TIMEOUT for its table and is
then tried again. Expand first; contract in a later release, when no process that still
needs the old column is left. An index on a big table gets a revision of its own:

    with op.get_context().autocommit_block():
        op.drop_index("ix_name", if_exists=True, postgresql_concurrently=True)
        op.create_index("ix_name", "table", ["column"], postgresql_concurrently=True)

(A try that failed leaves an INVALID index behind, which IF NOT EXISTS would keep.)
"""

import sqlalchemy as sa
${imports + "\n" if imports else ""}
from alembic import op

revision: str = ${repr(up_revision)}
down_revision: str | tuple[str, ...] | None = ${repr(down_revision)}
branch_labels: str | tuple[str, ...] | None = ${repr(branch_labels)}
depends_on: str | tuple[str, ...] | None = ${repr(depends_on)}


def upgrade() -> None:
    ${code(upgrades)}


def downgrade() -> None:
    ${code(downgrades)}
