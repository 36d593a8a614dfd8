"""Copying a stretch of topics into a folder."""
