"""Azure Resource Manager, as far as a cluster's identities use it."""
