"""Where sample captures lie that are too large for the repository, and how hard Hypothesis tries."""

import os
import pathlib

from hypothesis import settings

SAMPLES = pathlib.Path(__file__).parents[1].parent / "shared" / "samples"
"""Tests that want these skip without."""

settings.register_profile("ci", max_examples=100, deadline=None)
settings.register_profile("deep", max_examples=100_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
