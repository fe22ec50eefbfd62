"""A content model of two towers: items by their attributes, people by the items they looked at."""
