"""Attacks, and ordinary acts that look like them: each is an episode, labelled event by event."""
