"""Missing compilers and emulators: a named skip for a user, a failure on CI."""

from __future__ import annotations

import pytest
from cross_tools import require


def test_missing_tools_skip_by_name_on_a_users_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(
        pytest.skip.Exception, match=r"needs no-such-compiler \(Debian packages: .*qemu-system-arm"
    ):
        require("no-such-compiler")


def test_missing_tools_fail_where_ci_is_true(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="needs no-such-compiler"):
        require("no-such-compiler")
