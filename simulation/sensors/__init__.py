"""What runs on nodes, and the sensors that report it."""
