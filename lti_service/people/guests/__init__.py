"""People from outside without a Moodle account: kept by the curator, and let in by a door of their own."""
