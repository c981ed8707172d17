"""Surveys taken in Moodle: their answers and what they say."""
