"""The door: /lti/* addresses, sessions, and the way from a verified launch to a person's page."""
