"""What we say about what happened: the catalogue of alert types, and alerts and their encodings."""
