"""Organisations that give mentors: contacts, agreements, and which of them gave one."""
