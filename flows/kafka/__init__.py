"""Kafka, and what speaks its protocol, as input and output of a job."""
