"""Rights of people over their data: seeing, taking along, erasing, and how long each kind of data is kept."""
