"""How fast a person is forgotten, and how fast one is recognised."""
