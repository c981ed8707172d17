"""The long-term base of mentors: everybody who was one, over all school years, with their pairs."""
