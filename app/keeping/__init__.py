"""How long things are kept, and what happens when that is over."""
