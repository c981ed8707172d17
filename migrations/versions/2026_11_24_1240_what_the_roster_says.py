"""what the roster said last of a member, so that a change of its word is seen"""

import sqlalchemy as sa
from alembic import op

revision = 'b83e0d5c4f16'
down_revision = 'e15f6c0a9d27'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('membership', schema=None) as batch_op:
        batch_op.add_column(sa.Column('roster_role', sa.String(length=20), server_default='', nullable=False))


def downgrade() -> None:
    with op.batch_alter_table('membership', schema=None) as batch_op:
        batch_op.drop_column('roster_role')
