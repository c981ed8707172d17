"""organisations with contacts and agreements, and which of them gave a mentor"""

import sqlalchemy as sa
from alembic import op

revision = 'c4d1a7e93b52'
down_revision = 'b1c9d27e40a1'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'employer',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('platform_id', sa.Integer(), nullable=False),
        sa.Column('name', sa.String(length=300), nullable=False),
        sa.Column('name_key', sa.String(length=400), nullable=False),
        sa.Column('short_name', sa.String(length=100), server_default='', nullable=False),
        sa.Column('inn', sa.String(length=12), server_default='', nullable=False),
        sa.Column('address', sa.String(length=400), server_default='', nullable=False),
        sa.Column('note', sa.Text(), server_default='', nullable=False),
        sa.Column('sort_key', sa.String(length=400), server_default='', nullable=False),
        sa.Column('search_text', sa.String(length=900), server_default='', nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['platform_id'], ['platform.id'], name=op.f('fk_employer_platform_id_platform')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_employer')),
        sa.UniqueConstraint('platform_id', 'name_key', name=op.f('uq_employer_platform_id_name_key')),
    )
    op.create_table(
        'employer_contact',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('employer_id', sa.Integer(), nullable=False),
        sa.Column('name', sa.String(length=300), nullable=False),
        sa.Column('position', sa.String(length=200), server_default='', nullable=False),
        sa.Column('phone', sa.String(length=60), server_default='', nullable=False),
        sa.Column('email', sa.String(length=320), server_default='', nullable=False),
        sa.ForeignKeyConstraint(['employer_id'], ['employer.id'], name=op.f('fk_employer_contact_employer_id_employer')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_employer_contact')),
    )
    op.create_index('ix_employer_contact_employer_id', 'employer_contact', ['employer_id'])
    op.create_table(
        'agreement',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('employer_id', sa.Integer(), nullable=False),
        sa.Column('kind', sa.String(length=40), nullable=False),
        sa.Column('number', sa.String(length=60), nullable=False),
        sa.Column('signed_on', sa.Date(), nullable=False),
        sa.Column('valid_until', sa.Date(), nullable=True),
        sa.Column('subject', sa.String(length=1000), server_default='', nullable=False),
        sa.ForeignKeyConstraint(['employer_id'], ['employer.id'], name=op.f('fk_agreement_employer_id_employer')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_agreement')),
        sa.UniqueConstraint('employer_id', 'kind', 'number', 'signed_on', name=op.f('uq_agreement_employer_id_kind_number_signed_on')),
    )
    with op.batch_alter_table('mentor', schema=None) as batch_op:
        batch_op.add_column(sa.Column('employer_id', sa.Integer(), nullable=True))
        batch_op.create_foreign_key(batch_op.f('fk_mentor_employer_id_employer'), 'employer', ['employer_id'], ['id'])
        batch_op.create_index('ix_mentor_employer_id', ['employer_id'])


def downgrade() -> None:
    with op.batch_alter_table('mentor', schema=None) as batch_op:
        batch_op.drop_index('ix_mentor_employer_id')
        batch_op.drop_constraint(batch_op.f('fk_mentor_employer_id_employer'), type_='foreignkey')
        batch_op.drop_column('employer_id')
    op.drop_table('agreement')
    op.drop_index('ix_employer_contact_employer_id', table_name='employer_contact')
    op.drop_table('employer_contact')
    op.drop_table('employer')
