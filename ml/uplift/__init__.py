"""Who responds to a treatment: uplift models, and how well they rank."""
