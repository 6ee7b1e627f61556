"""The house: no import runs in a circle or back up, no file is long, every folder has a guide."""

import re
from pathlib import Path

import pytest
from cases.imports import circles, imports_of, modules_of, room_of, upward

import loopbp

PACKAGE = Path(loopbp.__file__).parent
# From the ground up: a room may import those of the floors below, and nothing of its own.
FLOORS = (
    "jit catalogue formulas notation",
    "machine random messages reference",
    "activations validate",
    "losses own_activation schedules",
    "loops holdout",
    "parameters terminal datasets",
    "optimizers initial preparation",
    "passes",
    "binding",
    "tiled",
    "engines training numerics",
    "network",
    "compiled gradcheck cross_validation estimators",
    "study",
    "loopbp benchmark",
    "cli",
    "__main__",
)
LONGEST, FRONT = 500, 26
GENERATED = {"tiles.py"}


def test_no_import_runs_in_a_circle():
    assert circles(imports_of(PACKAGE)) == []


def test_no_import_runs_back_up():
    imports = imports_of(PACKAGE)
    assert {room_of(module) for module in imports} == set(" ".join(FLOORS).split())
    assert upward(imports, FLOORS) == []


WAYS = {
    "statement": "from house import ground",
    "of a name": "from house.ground import thing",
    "inside a function": "def later():\n    import house.ground",
    "by name": 'import_module("house.ground")',
    "by a name that is put together": 'PARTS = ("ground",)\nimport_module(f"house.{part}")',
}


@pytest.mark.parametrize("way", WAYS)
def test_a_circle_and_an_import_back_up_are_found(way, tmp_path):
    house = tmp_path / "house"
    house.mkdir()
    (house / "__init__.py").write_text("")
    (house / "ground.py").write_text("thing = 1")
    (house / "roof.py").write_text(WAYS[way])
    imports = imports_of(house)
    assert imports["house.roof"] == {"house.ground"}
    assert circles(imports) == []
    assert upward(imports, ("ground", "roof house")) == []
    assert upward(imports, ("roof", "ground", "house")) == ["house.roof imports house.ground"]
    (house / "ground.py").write_text("import house.roof")
    assert circles(imports_of(house)) == [["house.ground", "house.roof"]]


def long_files(folder: Path) -> list[str]:
    """The sources that people write, of more lines than are read at a sitting."""
    kinds = {".py", ".js", ".css", ".html"}
    return [
        path.name
        for path in sorted(folder.rglob("*"))
        if path.suffix in kinds
        and path.name not in GENERATED
        and len(path.read_text("utf-8").splitlines()) > LONGEST
    ]


def test_no_file_is_long(tmp_path):
    assert long_files(PACKAGE) == []
    (tmp_path / "long.js").write_text("\n" * (LONGEST + 1))
    (tmp_path / "tiles.py").write_text("\n" * (LONGEST + 1))
    (tmp_path / "short.py").write_text("\n" * LONGEST)
    assert long_files(tmp_path) == ["long.js"]


def test_the_front_is_small():
    assert len(list(PACKAGE.glob("*.py"))) <= FRONT


def left_out(guide: str, files: list[str]) -> list[str]:
    """The files of a folder that its docstring does not name."""
    return [name for name in files if not re.search(rf"\b{name}\b", guide)]


FOLDERS = sorted({path.parent for path in modules_of(PACKAGE).values()} - {PACKAGE})


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_folder_has_a_guide_to_its_files(folder):
    guide = (folder / "__init__.py").read_text("utf-8").split('"""')[1]
    files = [path.stem for path in folder.glob("*.py") if not path.stem.startswith("__")]
    folders = [path.parent.name for path in folder.glob("*/__init__.py")]
    assert left_out(guide, [*files, *folders]) == []


def test_a_file_without_a_guide_is_found():
    assert left_out("`panels`, then `sums`", ["panels", "sums", "layers"]) == ["layers"]
