"""Who imports whom: read from the sources, imports inside functions and by name included."""

import ast
from collections.abc import Iterator
from pathlib import Path


def modules_of(package: Path) -> dict[str, Path]:
    """The files of a package by the names of their modules."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _names(tree: ast.AST, package: str) -> Iterator[str]:
    """What a file may import: modules, and names that may be modules."""
    strings = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and "import_module" in ast.unparse(node.func):
            for name in node.args[:1]:
                if isinstance(name, ast.Constant):
                    yield str(name.value)
                elif ast.unparse(name).startswith(f"f'{package}."):  # any word of this file
                    yield from (f"{package}.{word}" for word in strings if word.isidentifier())


def imports_of(package: Path) -> dict[str, set[str]]:
    """Of each module of a package, those of it that it imports, anywhere and in any way."""
    files = modules_of(package)
    found: dict[str, set[str]] = {}
    for module, path in files.items():
        names = _names(ast.parse(path.read_text("utf-8")), package.name)
        wanted = {name if name in files else name.rpartition(".")[0] for name in names}
        found[module] = (wanted & set(files)) - {module}
    return found


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """The groups of modules that import each other, each in the order of names."""
    reached: dict[str, set[str]] = {}
    for module in imports:
        seen, waiting = set(), [module]
        while waiting:
            new = imports[waiting.pop()] - seen
            seen |= new
            waiting += new
        reached[module] = seen
    found = {
        tuple(sorted(other for other in reached[module] if module in reached[other]))
        for module in imports
        if module in reached[module]
    }
    return [list(circle) for circle in sorted(found)]


def room_of(module: str) -> str:
    """The front module, or the folder, that a module belongs to."""
    package, _, rest = module.partition(".")
    return rest.split(".")[0] or package


def upward(imports: dict[str, set[str]], floors: tuple[str, ...]) -> list[str]:
    """The imports of a room on the same floor or on one above; floors from the ground up."""
    floor = {room: k for k, rooms in enumerate(floors) for room in rooms.split()}
    return [
        f"{module} imports {other}"
        for module, others in sorted(imports.items())
        for other in sorted(others)
        if room_of(module) != room_of(other) and floor[room_of(module)] <= floor[room_of(other)]
    ]
