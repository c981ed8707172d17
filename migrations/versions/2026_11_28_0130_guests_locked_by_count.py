"""accesses of guests are locked by the count of wrong answers alone"""

import sqlalchemy as sa
from alembic import op

revision = 'b4a91c7d20e6'
down_revision = '3d9f1c7ab052'
branch_labels = None
depends_on = None

MOST = 5
access = sa.table(
    'guest_access', sa.column('state', sa.String), sa.column('failures', sa.Integer), sa.column('activated_at', sa.DateTime)
)


def upgrade() -> None:
    was = sa.case((access.c.activated_at.is_(None), 'invited'), else_='open')
    enough = sa.case((access.c.failures < MOST, MOST), else_=access.c.failures)
    op.execute(sa.update(access).where(access.c.state == 'locked').values(state=was, failures=enough))


def downgrade() -> None:
    is_locked = sa.and_(access.c.state.in_(['invited', 'open']), access.c.failures >= MOST)
    op.execute(sa.update(access).where(is_locked).values(state='locked'))
