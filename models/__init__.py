"""Online models in river's contract. They know nothing of Kubernetes; none is needed by the detectors there are."""
