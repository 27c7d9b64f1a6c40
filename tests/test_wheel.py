"""The package as a user gets it: a wheel, installed where the repository is not."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, packages_distributions
from pathlib import Path

import pytest

from tests.project import ROOT
from tests.test_house import imports, modules

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PACKAGES = ("clnp_core", "dashboard")


def normal(requirement: str) -> str:
    """The name in a requirement, as registries compare it."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


OPTIONAL = PROJECT["project"]["optional-dependencies"].values()
DEPENDENCIES = {normal(line) for lines in (PROJECT["project"]["dependencies"], *OPTIONAL) for line in lines}


def pip(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--quiet", *map(str, arguments)], check=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the project's wheel was installed, without what it depends on."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # what builds leave behind stays out of the repository
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", folder, source)
    (wheel,) = folder.glob("*.whl")
    pip("install", "--no-deps", "--no-index", "--no-compile", "--target", folder / "installed", wheel)
    return folder / "installed"


def outside(installed: Path, *command: object) -> str:
    """What a command says that finds this package there and nowhere else."""
    environment = os.environ | {"PYTHONPATH": str(installed)}
    there = {"cwd": installed.parent, "env": environment, "capture_output": True, "text": True}
    done = subprocess.run([str(part) for part in command], **there)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_has_every_file_of_the_packages(installed):
    def files(top):
        found = (path for package in PACKAGES for path in (top / package).rglob("*") if path.is_file())
        return {path.relative_to(top).as_posix() for path in found if "__pycache__" not in path.parts}

    assert files(installed) == files(ROOT)


def test_an_installed_command_learns_and_the_app_draws_its_page(installed, tmp_path):
    run = ["run", "digits", "--tasks", "1", "--epochs", "1", "--store", tmp_path / "store"]
    outside(installed, sys.executable, installed / "bin" / "clnp", *run)
    assert "digits" in outside(
        installed, sys.executable, installed / "bin" / "clnp", "list", "--store", tmp_path / "store"
    )
    page = (
        "import os, sys; os.environ['CLNP_STORE'] = sys.argv[1]; import dashboard; from pathlib import Path;"
        "from streamlit.testing.v1 import AppTest;"
        "app = AppTest.from_file(str(Path(dashboard.__file__).parent / 'app.py'), default_timeout=60).run();"
        "assert not app.exception, app.exception; print(dashboard.__file__)"
    )
    assert outside(installed, sys.executable, "-c", page, tmp_path / "store").startswith(str(installed))


def test_what_it_imports_it_asks_for(installed):
    (metadata,) = installed.glob("*.dist-info")
    assert {normal(line) for line in Distribution.at(metadata).requires or []} == DEPENDENCIES
    owners = packages_distributions()
    for module, path in modules():
        for name in {each.partition(".")[0] for each in imports(path)} - {*PACKAGES, *sys.stdlib_module_names}:
            assert {normal(owner) for owner in owners[name]} & DEPENDENCIES, f"{module} imports {name}"


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_what_is_locked_is_what_the_ranges_admit(file):
    """The lock is exact, has all that is asked for, and leaves CUDA to torch."""
    from packaging.requirements import Requirement

    lines = (ROOT / file).read_text("utf-8").splitlines()
    pins = [Requirement(line) for line in lines if not line.startswith("#")]
    locked = {normal(pin.name): next(iter(pin.specifier)) for pin in pins}
    assert {pin.operator for pin in locked.values()} == {"=="}
    asked = PROJECT["project"]["dependencies"]
    if file == "requirements-dev.txt":
        asked = asked + PROJECT["dependency-groups"]["dev"]
    for line in asked:
        requirement = Requirement(line)
        assert locked[normal(line)].version in requirement.specifier, "`make lock` writes it anew"
    assert not [name for name in locked if name.startswith(("nvidia", "cuda", "triton"))]
