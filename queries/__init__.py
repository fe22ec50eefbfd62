"""The read side, the mirror of commands: recommendations, profiles, timelines."""
