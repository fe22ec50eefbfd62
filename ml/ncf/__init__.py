"""Neural collaborative filtering: item bias + dot product + MLP, with the user's vector computed from the history."""
