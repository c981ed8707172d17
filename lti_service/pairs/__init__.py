"""Pairs and groups: who mentors whom, and how that moves."""
