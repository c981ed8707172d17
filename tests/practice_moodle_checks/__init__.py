"""Holds the practice Moodle against the recorded answers of a real one, and checks what tests rely on in
it."""
