"""What persons' rights cost."""
