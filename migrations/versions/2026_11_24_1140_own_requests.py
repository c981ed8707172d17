"""mentees ask for a mentor themselves: topics, and when"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = 'c7e2b85f3a10'
down_revision = 'a4c1d90b7e52'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('mentee', schema=None) as batch_op:
        batch_op.add_column(sa.Column(
            'topics', sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), server_default='[]', nullable=False
        ))
        batch_op.add_column(sa.Column('asked_at', sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('mentee', schema=None) as batch_op:
        batch_op.drop_column('asked_at')
        batch_op.drop_column('topics')
