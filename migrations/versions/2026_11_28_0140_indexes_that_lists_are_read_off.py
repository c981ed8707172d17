"""indexes that lists of 20,000 people are read off, without a look at the rows"""

from alembic import op

revision = '4c1e9a7d52b8'
down_revision = 'b4a91c7d20e6'
branch_labels = None
depends_on = None

NEW = {
    'person': {
        'ix_person_platform_id_search_name_id': ['platform_id', 'search_name', 'id'],
        'ix_person_platform_id_department': ['platform_id', 'department'],
        'ix_person_platform_id_specialty': ['platform_id', 'specialty'],
    },
    'membership': {
        'ix_membership_course_id_groups': ['course_id', 'groups'],
    },
    'mentee': {
        'ix_mentee_cycle_id_state_person_id_asked_at': ['cycle_id', 'state', 'person_id', 'asked_at'],
    },
    'consent': {
        'ix_consent_rule': ['person_id', 'text_id', 'way', 'withdrawn_at', 'grown_if_born_by'],
    },
    'pair': {
        'ix_pair_course_id_state_cycle_id_proposed_at': ['course_id', 'state', 'cycle_id', 'proposed_at'],
    },
}
OLD = {
    'mentee': {'ix_mentee_cycle_id_state': ['cycle_id', 'state']},
    'consent': {'ix_consent_person_id': ['person_id']},
    'pair': {'ix_pair_course_id_state': ['course_id', 'state']},
}


def replace(made: dict[str, dict[str, list[str]]], dropped: dict[str, dict[str, list[str]]]) -> None:
    for table, indexes in made.items():
        for name, columns in indexes.items():
            op.create_index(name, table, columns)
    for table, indexes in dropped.items():
        for name in indexes:
            op.drop_index(name, table)


def upgrade() -> None:
    replace(NEW, OLD)


def downgrade() -> None:
    replace(OLD, NEW)
