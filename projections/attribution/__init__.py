"""Which touches orders are owed to: journeys folded from the log, and models that divide what they brought. Pure."""
