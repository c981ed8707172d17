"""The administrator's pages of one connection: its health, set-up, token, roles, keys, pause and audit trail."""
