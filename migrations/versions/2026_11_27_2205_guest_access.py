"""guests: how people without an account come into a course, and their visits"""

import sqlalchemy as sa
from alembic import op

revision = 'a4c8e21f7d06'
down_revision = '5b7e1d90c3a4'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'guest_access',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('course_id', sa.Integer(), nullable=False),
        sa.Column('person_id', sa.Integer(), nullable=False),
        sa.Column('state', sa.String(length=40), nullable=False),
        sa.Column('code_hash', sa.String(length=64), nullable=True),
        sa.Column('code_until', sa.DateTime(timezone=True), nullable=True),
        sa.Column('bound_hash', sa.String(length=64), server_default='', nullable=False),
        sa.Column('device_hash', sa.String(length=64), nullable=True),
        sa.Column('factor', sa.String(length=40), nullable=False),
        sa.Column('question', sa.String(length=200), server_default='', nullable=False),
        sa.Column('answer', sa.String(length=600), nullable=False),
        sa.Column('failures', sa.Integer(), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('invited_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('invited_by', sa.Integer(), nullable=True),
        sa.Column('activated_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('views', sa.Integer(), nullable=False),
        sa.Column('mail_state', sa.String(length=40), server_default='none', nullable=False),
        sa.Column('letter', sa.Text(), server_default='', nullable=False),
        sa.Column('mail_tries', sa.Integer(), server_default='0', nullable=False),
        sa.Column('mail_try_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('mail_error', sa.String(length=60), server_default='', nullable=False),
        sa.ForeignKeyConstraint(['course_id'], ['course.id'], name=op.f('fk_guest_access_course_id_course')),
        sa.ForeignKeyConstraint(['invited_by'], ['person.id'], name=op.f('fk_guest_access_invited_by_person')),
        sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_guest_access_person_id_person')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_guest_access')),
        sa.UniqueConstraint('code_hash', name=op.f('uq_guest_access_code_hash')),
        sa.UniqueConstraint('course_id', 'person_id', name=op.f('uq_guest_access_course_id_person_id')),
        sa.UniqueConstraint('device_hash', name=op.f('uq_guest_access_device_hash')),
    )
    op.create_index('ix_guest_access_mail_try_at', 'guest_access', ['mail_try_at'])
    op.create_index('ix_guest_access_person_id', 'guest_access', ['person_id'])
    with op.batch_alter_table('visit', schema=None) as batch_op:
        batch_op.add_column(sa.Column('guest_device', sa.String(length=64), nullable=True))


def downgrade() -> None:
    # Before, a visit opened every page: those of guests must not.
    op.execute('DELETE FROM visit WHERE guest_device IS NOT NULL')
    with op.batch_alter_table('visit', schema=None) as batch_op:
        batch_op.drop_column('guest_device')
    op.drop_index('ix_guest_access_person_id', table_name='guest_access')
    op.drop_index('ix_guest_access_mail_try_at', table_name='guest_access')
    op.drop_table('guest_access')
