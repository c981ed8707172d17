"""pairs that go on from the year before, and mentees who were offered to become mentors"""

import sqlalchemy as sa
from alembic import op

revision = 'e2b7d40c95f1'
down_revision = '6c8f2ea1d4b5'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('pair') as batch_op:
        batch_op.add_column(sa.Column('continues_id', sa.Integer(), nullable=True))
        batch_op.create_foreign_key(batch_op.f('fk_pair_continues_id_pair'), 'pair', ['continues_id'], ['id'])
        batch_op.create_unique_constraint(batch_op.f('uq_pair_continues_id'), ['continues_id'])
    with op.batch_alter_table('mentee') as batch_op:
        batch_op.add_column(sa.Column('offered_at', sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('mentee') as batch_op:
        batch_op.drop_column('offered_at')
    with op.batch_alter_table('pair') as batch_op:
        batch_op.drop_constraint(batch_op.f('uq_pair_continues_id'), type_='unique')
        batch_op.drop_constraint(batch_op.f('fk_pair_continues_id_pair'), type_='foreignkey')
        batch_op.drop_column('continues_id')
