"""requests to erase, of whom nothing is to come back, how long data are kept, and whom the trail speaks of"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '7f3b1c9de2a8'
down_revision = 'a94c07e5d3b8'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'erasure_request',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('platform_id', sa.Integer(), nullable=False),
        sa.Column('person_id', sa.Integer(), nullable=False),
        sa.Column('state', sa.String(length=40), nullable=False),
        sa.Column('received_on', sa.Date(), nullable=False),
        sa.Column('on_paper', sa.Boolean(), server_default=sa.text('false'), nullable=False),
        sa.Column('answer_by', sa.Date(), nullable=False),
        sa.Column('erase_by', sa.Date(), nullable=False),
        sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('recorded_by', sa.Integer(), nullable=True),
        sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('decided_by', sa.Integer(), nullable=True),
        sa.Column('reason', sa.String(length=1000), server_default='', nullable=False),
        sa.Column(
            'gone',
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'),
            server_default='{}',
            nullable=False,
        ),
        sa.ForeignKeyConstraint(['platform_id'], ['platform.id'], name=op.f('fk_erasure_request_platform_id_platform')),
        sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_erasure_request_person_id_person')),
        sa.ForeignKeyConstraint(['recorded_by'], ['person.id'], name=op.f('fk_erasure_request_recorded_by_person')),
        sa.ForeignKeyConstraint(['decided_by'], ['person.id'], name=op.f('fk_erasure_request_decided_by_person')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_erasure_request')),
    )
    with op.batch_alter_table('erasure_request') as batch_op:
        batch_op.create_index('ix_erasure_request_platform_id_state', ['platform_id', 'state'])
        batch_op.create_index(
            'uq_erasure_request_open',
            ['person_id'],
            unique=True,
            sqlite_where=sa.text("state = 'asked'"),
            postgresql_where=sa.text("state = 'asked'"),
        )
    op.create_table(
        'erased_identity',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('platform_id', sa.Integer(), nullable=False),
        sa.Column('fingerprint', sa.String(length=64), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['platform_id'], ['platform.id'], name=op.f('fk_erased_identity_platform_id_platform')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_erased_identity')),
        sa.UniqueConstraint('platform_id', 'fingerprint', name=op.f('uq_erased_identity_platform_id_fingerprint')),
    )
    op.create_table(
        'keeping_period',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('platform_id', sa.Integer(), nullable=False),
        sa.Column('kind', sa.String(length=40), nullable=False),
        sa.Column('days', sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(['platform_id'], ['platform.id'], name=op.f('fk_keeping_period_platform_id_platform')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_keeping_period')),
        sa.UniqueConstraint('platform_id', 'kind', name=op.f('uq_keeping_period_platform_id_kind')),
    )
    with op.batch_alter_table('person') as batch_op:
        batch_op.add_column(sa.Column('erased_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('withheld', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    with op.batch_alter_table('audit_event') as batch_op:
        batch_op.create_index(batch_op.f('ix_audit_event_subject'), ['subject'])


def downgrade() -> None:
    with op.batch_alter_table('audit_event') as batch_op:
        batch_op.drop_index(batch_op.f('ix_audit_event_subject'))
    with op.batch_alter_table('person') as batch_op:
        batch_op.drop_column('withheld')
        batch_op.drop_column('erased_at')
    op.drop_table('keeping_period')
    op.drop_table('erased_identity')
    op.drop_table('erasure_request')
