"""Ordinary life of clusters and attacks in it, written as real servers, sensors and clouds write it."""
