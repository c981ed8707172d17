"""People: participants, the bases of mentees and mentors, and the sync of enrolments."""
