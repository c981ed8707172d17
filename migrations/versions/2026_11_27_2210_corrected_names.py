"""names and birth dates corrected by hand, and what Moodle says of them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '6c8f2ea1d4b5'
down_revision = 'a4c8e21f7d06'
branch_labels = None
depends_on = None


def upgrade() -> None:
    corrected = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql')
    with op.batch_alter_table('person', schema=None) as batch_op:
        batch_op.add_column(sa.Column('corrected', corrected, server_default='{}', nullable=False))


def downgrade() -> None:
    with op.batch_alter_table('person', schema=None) as batch_op:
        batch_op.drop_column('corrected')
