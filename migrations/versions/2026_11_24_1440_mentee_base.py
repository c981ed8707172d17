"""mentees: where from, special needs, nominations, support without a pair"""

import sqlalchemy as sa
from alembic import op

revision = 'b8d40c61e7f2'
down_revision = 'c5c6227e176c'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('mentee', schema=None) as batch_op:
        batch_op.add_column(sa.Column('source', sa.String(length=40), server_default='moodle', nullable=False))
        batch_op.add_column(sa.Column('special_needs', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        'nomination',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('mentee_id', sa.Integer(), nullable=False),
        sa.Column('nominated_by', sa.Integer(), nullable=False),
        sa.Column('reason', sa.Text(), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['mentee_id'], ['mentee.id'], name=op.f('fk_nomination_mentee_id_mentee')),
        sa.ForeignKeyConstraint(['nominated_by'], ['person.id'], name=op.f('fk_nomination_nominated_by_person')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_nomination')),
        sa.UniqueConstraint('mentee_id', 'nominated_by', name=op.f('uq_nomination_mentee_id_nominated_by')),
    )
    op.create_table(
        'support',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('mentee_id', sa.Integer(), nullable=False),
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('who', sa.String(length=200), nullable=False),
        sa.Column('agreed', sa.Text(), nullable=False),
        sa.Column('next_look', sa.Date(), nullable=True),
        sa.Column('recorded_by', sa.Integer(), nullable=True),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['mentee_id'], ['mentee.id'], name=op.f('fk_support_mentee_id_mentee')),
        sa.ForeignKeyConstraint(['recorded_by'], ['person.id'], name=op.f('fk_support_recorded_by_person')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_support')),
    )
    op.create_index('ix_support_mentee_id', 'support', ['mentee_id'])


def downgrade() -> None:
    op.drop_index('ix_support_mentee_id', table_name='support')
    op.drop_table('support')
    op.drop_table('nomination')
    with op.batch_alter_table('mentee', schema=None) as batch_op:
        batch_op.drop_column('special_needs')
        batch_op.drop_column('source')
