"""The uninterrupted runs that all of these tests compare with."""

import pytest

from tests.guarantees.reference import Reference, get_reference
from tests.guarantees.system_calls import AVAILABLE


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """Run every command once, and once more, with all of its moments watched."""
    if not AVAILABLE:
        pytest.skip("system calls are watched on Linux and x86-64 only")
    return get_reference(tmp_path_factory)
