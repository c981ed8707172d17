"""people from outside, who have no account in Moodle"""

import sqlalchemy as sa
from alembic import op

revision = 'e71a0c94d5b3'
down_revision = 'c4d1a7e93b52'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('person', schema=None) as batch_op:
        batch_op.alter_column('moodle_id', existing_type=sa.String(length=40), nullable=True)
        batch_op.add_column(sa.Column('phone', sa.String(length=60), server_default='', nullable=False))


def downgrade() -> None:
    # A number that no Moodle gives: nothing that hangs on these people is lost.
    op.execute("UPDATE person SET moodle_id = 'outside-' || id WHERE moodle_id IS NULL")
    with op.batch_alter_table('person', schema=None) as batch_op:
        batch_op.drop_column('phone')
        batch_op.alter_column('moodle_id', existing_type=sa.String(length=40), nullable=False)
