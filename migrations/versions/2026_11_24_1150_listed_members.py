"""whether a list of enrolments has had somebody, now that the roster is one too"""

import sqlalchemy as sa
from alembic import op

revision = 'e15f6c0a9d27'
down_revision = 'c7e2b85f3a10'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('membership', schema=None) as batch_op:
        batch_op.add_column(sa.Column('listed', sa.Boolean(), server_default=sa.false(), nullable=False))
    # Until now only the web service was asked, and it tells Moodle's roles of everybody it lists.
    op.execute(sa.text("UPDATE membership SET listed = :yes WHERE CAST(moodle_roles AS VARCHAR) <> '[]'").bindparams(yes=True))


def downgrade() -> None:
    with op.batch_alter_table('membership', schema=None) as batch_op:
        batch_op.drop_column('listed')
