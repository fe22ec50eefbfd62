"""Contextual bandit: Thompson sampling over a Gaussian approximation of each arm's logistic weights."""
