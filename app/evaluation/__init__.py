"""``bespoke evaluate next-item``: files of interactions, models trained on them, and how well those predict."""
