"""Examples in docstrings use the builders without importing them."""

from typing import Any

import pytest

from detectors import examples


@pytest.fixture(autouse=True)
def _examples(doctest_namespace: dict[str, Any]) -> None:
    doctest_namespace.update(vars(examples))
