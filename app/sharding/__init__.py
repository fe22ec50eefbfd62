"""The shards of the customers' log, moving them, and mending links between them."""
