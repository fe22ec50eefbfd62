"""Apache Kafka between channels and commands: facts wait there while the log is slow or away."""
