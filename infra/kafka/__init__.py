"""Apache Kafka: every event out to its topic, and what others send us in; the broker client stays in this folder."""
