"""Detectors of what processes do on nodes and in containers, and the words that they share."""
