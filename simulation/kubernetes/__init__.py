"""Kubernetes, as its API server's audit log shows it: objects, requests, and what the cluster does by itself."""
