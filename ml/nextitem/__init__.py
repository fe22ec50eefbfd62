"""The next item somebody will look at: item-to-item transitions, popularity and category affinity."""
