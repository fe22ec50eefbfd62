"""Jobs: what is trained in the background, when, and by whom."""
