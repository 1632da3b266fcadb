"""What each Kafka topic means to somebody: handlers that are given what they call."""
