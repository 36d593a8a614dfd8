"""Which programs are scripts: the kernel runs their interpreter, and sensors tell of it each in its own way."""

from __future__ import annotations

from functools import lru_cache

SHELL = "/bin/sh"
PERL = "/usr/bin/perl"
PYTHON = "/usr/bin/python3"
NODE = "/usr/bin/env"
BY_ENDING = {
    "sh": SHELL, "postinst": SHELL, "postrm": SHELL, "preinst": SHELL, "prerm": SHELL, "py": PYTHON, "pl": PERL,
}  # fmt: skip
BY_NAME = {
    "apache2-foreground": SHELL, "apt.systemd.daily": SHELL, "docker-php-entrypoint": SHELL, "ldconfig": SHELL,
    "mvn": SHELL, "update-ca-certificates": SHELL, "adduser": PERL, "deb-systemd-helper": PERL,
    "deb-systemd-invoke": PERL, "ansible-playbook": PYTHON, "certbot": PYTHON, "pip": PYTHON, "unattended-upgrade":
    PYTHON, "npm": NODE, "npx": NODE, "pyright-langserver": NODE, "yarn": NODE,
}  # fmt: skip
FOLDERS = ("/etc/cron.hourly/", "/etc/cron.daily/", "/etc/kernel/", "/etc/NetworkManager/", "/etc/update-motd.d/")
"""Whose programs are shell scripts."""


@lru_cache(maxsize=4096)
def interpreter_of(binary: str) -> str:
    """What runs a script, by the script's name; empty if it is a program of its own.

    Examples
    --------
    >>> interpreter_of("/docker-entrypoint.sh"), interpreter_of("/usr/sbin/nginx")
    ('/bin/sh', '')
    """
    name = binary.rpartition("/")[2]
    found = BY_NAME.get(name) or BY_ENDING.get(name.rpartition(".")[2] if "." in name else "")
    return found or (SHELL if binary.startswith(FOLDERS) else "")
