"""What pyproject.toml cannot say: the wheel has trackers.ini beside its modules, with `paths` that lead from there."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class Build(build_py):
    """Modules and data, and the registry of an installation that is no checkout."""

    def run(self) -> None:
        """Write into the folder that becomes the wheel; an editable installation has the project's own file."""
        super().run()
        if not self.editable_mode:
            registry = Path("trackers.ini").read_text().replace("\npaths = .\n", "\npaths = ..\n")
            Path(self.build_lib, "tracker", "trackers.ini").write_text(registry)


setup(cmdclass={"build_py": Build})
