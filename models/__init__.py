"""Online models in river's contract. They know nothing of Kubernetes."""
