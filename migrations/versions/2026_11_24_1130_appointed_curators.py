"""curators appointed here, whatever Moodle's roles say"""

import sqlalchemy as sa
from alembic import op

revision = 'a4c1d90b7e52'
down_revision = 'fdc410ae65da'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('membership', schema=None) as batch_op:
        batch_op.add_column(sa.Column('appointed', sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table('membership', schema=None) as batch_op:
        batch_op.drop_column('appointed')
