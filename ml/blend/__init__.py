"""The blend: what several models say of an item, weighted by how much is known of the person, as one probability."""
