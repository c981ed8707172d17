"""what mentors tell of themselves: forms, strengths, experience, times, contact; and when they offered themselves"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = 'b1c9d27e40a1'
down_revision = 'b8d40c61e7f2'
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    texts = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    with op.batch_alter_table('mentor', schema=None) as batch_op:
        batch_op.add_column(sa.Column('strengths', texts, server_default='[]', nullable=False))
        batch_op.add_column(sa.Column('offer', sa.Text(), server_default='', nullable=False))
        batch_op.add_column(sa.Column('organisation', sa.String(length=255), server_default='', nullable=False))
        batch_op.add_column(sa.Column('experience', sa.Text(), server_default='', nullable=False))
        batch_op.add_column(sa.Column('experience_years', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('times', texts, server_default='[]', nullable=False))
        batch_op.add_column(sa.Column('times_note', sa.String(length=200), server_default='', nullable=False))
        batch_op.add_column(sa.Column('contact_way', sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column('contact', sa.String(length=200), server_default='', nullable=False))
        batch_op.add_column(sa.Column('asked_at', moment, nullable=True))
        batch_op.add_column(sa.Column('profile_at', moment, nullable=True))
    op.create_table(
        'mentor_form',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('mentor_id', sa.Integer(), nullable=False),
        sa.Column('form_id', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(['form_id'], ['form.id'], name=op.f('fk_mentor_form_form_id_form')),
        sa.ForeignKeyConstraint(['mentor_id'], ['mentor.id'], name=op.f('fk_mentor_form_mentor_id_mentor')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_mentor_form')),
        sa.UniqueConstraint('mentor_id', 'form_id', name=op.f('uq_mentor_form_mentor_id_form_id')),
    )
    op.create_index('ix_mentor_form_form_id', 'mentor_form', ['form_id'], unique=False)


def downgrade() -> None:
    op.drop_table('mentor_form')
    with op.batch_alter_table('mentor', schema=None) as batch_op:
        for name in (
            'profile_at', 'asked_at', 'contact', 'contact_way', 'times_note', 'times', 'experience_years',
            'experience', 'organisation', 'offer', 'strengths',
        ):
            batch_op.drop_column(name)
