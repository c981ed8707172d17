"""Names and birth dates that curators correct against Moodle."""
