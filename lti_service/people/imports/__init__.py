"""Files of curators: read, shown as what they would change, and then applied whole or not at all."""
