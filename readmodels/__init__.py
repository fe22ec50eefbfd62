"""What queries read: every key in one catalogue, the record types, and the interfaces of their stores."""
