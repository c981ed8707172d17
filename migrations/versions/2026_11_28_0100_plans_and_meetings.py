"""what a pair does together: its goal, the items of its plan, its meetings"""

import sqlalchemy as sa
from alembic import op

revision = '3d9f1c7ab052'
down_revision = 'e2b7d40c95f1'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('pair') as batch_op:
        batch_op.add_column(sa.Column('goal', sa.String(length=1000), server_default='', nullable=False))
    op.create_table(
        'plan_item',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('pair_id', sa.Integer(), nullable=False),
        sa.Column('for_id', sa.Integer(), nullable=True),
        sa.Column('title', sa.String(length=200), nullable=False),
        sa.Column('due', sa.Date(), nullable=True),
        sa.Column('made_by', sa.Integer(), nullable=False),
        sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('done_by', sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(['done_by'], ['person.id'], name=op.f('fk_plan_item_done_by_person')),
        sa.ForeignKeyConstraint(['for_id'], ['person.id'], name=op.f('fk_plan_item_for_id_person')),
        sa.ForeignKeyConstraint(['made_by'], ['person.id'], name=op.f('fk_plan_item_made_by_person')),
        sa.ForeignKeyConstraint(['pair_id'], ['pair.id'], name=op.f('fk_plan_item_pair_id_pair')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_plan_item')),
    )
    op.create_index('ix_plan_item_pair_id', 'plan_item', ['pair_id'])
    op.create_index('ix_plan_item_for_id', 'plan_item', ['for_id'])
    op.create_table(
        'meeting',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('pair_id', sa.Integer(), nullable=False),
        sa.Column('for_id', sa.Integer(), nullable=True),
        sa.Column('state', sa.String(length=40), nullable=False),
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('time', sa.Time(), nullable=True),
        sa.Column('way', sa.String(length=40), nullable=True),
        sa.Column('topic', sa.String(length=200), nullable=False),
        sa.Column('outcome', sa.String(length=2000), nullable=False),
        sa.Column('made_by', sa.Integer(), nullable=False),
        sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('logged_by', sa.Integer(), nullable=True),
        sa.Column('logged_at', sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['for_id'], ['person.id'], name=op.f('fk_meeting_for_id_person')),
        sa.ForeignKeyConstraint(['logged_by'], ['person.id'], name=op.f('fk_meeting_logged_by_person')),
        sa.ForeignKeyConstraint(['made_by'], ['person.id'], name=op.f('fk_meeting_made_by_person')),
        sa.ForeignKeyConstraint(['pair_id'], ['pair.id'], name=op.f('fk_meeting_pair_id_pair')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_meeting')),
    )
    op.create_index('ix_meeting_pair_id_day', 'meeting', ['pair_id', 'day'])
    op.create_index('ix_meeting_for_id', 'meeting', ['for_id'])


def downgrade() -> None:
    op.drop_table('meeting')
    op.drop_table('plan_item')
    with op.batch_alter_table('pair') as batch_op:
        batch_op.drop_column('goal')
