"""selection of mentors by criteria, and their training; who was ready before is so by a decision without training"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = 'a7d3c05be918'
down_revision = 'd2f7a90c6e14'
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql')


def upgrade() -> None:
    op.create_table(
        'selection_criterion',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('platform_id', sa.Integer(), nullable=False),
        sa.Column('programme_id', sa.Integer(), nullable=False),
        sa.Column('title', sa.String(length=200), nullable=False),
        sa.Column('hint', sa.String(length=500), server_default='', nullable=False),
        sa.Column('weight', sa.Integer(), nullable=False),
        sa.Column('source', sa.String(length=300), server_default='', nullable=False),
        sa.Column('position', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(['platform_id'], ['platform.id'], name=op.f('fk_selection_criterion_platform_id_platform')),
        sa.ForeignKeyConstraint(['programme_id'], ['programme.id'], name=op.f('fk_selection_criterion_programme_id_programme')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_selection_criterion')),
    )
    op.create_index('ix_selection_criterion_platform_id_programme_id', 'selection_criterion', ['platform_id', 'programme_id'])
    op.create_table(
        'mentor_decision',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('mentor_id', sa.Integer(), nullable=False),
        sa.Column('decision', sa.String(length=40), nullable=False),
        sa.Column('reason', sa.Text(), server_default='', nullable=False),
        sa.Column('scores', JSON, server_default='[]', nullable=False),
        sa.Column('decided_by', sa.Integer(), nullable=True),
        sa.Column('decided_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['decided_by'], ['person.id'], name=op.f('fk_mentor_decision_decided_by_person')),
        sa.ForeignKeyConstraint(['mentor_id'], ['mentor.id'], name=op.f('fk_mentor_decision_mentor_id_mentor')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_mentor_decision')),
    )
    op.create_index('ix_mentor_decision_mentor_id', 'mentor_decision', ['mentor_id'])
    op.create_table(
        'training_course',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('platform_id', sa.Integer(), nullable=False),
        sa.Column('title', sa.String(length=300), nullable=False),
        sa.Column('begins_on', sa.Date(), nullable=True),
        sa.Column('ends_on', sa.Date(), nullable=True),
        sa.Column('hours', sa.Integer(), nullable=True),
        sa.Column('document', sa.String(length=100), server_default='', nullable=False),
        sa.Column('valid_months', sa.Integer(), nullable=True),
        sa.Column('moodle_course', sa.String(length=40), nullable=True),
        sa.Column('read_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('trouble', sa.String(length=60), server_default='', nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['platform_id'], ['platform.id'], name=op.f('fk_training_course_platform_id_platform')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_training_course')),
        sa.UniqueConstraint('platform_id', 'moodle_course', name=op.f('uq_training_course_platform_id_moodle_course')),
    )
    op.create_table(
        'training',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('training_course_id', sa.Integer(), nullable=False),
        sa.Column('person_id', sa.Integer(), nullable=False),
        sa.Column('completed_on', sa.Date(), nullable=False),
        sa.Column('document_number', sa.String(length=100), server_default='', nullable=False),
        sa.Column('valid_until', sa.Date(), nullable=True),
        sa.Column('origin', sa.String(length=40), nullable=False),
        sa.Column('recorded_by', sa.Integer(), nullable=True),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_training_person_id_person')),
        sa.ForeignKeyConstraint(['recorded_by'], ['person.id'], name=op.f('fk_training_recorded_by_person')),
        sa.ForeignKeyConstraint(['training_course_id'], ['training_course.id'], name=op.f('fk_training_training_course_id_training_course')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_training')),
        sa.UniqueConstraint('training_course_id', 'person_id', 'completed_on', name=op.f('uq_training_training_course_id_person_id_completed_on')),
    )
    op.create_index('ix_training_person_id', 'training', ['person_id'])
    with op.batch_alter_table('mentor', schema=None) as batch_op:
        batch_op.add_column(sa.Column('without_training', sa.Boolean(), server_default=sa.false(), nullable=False))
    # Curators took them into the base before there was any training to record.
    op.execute(sa.text("UPDATE mentor SET without_training = true WHERE state = 'ready'"))


def downgrade() -> None:
    # The code before knows neither: whoever was not made ready was a candidate.
    op.execute(sa.text("UPDATE mentor SET state = 'candidate' WHERE state IN ('selected', 'turned_down')"))
    with op.batch_alter_table('mentor', schema=None) as batch_op:
        batch_op.drop_column('without_training')
    op.drop_index('ix_training_person_id', table_name='training')
    op.drop_table('training')
    op.drop_table('training_course')
    op.drop_index('ix_mentor_decision_mentor_id', table_name='mentor_decision')
    op.drop_table('mentor_decision')
    op.drop_index('ix_selection_criterion_platform_id_programme_id', table_name='selection_criterion')
    op.drop_table('selection_criterion')
