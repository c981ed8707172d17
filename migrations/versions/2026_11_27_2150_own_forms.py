"""a year's own copy of a programme; what forms bring about, where they are from, and retired ones"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = 'a94c07e5d3b8'
down_revision = 'a7d3c05be918'
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    with op.batch_alter_table('programme', schema=None) as batch_op:
        batch_op.add_column(sa.Column('platform_id', sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            op.f('fk_programme_platform_id_platform'), 'platform', ['platform_id'], ['id']
        )
    with op.batch_alter_table('form', schema=None) as batch_op:
        batch_op.add_column(sa.Column('expected_results', JSON, server_default='[]', nullable=False))
        batch_op.add_column(sa.Column('source', sa.Text(), server_default='', nullable=False))
        batch_op.add_column(sa.Column('retired_at', sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('form', schema=None) as batch_op:
        batch_op.drop_column('retired_at')
        batch_op.drop_column('source')
        batch_op.drop_column('expected_results')
    with op.batch_alter_table('programme', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('fk_programme_platform_id_platform'), type_='foreignkey')
        batch_op.drop_column('platform_id')
