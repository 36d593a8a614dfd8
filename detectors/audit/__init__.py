"""What requests to the API server show: one module for each alert, named for what happened."""
