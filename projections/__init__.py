"""Pure folds over events, and the one runner that stores what they fold."""
