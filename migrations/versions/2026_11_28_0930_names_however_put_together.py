"""names are searched however their letters were put together"""

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = '7e20b5c1f94d'
down_revision = '4c1e9a7d52b8'
branch_labels = None
depends_on = None

person = sa.table(
    'person',
    sa.column('id', sa.Integer),
    sa.column('family_name', sa.String),
    sa.column('given_name', sa.String),
    sa.column('search_name', sa.String),
)
UNSEEN = re.compile('[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]')


def key(text: str) -> str:
    """As `people.names.search_key` from here on."""
    text = unicodedata.normalize('NFC', UNSEEN.sub('', text))
    text = re.sub('ё\u0308*', 'е', unicodedata.normalize('NFC', text.casefold()))
    return ' '.join(text.split())[:400]


def upgrade() -> None:
    connection = op.get_bind()
    columns = person.c.id, person.c.family_name, person.c.given_name, person.c.search_name
    changed = [
        {'key': row.id, 'name': now}
        for row in connection.execute(sa.select(*columns))
        if (now := key(f'{row.family_name} {row.given_name}')) != row.search_name
    ]
    if changed:
        wanted = sa.update(person).where(person.c.id == sa.bindparam('key')).values(search_name=sa.bindparam('name'))
        connection.execute(wanted, changed)


def downgrade() -> None:
    """Old code reads such names as well; it only finds fewer of them."""
