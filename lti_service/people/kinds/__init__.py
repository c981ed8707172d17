"""Who somebody is to the programme: a platform's rules on roles, groups and profile fields, and what follows."""
