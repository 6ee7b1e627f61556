"""What the extras of this package ask for, and what of it is installed."""

import re
from importlib import metadata

_DEVELOPMENT = ("test", "dev")  # not for those who use it
_REQUIREMENT = re.compile(r"""^([\w.-]+).*;.*\bextra\s*==\s*['"]([\w-]+)['"]""")


def installed() -> dict[str, dict[str, str | None]]:
    """The packages of each extra with their versions; None: not installed.

    They are read from the metadata of the package, so none is named that cannot be asked for.
    """
    found: dict[str, dict[str, str | None]] = {}
    for requirement in metadata.requires("loopbp") or ():
        match = _REQUIREMENT.match(requirement)
        if match is None or match.group(2) in _DEVELOPMENT:
            continue
        package, extra = match.groups()
        found.setdefault(extra, {})[package] = _version(package)
    return found


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
