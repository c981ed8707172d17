"""files of curators that are being checked, row by row"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = 'd2f7a90c6e14'
down_revision = 'f0a3c8d1b274'
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')


def upgrade() -> None:
    op.create_table(
        'import_preview',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('course_id', sa.Integer(), nullable=False),
        sa.Column('subject', sa.String(length=40), nullable=False),
        sa.Column('state', sa.String(length=40), nullable=False),
        sa.Column('file_name', sa.String(length=200), nullable=False),
        sa.Column('sheet', sa.String(length=100), nullable=False),
        sa.Column('unused', JSON, nullable=False),
        sa.Column('counts', JSON, nullable=False),
        sa.Column('created_by', sa.Integer(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['course_id'], ['course.id'], name=op.f('fk_import_preview_course_id_course')),
        sa.ForeignKeyConstraint(['created_by'], ['person.id'], name=op.f('fk_import_preview_created_by_person')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_import_preview')),
    )
    op.create_index('ix_import_preview_course_id_created_by', 'import_preview', ['course_id', 'created_by'])
    op.create_index('ix_import_preview_expires_at', 'import_preview', ['expires_at'])
    op.create_table(
        'import_row',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('preview_id', sa.Integer(), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('verdict', sa.String(length=40), nullable=False),
        sa.Column('who', sa.String(length=400), nullable=False),
        sa.Column('cells', JSON, nullable=False),
        sa.Column('overflows', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column('changes', JSON, nullable=False),
        sa.Column('problems', JSON, nullable=False),
        sa.Column('mark', sa.String(length=64), nullable=False),
        sa.Column('moved', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(['preview_id'], ['import_preview.id'], name=op.f('fk_import_row_preview_id_import_preview')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_import_row')),
        sa.UniqueConstraint('preview_id', 'number', name=op.f('uq_import_row_preview_id_number')),
    )
    op.create_index('ix_import_row_preview_id_verdict_number', 'import_row', ['preview_id', 'verdict', 'number'])


def downgrade() -> None:
    op.drop_index('ix_import_row_preview_id_verdict_number', table_name='import_row')
    op.drop_table('import_row')
    op.drop_index('ix_import_preview_expires_at', table_name='import_preview')
    op.drop_index('ix_import_preview_course_id_created_by', table_name='import_preview')
    op.drop_table('import_preview')
