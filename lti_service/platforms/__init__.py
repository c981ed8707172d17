"""Moodle sites: how each is reached, its keys and secrets, and the health of the connection."""
