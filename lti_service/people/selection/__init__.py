"""Selection of mentors: the criteria of the college, scores of candidates by them, and decisions with their reasons."""
