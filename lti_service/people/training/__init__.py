"""Training of mentors: courses, who has completed them and until when that counts, also as Moodle tells it."""
