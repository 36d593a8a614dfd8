"""Alert type and the logic that detects it."""
