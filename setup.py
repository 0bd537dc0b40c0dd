"""What pyproject.toml cannot say: golden vectors and firmware sources go into the package built.

Without the vectors as C headers, for their size: ``refimpl vectors export-c FOLDER`` writes them.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
LEFT_OUT = ("__pycache__", "build", "*.o", "*.so", "rr_vectors_*.h")
SHIPPED = {"golden": ("*",), "firmware": ("src", "host", "arm", "Makefile", "cmsis_nn")}


class BuildWithSources(build_py):
    """Copies the two folders under workbench/shipped; an editable install reads them where they are."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for name, patterns in SHIPPED.items():
            for pattern in patterns:
                for source in sorted((ROOT / name).glob(pattern)):
                    target = Path(self.build_lib, "workbench", "shipped", name, source.name)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    if source.is_dir():
                        ignored = shutil.ignore_patterns(*LEFT_OUT)
                        shutil.copytree(source, target, dirs_exist_ok=True, ignore=ignored)
                    else:
                        shutil.copy2(source, target)
        manifest = Path(self.build_lib, "workbench", "shipped", "golden", "MANIFEST.sha256")
        lines = manifest.read_text().splitlines(keepends=True)
        manifest.write_text("".join(line for line in lines if "/rr_vectors_" not in line))


setup(cmdclass={"build_py": BuildWithSources})
