"""Programs that start another are seen through, with their own options."""

from __future__ import annotations

import shlex

import pytest

from detectors.commands import read
from events import Process


@pytest.mark.parametrize(
    ("line", "wrappers"),
    [
        ("sudo -u root -E A=b {}", "sudo"),
        ("sudo -uroot -- {}", "sudo"),
        ("sudo --user=root {}", "sudo"),
        ("sudo --user root {}", "sudo"),
        ("doas -u root {}", "doas"),
        ("env -i -u X A=b C=d {}", "env"),
        ("env -C /tmp -- {}", "env"),
        ("env - {}", "env"),
        ("nohup {}", "nohup"),
        ("setsid -f {}", "setsid"),
        ("timeout -s KILL --kill-after=3 -k 3 10s {}", "timeout"),
        ("nice -n 5 {}", "nice"),
        ("nice -19 {}", "nice"),
        ("ionice -c2 -n 7 {}", "ionice"),
        ("chrt -f 99 {}", "chrt"),
        ("taskset -c 0,1 {}", "taskset"),
        ("stdbuf -oL -e 0 {}", "stdbuf"),
        ("busybox {}", "busybox"),
        ("toybox {}", "busybox"),
        ("time -f %e -o x {}", "time"),
        ("setpriv --reuid 1 --clear-groups {}", "setpriv"),
        ("gosu nobody {}", "gosu"),
        ("su-exec 1:1 {}", "su-exec"),
        ("tini -s -- {}", "tini"),
        ("dumb-init {}", "dumb-init"),
        ("catatonit -- {}", "catatonit"),
        ("catchsegv {}", "catchsegv"),
        ("pkexec --user root {}", "pkexec"),
        ("flock -w 3 /tmp/l {}", "flock"),
        ("runuser -u nobody -- {}", "runuser"),
        ("numactl --membind 0 -C 1 {}", "numactl"),
        ("screen -dmS name {}", "screen"),
        ("/lib64/ld-linux-x86-64.so.2 --library-path /x {}", "ld.so"),
        ("/lib/ld-musl-aarch64.so.1 {}", "ld.so"),
        ("ld-linux-x86-64 {}", "ld.so"),
        ("sudo nohup nice env {}", "sudo nohup nice env"),
    ],
)
def test_a_wrapper_is_taken_off(line: str, wrappers: str) -> None:
    words = line.format("/opt/curl -s http://h").split()
    (command,) = read(Process(binary=words[0], argv=tuple(words)))
    assert (command.name, command.path, command.arguments) == ("curl", "/opt/curl", ("-s", "http://h"))
    assert " ".join(command.wrappers) == wrappers
    assert not command.unknown


@pytest.mark.parametrize(
    "line",
    [
        "nsenter -t 1 -m -u -- {}",
        "nsenter --target 1 --mount=/x {}",
        "unshare -Ur --map-user 0 -R /x {}",
        "chroot --userspec=0:0 /host {}",
        "strace -f -e trace=read -o /tmp/o {}",
        "ltrace -S -o /tmp/o {}",
        "find / -name x -exec {} ;",
        "find / -execdir {} +",
        "kubectl -n x exec -it pod -c web -- {}",
        "kubectl exec pod -c web {}",
        "docker -H tcp://h exec -u 0 --privileged -it web {}",
        "podman exec web {}",
        "crictl exec -i -t 0123 {}",
        "ctr -n k8s.io task exec --exec-id 1 0123 {}",
        "ip netns exec blue {}",
        "proxychains4 -q -f x {}",
        "torsocks {}",
    ],
)
def test_a_wrapper_that_does_something_stays_too(line: str) -> None:
    words = line.format("curl -s h").split()
    outer, inner = read(Process(binary="/usr/bin/" + words[0], argv=tuple(words)))
    assert (outer.name, outer.arguments) == (words[0], tuple(words[1:]))
    assert (inner.name, inner.arguments) == ("curl", ("-s", "h"))


@pytest.mark.parametrize(
    "words",
    [
        ("sh", "-c", "id -u"),
        ("bash", "-lc", "id -u"),
        ("bash", "-xec", "id -u"),
        ("bash", "--norc", "--rcfile", "/x", "-o", "pipefail", "-c", "--", "id -u"),
        ("bash", "-eo", "pipefail", "-c", "id -u", "$0"),
        ("bash", "+x", "-c", "id -u"),
        ("dash", "-ec", "id -u"),
        ("busybox", "sh", "-c", "id -u"),
        ("su", "-", "root", "-c", "id -u"),
        ("su", "-lc", "id -u", "root"),
        ("su", "--command=id -u"),
        ("runuser", "-l", "x", "-c", "id -u"),
        ("script", "-q", "-c", "id -u", "/dev/null"),
        ("script", "-qc", "id -u", "/dev/null"),
        ("script", "/dev/null", "-qc", "id -u"),
        ("flock", "/tmp/l", "-c", "id -u"),
        ("watch", "-n", "1", "id", "-u"),
        ("tmux", "new-session", "-d", "-s", "x", "id -u"),
        ("capsh", "--drop=all", "--", "-c", "id -u"),
        ("env", "-S", "sh -c", "id -u"),
        ("xargs", "-0", "-n", "1", "sh", "-c", "id -u"),
    ],
)
def test_the_text_of_a_shell_is_read(words: tuple[str, ...]) -> None:
    command = read(Process(binary="/bin/" + words[0], argv=words))[-1]
    assert (command.name, command.arguments) == ("id", ("-u",))


@pytest.mark.parametrize(
    "line",
    [
        "sudo -l", "sudo -i", "taskset -p 12", "ionice -p 12", "command -v nmap", "nohup", "env", "busybox --list",
        "docker run nmap", "kubectl get pods", "ssh host nmap", "grep nmap x", "bash script.sh", "sh -i", "ldconfig -v",
        "/lib64/ld-linux-x86-64.so.2 --list /bin/nmap", "find / -name nmap", "xargs", "strace -p 1", "script -q log",
    ],
)  # fmt: skip
def test_what_starts_nothing_stands_for_itself(line: str) -> None:
    words = line.split()
    (command,) = read(Process(binary=words[0], argv=tuple(words)))
    assert (command.path, command.arguments, command.wrappers) == (words[0], tuple(words[1:]), ())


@pytest.mark.parametrize("text", ["echo a b | xargs -n 9 rm -f", "echo a b | xargs -I% rm -f %"])
def test_known_input_becomes_arguments(text: str) -> None:
    removed = [c.arguments for c in read(Process(binary="/bin/sh", argv=("sh", "-c", text))) if c.name == "rm"]
    assert removed in ([("-f", "a", "b")], [("-f", "a"), ("-f", "b")])


def test_a_name_given_to_another_program_does_not_hide_it() -> None:
    assert read(Process(binary="/tmp/xmrig", argv=("nginx", "-o")))[0].name == "xmrig"
    assert read(Process(binary="/bin/busybox", argv=("/bin/nc", "-e", "sh")))[0].name == "nc"
    assert read(Process(argv=("-bash",)))[0].name == "bash"
    assert read(Process(binary="/usr/bin/pkexec", argv=()))[0].name == "pkexec"


@pytest.mark.parametrize("path", ["/tmp/x", "/var/tmp/a/bb", "/dev/shm/x", "/opt/.x", "/proc/self/fd/3", "memfd:x"])
@pytest.mark.parametrize("line", ["wget -qO- http://h", "sh -c 'wget -qO- http://h'"])
def test_a_busybox_that_someone_brought_is_one_under_any_name(path: str, line: str) -> None:
    words = (path, *shlex.split(line))
    shown = " ".join(f'"{word}"' if " " in word else word for word in words[1:])
    for process in (Process(binary=path, argv=words), Process(binary=path, arguments=shown)):
        last = read(process)[-1]
        assert (last.name, last.arguments) == ("wget", ("-qO-", "http://h"))
        assert last.wrappers[0] == "busybox"


@pytest.mark.parametrize("line", ["/usr/bin/git grep x", "/tmp/x serve wget", "/opt/.venv/bin/tool find x", "/tmp/x"])
def test_other_programs_keep_their_name(line: str) -> None:
    binary, _, arguments = line.partition(" ")
    assert read(Process(binary=binary, arguments=arguments))[0].path == binary
