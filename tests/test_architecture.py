"""The house rules that can be read off the sources: which module may import what, what no file may name."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "mskgraph"

LAYERS = (
    "errors",
    "terms",
    "store",
    "ontology",
    "graph",
    "differential",
    "similarity",
    "annotate",
    "curation",
    "sparql",
    "views",
    "ui",
    "streams",
    "cli",
)
# The package root is the public face: it stands on views, and only what people start may stand on it.
FACADE = "__init__"
START = "__main__"
APP = "app.py"
FACADE_USERS = {"ui", "cli", START, APP}

RESERVED = {
    "streamlit": {"ui", "cli", APP},
    "pyvis": {"ui"},
    "pyoxigraph": {"store", "sparql"},
    "pyshacl": {"ontology"},
}


@dataclass(frozen=True)
class Import:
    """One imported name, as written in the source."""

    module: str
    line: int
    function: str | None

    @property
    def top(self) -> str:
        return self.module.split(".")[0]


def layer_of(path: Path, root: Path) -> str:
    """The module or subpackage a file belongs to; app.py stands for itself."""
    package = root / "src" / "mskgraph"
    if not path.is_relative_to(package):
        return path.name
    return path.relative_to(package).parts[0].removesuffix(".py")


def dotted_package(path: Path, root: Path) -> list[str]:
    """The package that a relative import in this file starts from."""
    return list(path.relative_to(root / "src").parent.parts) if path.is_relative_to(root / "src") else []


def imports(path: Path, root: Path) -> list[Import]:
    """Every import of a file: also in functions, under TYPE_CHECKING, and by name through importlib."""
    package = dotted_package(path, root)
    found: list[Import] = []

    def visit(node: ast.AST, function: str | None) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and function is None:
            function = node.name
        for name in imported_names(node, package):
            found.append(Import(name, getattr(node, "lineno", 0), function))
        for child in ast.iter_child_nodes(node):
            visit(child, function)

    visit(ast.parse(path.read_text(encoding="utf-8")), None)
    return found


def imported_names(node: ast.AST, package: list[str]) -> Iterator[str]:
    match node:
        case ast.Import():
            yield from (alias.name for alias in node.names)
        case ast.ImportFrom():
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            # "from mskgraph import store" names a module, so the last part may be one too.
            yield from (f"{module}.{alias.name}" for alias in node.names)
        case ast.Call(func=ast.Name(id="__import__" | "import_module"), args=[ast.Constant(value=str(name)), *_]):
            yield name
        case ast.Call(func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(name)), *_]):
            yield name


def imported_layer(name: str) -> str | None:
    """The layer of an imported name of this package: a listed module, else a name of the facade."""
    first, *rest = name.split(".")
    if first != "mskgraph":
        return None
    return rest[0] if rest and rest[0] in LAYERS else FACADE


def allowed_layers(layer: str) -> set[str]:
    """What a layer may import from this package, besides itself."""
    if layer == APP:
        return {*LAYERS, FACADE}
    if layer == START:
        return {"cli"}
    if layer == FACADE:
        return set(LAYERS[: LAYERS.index("ui")])
    lower = set(LAYERS[: LAYERS.index(layer)])
    return lower | {FACADE} if layer in FACADE_USERS else lower


def breaches(root: Path) -> list[str]:
    """Each broken import rule as one line: file, line, what is wrong."""
    problems = []
    for path in [*sorted((root / "src" / "mskgraph").rglob("*.py")), *root.glob(APP)]:
        where, layer = path.relative_to(root), layer_of(path, root)
        if layer not in {*LAYERS, FACADE, START, APP}:
            problems.append(f"{where}: {layer} is not a listed module (LAYERS in {Path(__file__).name})")
            continue
        for found in imports(path, root):
            problems += [f"{where}:{found.line}: {wrong}" for wrong in wrongs(layer, found)]
    return problems


def wrongs(layer: str, found: Import) -> Iterator[str]:
    target = imported_layer(found.module)
    if target is not None and target != layer and target not in allowed_layers(layer):
        name = "the package root" if target == FACADE else target
        yield f"{layer} imports {name}, which is not below it"
    if layer not in RESERVED.get(found.top, {layer}):
        yield f"{layer} imports {found.top}, which only {', '.join(sorted(RESERVED[found.top]))} may"
    # The other commands answer in a fraction of the time that importing Streamlit takes.
    if layer == "cli" and (found.top == "streamlit" or target == "ui") and not serves_the_app(found.function):
        yield f"cli imports {found.top if target is None else target} outside the app command"


def serves_the_app(function: str | None) -> bool:
    return function is not None and "app" in function.strip("_").split("_")


def test_imports_go_one_way() -> None:
    assert breaches(ROOT) == []


SOUND = {
    "src/mskgraph/__init__.py": "from mskgraph.views import table\n",
    "src/mskgraph/__main__.py": "from mskgraph.cli import main\nmain()\n",
    "src/mskgraph/errors.py": "from __future__ import annotations\n",
    "src/mskgraph/store.py": "import pyoxigraph\nfrom mskgraph import terms\nfrom .errors import Error\n",
    "src/mskgraph/ontology.py": "import pyshacl, rdflib\nfrom mskgraph.store import Store\n",
    "src/mskgraph/sparql/__init__.py": "from mskgraph.sparql.worker import run\nfrom ..store import Store\n",
    "src/mskgraph/sparql/worker.py": "from pyoxigraph import Store\n",
    "src/mskgraph/views.py": "from mskgraph import graph, errors\n",
    "src/mskgraph/ui/main.py": "import streamlit as st\nfrom mskgraph import KnowledgeGraph, views\n",
    "src/mskgraph/ui/graph_view/__init__.py": "import pyvis.network\nfrom ..widgets import panel\n",
    "src/mskgraph/cli.py": "import mskgraph\ndef app() -> None:\n    from mskgraph.ui import main\n",
    "app.py": "import streamlit as st\nfrom mskgraph.ui.main import routes\n",
}

FAULTS = {
    "upwards": ("terms.py", "from mskgraph.store import Store", "terms imports store"),
    "upwards, plain import": ("terms.py", "import mskgraph.views", "terms imports views"),
    "upwards, module taken from the root": ("graph.py", "from mskgraph import views", "graph imports views"),
    "upwards, relative": ("store.py", "from .ontology import find", "store imports ontology"),
    "upwards, relative from a package": ("graph/paths.py", "from ..views import t", "graph imports views"),
    "upwards, relative without a module": ("graph.py", "from . import curation", "graph imports curation"),
    "upwards, in a function": ("graph.py", "def f():\n    import mskgraph.ui.main", "graph imports ui"),
    "upwards, for types only": (
        "errors.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from mskgraph.terms import Terms",
        "errors imports terms",
    ),
    "upwards, by importlib": (
        "store.py",
        "import importlib\nimportlib.import_module('mskgraph.cli')",
        "store imports cli",
    ),
    "the root from below": (
        "views.py",
        "from mskgraph import KnowledgeGraph",
        "views imports the package root",
    ),
    "the root, relative": (
        "annotate.py",
        "from . import KnowledgeGraph",
        "annotate imports the package root",
    ),
    "the root on the screens": ("__init__.py", "from mskgraph.ui import main", "__init__ imports ui"),
    "the start on the depths": ("__main__.py", "from mskgraph.store import S", "__main__ imports store"),
    "streamlit below the screens": ("views.py", "import streamlit as st", "views imports streamlit"),
    "streamlit in another command": (
        "cli.py",
        "def paths():\n    import streamlit",
        "cli imports streamlit outside the app command",
    ),
    "streamlit whenever a command starts": ("cli.py", "import streamlit", "outside the app command"),
    "screens whenever a command starts": ("cli.py", "from mskgraph.ui import main", "cli imports ui outside"),
    "pyvis outside the screens": ("graph.py", "from pyvis.network import Network", "graph imports pyvis"),
    "pyvis in the command line": ("cli.py", "def app():\n    import pyvis", "cli imports pyvis"),
    "pyoxigraph outside the stores": ("views.py", "from pyoxigraph import Store", "views imports pyoxigraph"),
    "pyshacl outside the check": ("curation.py", "def f():\n    import pyshacl", "curation imports pyshacl"),
    "an unlisted module": ("utils.py", "", "utils is not a listed module"),
    "an unlisted package": ("services/core.py", "", "services is not a listed module"),
}


def write_sources(root: Path, sources: dict[str, str]) -> None:
    for name, text in sources.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")


def test_the_rules_let_sound_sources_pass(tmp_path: Path) -> None:
    write_sources(tmp_path, SOUND)
    assert breaches(tmp_path) == []


@pytest.mark.parametrize(("name", "source", "complaint"), FAULTS.values(), ids=FAULTS.keys())
def test_the_rules_find(name: str, source: str, complaint: str, tmp_path: Path) -> None:
    write_sources(tmp_path, {**SOUND, f"src/mskgraph/{name}": source})
    found = breaches(tmp_path)
    assert len(found) == 1, found
    assert complaint in found[0]


def test_pyproject_has_only_standard_tables() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(declared) <= {"build-system", "project", "dependency-groups", "tool"}


def test_both_manifests_name_the_same_package() -> None:
    outer = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    inner = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (inner["name"], inner["version"]) == (outer["name"], outer["version"])


def test_dependencies_are_what_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[^\w-]", each)[0] for each in project["dependencies"]}
    sources = [*PACKAGE.rglob("*.py"), ROOT / APP]
    used = {found.top for path in sources for found in imports(path, ROOT)}
    assert used - sys.stdlib_module_names - {"mskgraph"} == declared


# Put together from parts, so that this file does not name what it forbids.
HOSTS = [
    ".".join(parts)
    for parts in [
        ("pypi", "org"),
        ("files", "python" + "hosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("deb", "debian", "org"),
    ]
]
HERE = re.escape(ROOT.as_posix().lstrip("/"))
FOLDERS = [HERE, "root", r"home/[\w.-]+", r"Users/[\w.-]+", "opt", "mnt", "srv"]
FORBIDDEN = re.compile(
    rf"(?P<host>\b(?:{'|'.join(map(re.escape, HOSTS))})\b)|(?P<folder>(?<![\w.:/-])/(?:{'|'.join(FOLDERS)})/)"
)


def project_files() -> list[Path]:
    """What is tracked by git, or would be by the next commit."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def forbidden_names(text: str) -> list[str]:
    return [found.group() for found in FORBIDDEN.finditer(text)]


def test_no_file_names_a_machine_or_a_registry() -> None:
    named = {}
    for path in project_files():
        content = path.read_bytes()
        if b"\0" not in content and (names := forbidden_names(content.decode("utf-8", errors="replace"))):
            named[str(path.relative_to(ROOT))] = names
    assert named == {}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (f"index = https://{HOSTS[0]}/simple", [HOSTS[0]]),
        (f'"resolved": "https://{HOSTS[2]}/a.tgz"', [HOSTS[2]]),
        (f"cd {ROOT.as_posix()}/src", [f"{ROOT.as_posix()}/"]),
        ("'/" + "home/ann/.cache'", ["/" + "home/ann/"]),
        ("https://example.org/root/page and ./work/file and lib/work/x", []),
    ],
)
def test_what_counts_as_naming_one(text: str, names: list[str]) -> None:
    assert forbidden_names(text) == names
