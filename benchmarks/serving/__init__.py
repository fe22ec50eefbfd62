"""How fast recommendations are answered over HTTP, and beside what."""
