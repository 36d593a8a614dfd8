"""Where sample captures lie that are too large for the repository, and how hard Hypothesis tries."""

import os
import pathlib

from hypothesis import HealthCheck, settings

from tests.kafka.fixtures import (  # noqa: F401  fixtures and hooks for all tests
    broker,
    own_broker,
    pytest_report_header,
    pytest_terminal_summary,
    pytest_xdist_make_scheduler,
    topic,
)

SAMPLES = pathlib.Path(__file__).parents[1].parent / "shared" / "samples"
"""Tests that want these skip without."""

# The same examples in every run, so that what is red is red for a change; the deep profile looks for new ones.
BUSY = [HealthCheck.too_slow]
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True, suppress_health_check=BUSY)
settings.register_profile("deep", max_examples=100_000, deadline=None, suppress_health_check=BUSY)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
