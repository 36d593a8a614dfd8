"""One decoder for each format: how its records are recognised, and what becomes of one."""
