"""rules on who is who, who put people into the bases, speciality and year of study"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = 'f0a3c8d1b274'
down_revision = 'e71a0c94d5b3'
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
# Candidates of whom the trail tells nothing were put there by a sync; the others somebody has decided on.
BY_HAND = "EXISTS (SELECT 1 FROM audit_event WHERE audit_event.subject = '{base}:' || {base}.id AND action IN ({actions}))"


def upgrade() -> None:
    op.create_table(
        'kind_rules',
        sa.Column('platform_id', sa.Integer(), nullable=False),
        sa.Column('content', JSON, nullable=False),
        sa.Column('changed_by', sa.Integer(), nullable=True),
        sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('applied_at', sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['changed_by'], ['person.id'], name=op.f('fk_kind_rules_changed_by_person')),
        sa.ForeignKeyConstraint(['platform_id'], ['platform.id'], name=op.f('fk_kind_rules_platform_id_platform')),
        sa.PrimaryKeyConstraint('platform_id', name=op.f('pk_kind_rules')),
    )
    with op.batch_alter_table('person', schema=None) as batch_op:
        batch_op.add_column(sa.Column('specialty', sa.String(length=255), server_default='', nullable=False))
        batch_op.add_column(sa.Column('study_year', sa.Integer(), nullable=True))
    for base in ('mentee', 'mentor'):
        with op.batch_alter_table(base, schema=None) as batch_op:
            batch_op.add_column(sa.Column('placed', sa.String(length=40), server_default='hand', nullable=False))
    added = BY_HAND.format(base='mentee', actions="'mentee.added', 'mentee.return'")
    op.execute(f"UPDATE mentee SET placed = 'rules' WHERE state = 'candidate' AND source = 'moodle' AND NOT {added}")
    added = BY_HAND.format(base='mentor', actions="'mentor.added', 'mentor.return', 'mentor.changed', 'mentor.offered'")
    op.execute(f"UPDATE mentor SET placed = 'rules' WHERE state = 'candidate' AND kind <> 'student' AND NOT {added}")


def downgrade() -> None:
    for base in ('mentor', 'mentee'):
        with op.batch_alter_table(base, schema=None) as batch_op:
            batch_op.drop_column('placed')
    with op.batch_alter_table('person', schema=None) as batch_op:
        batch_op.drop_column('study_year')
        batch_op.drop_column('specialty')
    op.drop_table('kind_rules')
