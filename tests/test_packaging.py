"""The wheel, installed alone and used from another folder, has all that the program needs."""

from __future__ import annotations

import json
import os
import re
import site
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.app_process import RunningApp, app_environment, running_app
from tests.browser_log import BrowserLog

ROOT = Path(__file__).resolve().parent.parent
Run = Callable[..., subprocess.CompletedProcess[str]]
# What makes this environment find the working copy; the one under test must not.
OWN = ("mskgraph", "_editable_impl_mskgraph", "__pycache__")

pytestmark = pytest.mark.xdist_group("packaging")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a fresh environment: mskgraph from the wheel, all else linked from this one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for available in map(Path, site.getsitepackages()):
        for entry in available.iterdir():
            if not entry.name.startswith(OWN) and not (packages / entry.name).exists():
                (packages / entry.name).symlink_to(entry)
    python = folder / "bin" / "python"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(python),
            "install",
            "-qq",
            "--no-deps",
            "--no-index",
            wheel,
        ],
        check=True,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    return folder / "bin"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="module")
def run(installed: Path, elsewhere: Path) -> Run:
    def run_installed(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [installed / program, *arguments],
            cwd=elsewhere,
            env=app_environment(elsewhere / "home"),
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run_installed


@pytest.fixture(scope="module")
def installed_app(installed: Path, elsewhere: Path) -> Iterator[RunningApp]:
    with running_app(elsewhere / "home", program=[str(installed / "mskgraph")], cwd=elsewhere) as app:
        yield app


def below(folder: Path) -> set[str]:
    left_out = {"__pycache__", "node_modules"}
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and left_out.isdisjoint(path.parts)
    }


def components() -> list[dict[str, str]]:
    manifest = tomllib.loads((ROOT / "src" / "mskgraph" / "pyproject.toml").read_text(encoding="utf-8"))
    listed: list[dict[str, str]] = manifest["tool"]["streamlit"]["component"]["components"]
    return listed


def test_the_wheel_holds_every_file_of_the_package_and_the_ontology(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {f"mskgraph/{name}" for name in below(ROOT / "src" / "mskgraph")}
    wanted |= {f"mskgraph/ontology/data/{name}" for name in below(ROOT / "ontology")}
    assert wanted - names == set()


@pytest.mark.parametrize(
    "part",
    [
        "pyproject.toml",
        "py.typed",
        "ontology/data/schema.ttl",
        "ontology/data/shapes.ttl",
        "ontology/data/diagnoses/",
        "queries/",
        "ui/main.py",
        "ui/screens/",
        *(f"{each['asset_dir']}/" for each in components()),
    ],
)
def test_the_wheel_holds(part: str, wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.startswith(f"mskgraph/{part}") for name in names)


def test_the_wheel_holds_no_tests_and_no_caches(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"mskgraph"}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc") or "node_modules" in name]


def test_the_package_is_the_one_from_the_wheel(run: Run, installed: Path) -> None:
    said = run("python", "-c", "import mskgraph; print(mskgraph.__file__)")
    assert Path(said.stdout.strip()).is_relative_to(installed.parent), said.stderr


def test_check_finds_the_ontology_and_no_fault(run: Run) -> None:
    said = run("mskgraph", "check")
    assert (said.returncode, said.stdout) == (0, ""), said.stdout + said.stderr
    assert "No problems found." in said.stderr


def test_paths_answers(run: Run) -> None:
    said = run("mskgraph", "paths", "msk:cysticercosis", "msk:soft-tissue-calcification", "--json")
    assert said.returncode == 0, said.stderr
    paths = json.loads(said.stdout)
    assert paths
    assert paths[0]["nodes"][0]["label"]


def test_python_m_is_the_same_program(run: Run) -> None:
    said = run("python", "-m", "mskgraph", "--help")
    assert said.returncode == 0, said.stderr
    assert "paths" in said.stdout


def test_the_app_draws_the_ontology_and_its_graph(
    installed_app: RunningApp, page: Page, browser_log: BrowserLog
) -> None:
    with page.expect_response(re.compile(r"/graph_view\.js"), timeout=30_000) as script:
        page.goto(installed_app.url)
    assert script.value.ok
    expect(page.get_by_role("button", name="dystrophic calcification").first).to_be_visible(timeout=30_000)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    assert browser_log.console_errors == []


FIND_COMPONENTS = """
from streamlit.components.v2.manifest_scanner import scan_component_manifests
for manifest, folder in scan_component_manifests():
    if manifest.name == "mskgraph":
        for component in manifest.components:
            print(component.name, component.resolve_asset_root(folder).is_dir())
"""


FOUND_COMPONENTS = "".join(f"{each['name']} True\n" for each in components())


def test_streamlit_finds_the_components_in_the_wheel(run: Run) -> None:
    said = run("python", "-c", FIND_COMPONENTS)
    assert said.stdout == FOUND_COMPONENTS, said.stderr


def test_streamlit_finds_the_components_in_an_editable_install() -> None:
    said = subprocess.run([sys.executable, "-c", FIND_COMPONENTS], capture_output=True, text=True, timeout=60)
    assert said.stdout == FOUND_COMPONENTS, said.stderr
