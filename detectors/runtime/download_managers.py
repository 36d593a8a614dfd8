"""Package managers, and what they start."""

from __future__ import annotations

from detectors.commands.options import interpreter
from detectors.contract import condition
from detectors.runtime.conditions import lineage
from events import Process, RuntimeEvent

_SYSTEM = frozenset(
    {
        *(
            f"/usr/bin/{name}"
            for name in ("apt", "apt-get", "dpkg", "unattended-upgrade", "rpm", "yum", "dnf", "microdnf")
        ),
        *("/usr/bin/zypper", "/usr/sbin/apk", "/sbin/apk", "/bin/rpm", "/usr/lib/apt/apt.systemd.daily"),
        *("/usr/bin/apk", "/bin/dpkg"),
    }
)
_OF_LANGUAGES = frozenset(
    {"npm", "npm-cli.js", "yarn", "yarn.js", "pnpm", "pnpm.cjs", "pip", "pip3", "gem", "bundle", "composer", "cargo"}
)
_FOLDERS = ("/usr/bin/", "/usr/local/bin/", "/usr/lib/node_modules/", "/usr/local/lib/node_modules/")
"""Where they lie that only root can write; a name alone is anybody's choice."""


@condition(
    saw=lambda event: next((process.command_line for process in lineage(event) if process.binary in _SYSTEM), "")
)
def package_manager_starts(event: RuntimeEvent) -> bool:
    """A package manager of the system does it, or what it starts."""
    return any(process.binary in _SYSTEM and is_manager(process) for process in lineage(event))


def language_manager_starts(event: RuntimeEvent) -> bool:
    """Whether a package manager of a language does it, or what it starts: anybody may publish there."""
    return any(process.binary not in _SYSTEM and is_manager(process) for process in lineage(event))


def is_manager(process: Process) -> bool:
    """Whether a process is a package manager that installs.

    With commands of the caller's own in its options (`apt-get -o APT::Update::Pre-Invoke::=...`) it is none.

    Examples
    --------
    >>> is_manager(Process(binary="/usr/bin/node", arguments="/usr/local/bin/npm ci"))
    True
    >>> is_manager(Process(binary="/tmp/npm")), is_manager(Process(binary="/usr/bin/apt-get", arguments="-o X::Y=z"))
    (False, False)
    """
    if "::" in process.arguments:
        return False
    if process.binary in _SYSTEM:
        return True
    folder, _, name = process.binary.rpartition("/")
    if name in _OF_LANGUAGES:
        return f"{folder}/" in _FOLDERS and not _runs_own(process.arguments)
    if not interpreter(name):
        return False
    first, _, rest = process.arguments.partition(" ")
    if first == "-m":
        return rest.partition(" ")[0] in ("pip", "ensurepip")
    return first.startswith(_FOLDERS) and first.rpartition("/")[2] in _OF_LANGUAGES and not _runs_own(rest)


def _runs_own(arguments: str) -> bool:
    """Whether it is asked to run a script or command of the project, and installs nothing."""
    return arguments.partition(" ")[0] in ("exec", "run", "run-script", "start", "test", "x", "dlx")
