"""Programs that start another: what they start, seen through their own options."""

from __future__ import annotations

import re

from msgspec import Struct

from detectors.commands.launchers import SPECIAL, Step, Words, assignments, joined, loader, shell
from detectors.commands.options import SHELLS, leading, named


class Wrapper(Struct, frozen=True):
    """How a wrapper is called: options, then operands of its own, then the command."""

    values: frozenset[str] = frozenset()
    """Options that take a value."""
    operands: int = 0
    assigns: bool = False
    """`FOO=bar` may stand before the command."""
    stays: bool = False
    """It does something of its own, and stands as a command too."""
    stops: frozenset[str] = frozenset()
    """Options with which it starts nothing."""
    joins: bool = False
    """The command is one text for a shell."""


def _of(values: str = "", operands: int = 0, *, stops: str = "", **flags: bool) -> Wrapper:
    return Wrapper(named(values), operands, stops=named(stops), **flags)


_PLAIN: dict[str, Wrapper] = {
    "sudo": _of(
        "-C -D -g -p -R -r -T -t -U -u --close-from --chdir --group --host --prompt --chroot --role --type --user"
        " --command-timeout --other-user",
        assigns=True,
        stops="-l -v -e -K --list --validate --edit --remove-timestamp",
    ),
    "doas": _of("-C -u -a", stops="-C -L"),
    "nohup": _of(),
    "setsid": _of(),
    "timeout": _of("-k -s --kill-after --signal", 1),
    "nice": _of("-n --adjustment"),
    "ionice": _of("-c -n -p -P -u --class --classdata --pid --pgid --uid", stops="-p -P -u --pid --pgid --uid"),
    "chrt": _of("-T -P -D --sched-runtime --sched-period --sched-deadline", 1, stops="-p --pid -m --max"),
    "taskset": _of("", 1, stops="-p --pid"),
    "stdbuf": _of("-i -o -e --input --output --error"),
    "chroot": _of("--userspec --groups", 1, stays=True),
    "nsenter": _of("-t -S -G --target --setuid --setgid --wdns", stays=True),
    "unshare": _of(
        "-S -G -R -w -l --root --wd --setuid --setgid --map-user --map-group --map-users --map-groups --propagation"
        " --setgroups --monotonic --boottime --load-interp",
        stays=True,
    ),
    "strace": _of(
        "-a -b -e -E -I -o -O -p -P -s -S -u -U -X --attach --output --trace --env --user --string-limit", stays=True
    ),
    "ltrace": _of("-a -A -D -e -F -l -n -o -p -s -u -w -x --align --output --indent --library --where", stays=True),
    "time": _of("-f -o --format --output"),
    "exec": _of("-a"),
    "command": _of("", stops="-v -V"),
    "builtin": _of(),
    "noglob": _of(),
    "nocorrect": _of(),
    "setpriv": _of(
        "--ruid --euid --reuid --rgid --egid --regid --groups --inh-caps --ambient-caps --bounding-set --securebits"
        " --pdeathsig --selinux-label --apparmor-profile --landlock-access --landlock-rule --seccomp-filter --ptracer",
        stops="-d --dump",
    ),
    "prlimit": _of("-p --pid -o --output", stops="-p --pid"),
    "gosu": _of("", 1),
    "su-exec": _of("", 1),
    "s6-setuidgid": _of("", 1),
    "chpst": _of("-u -U -b -e -/ -n -l -L -m -d -o -p -f -c -r -t"),
    "tini": _of("-p -e"),
    "docker-init": _of("-p -e"),
    "dumb-init": _of("-r --rewrite"),
    "catatonit": _of(),
    "catchsegv": _of(),
    "pkexec": _of("--user"),
    "watch": _of("-n -q --interval --equexit", joins=True),
    "unbuffer": _of(),
    "fakeroot": _of("-l -s -i -b --lib --faked"),
    "linux32": _of(),
    "linux64": _of(),
    "setarch": _of("", 1),
    "numactl": _of("-i -m -N -C -p --interleave --membind --cpunodebind --physcpubind --preferred"),
    "cpulimit": _of("-l -p -e -P --limit --pid --exe --path", stops="-p -e -P --pid --exe --path"),
    "systemd-run": _of("-u -p -H -M -E -t --unit --property --host --machine --setenv --slice --uid --gid --nice"),
    "proxychains": _of("-f", stays=True),
    "proxychains4": _of("-f", stays=True),
    "torsocks": _of("-a -u -p -P --address --port --user --pass", stays=True),
    "torify": _of("", stays=True),
    "screen": _of("-S -c -e -h -p -s -t -T -L -Logfile", stops="-r -R -x -ls -X -list"),
}
_STAY = frozenset(
    {"find", "su", "kubectl", "oc", "docker", "podman", "nerdctl", "crictl", "ctr", "ip", "capsh", "trap"}
)
_NAMES = frozenset(_PLAIN) | frozenset(SPECIAL) | SHELLS
_APPLETS = named(
    "ash awk base64 cat chmod crond cut dd df env find free grep head hostname httpd id ifconfig ip kill less ls lsof"
    " mount nc netstat nslookup od printenv ps rm route sed sh ssl_client strings tail telnet telnetd top tr uname"
    " wget who whoami xargs xxd"
)
"""Some of the programs that a busybox holds: it is told by its first word which it shall be."""
_BROUGHT = re.compile(r"^/(?:tmp|var/tmp|dev/shm)/|/\.[^/]+$|^/?memfd:|/fd/[0-9]+$")
_LOADERS = ("ld-linux", "ld-musl", "ld-2", "ld.so", "ld64.so")
"""What the names of dynamic loaders begin with: some sensors cut names at 15 characters."""


def unwrap(name: str, words: list[str]) -> tuple[list[Step], bool]:
    """What the program starts, and whether it stands as a command of its own too.

    Parameters
    ----------
    name
        Base name of the program.
    words
        The program as written, and its arguments.

    >>> unwrap("timeout", ["timeout", "-k", "5", "10", "curl", "-s"])[0][0].words
    ['curl', '-s']
    """
    if plain := _PLAIN.get(name):
        return _plain(name, plain, words[1:]), plain.stays
    if name in SHELLS:
        return shell(name, words[1:]), False
    if special := SPECIAL.get(name):
        return special(words[1:]), name in _STAY
    if name.startswith(_LOADERS):
        return loader(words[1:]), False
    return ([Step("busybox", words[1:])] if is_busybox(words) else []), False


def is_wrapper(name: str) -> bool:
    """Whether a program of this name may start another."""
    return name in _NAMES or name.startswith(_LOADERS)


def is_brought(path: str) -> bool:
    """Whether a program lies where someone puts it who brings it along: a temporary folder, a hidden file, memory."""
    return _BROUGHT.search(path) is not None


def is_busybox(words: Words) -> bool:
    """Whether a program is, by all appearance, a busybox under another name: `/tmp/x wget http://h`."""
    return len(words) > 1 and words[1] in _APPLETS and is_brought(words[0])


def _plain(name: str, wrapper: Wrapper, words: Words) -> list[Step]:
    found, start = leading(words, wrapper.values)
    if wrapper.stops & set(found):
        return []
    start += wrapper.operands
    assigned, count = assignments(words[start:]) if wrapper.assigns else ((), 0)
    rest = list(words[start + count :])
    rest = rest[1:] if rest[:1] == ["--"] else rest
    if not rest:
        return []
    return [Step(name, [] if wrapper.joins else rest, joined(rest) if wrapper.joins else None, assignments=assigned)]
