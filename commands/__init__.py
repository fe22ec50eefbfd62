"""The write side: commands, each with its handler, and the bus that takes them to the domain."""
