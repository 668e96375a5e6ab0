<%!
def code(text):
    lines = (text or "").splitlines()
    return "\n".join(line for line in lines if "# ###" not in line).strip() or "pass"
%>"""${message.rstrip(".")}.

Revision: ${up_revision}
After: ${(down_revision or "nothing") | comma,n}
Created: ${create_date}
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
