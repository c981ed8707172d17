"""where a run broke off, so that the next one goes on from there"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '5b7e1d90c3a4'
down_revision = '7f3b1c9de2a8'
branch_labels = None
depends_on = None


def upgrade() -> None:
    position = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql')
    with op.batch_alter_table('run', schema=None) as batch_op:
        batch_op.add_column(sa.Column('position', position, server_default='{}', nullable=False))


def downgrade() -> None:
    with op.batch_alter_table('run', schema=None) as batch_op:
        batch_op.drop_column('position')
