"""Compilers and emulators for tests: absent on a user's machine they skip by name, on CI they fail."""

from __future__ import annotations

import os
import shutil

import pytest


def require(*tools: str) -> None:
    """Skip, or fail where CI=true, unless every tool is on the path."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if not missing:
        return
    packages = (
        "gcc, clang, make, cmake, gcc-arm-none-eabi, libnewlib-arm-none-eabi, qemu-system-arm, "
        "gcc-riscv64-unknown-elf, qemu-system-misc"
    )
    message = f"needs {', '.join(missing)} (Debian packages: {packages})"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
