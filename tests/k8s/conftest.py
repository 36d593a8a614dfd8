"""The base, as Kustomize renders it."""

import pytest

from tests.k8s.rendering import BASE, Manifests, render


@pytest.fixture(scope="session")
def base() -> Manifests:
    return render(BASE)
