"""How programs that fetch are called, as far as it decides where the file goes (their manual pages)."""

from __future__ import annotations

from msgspec import Struct

from detectors.commands.options import named


class Fetcher(Struct, frozen=True):
    """The options of one program."""

    values: frozenset[str] = frozenset()
    """Options with a value that is neither a source nor a file."""
    output: frozenset[str] = frozenset()
    folder: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    """Options with which the file is named by the URL."""
    nothing: frozenset[str] = frozenset()
    """Options with which nothing is fetched."""
    saves: bool = False
    """Without any option it writes a file named by the URL."""
    urls: frozenset[str] = frozenset()
    """Options whose value is a source."""


_CURL = Fetcher(
    named(
        "-A -b -c -C -d -D -e -E -F -H -K -m -P -Q -r -t -u -U -w -x -X -y -Y -z --user-agent --cookie --cookie-jar"
        " --continue-at --data --data-raw --data-binary --data-urlencode --json --dump-header --referer --cert --form"
        " --header --config --max-time --connect-timeout --retry --retry-delay --retry-max-time --range --user"
        " --proxy-user --write-out --proxy --preproxy --socks5 --socks5-hostname --request --cacert --capath --key"
        " --resolve --connect-to --interface --limit-rate --max-redirs --max-filesize --noproxy --ciphers --etag-save"
        " --etag-compare --stderr --trace --trace-ascii --tls-max --unix-socket --dns-servers --doh-url --proto"
    ),
    output=named("-o --output"),
    folder=named("--output-dir"),
    named=named("-O --remote-name --remote-name-all"),
    nothing=named("-I --head -V --version -T --upload-file"),
    urls=named("--url"),
)
_WGET = Fetcher(
    named(
        "-o -a -e -B -t -T -w -Q -U -l -A -R -D -I -X --output-file --append-output --execute --base --tries --timeout"
        " --wait --quota --user-agent --header --referer --user --password --post-data --post-file --level --accept"
        " --reject --domains --limit-rate --ca-certificate --certificate --private-key --load-cookies --save-cookies"
        " --bind-address --waitretry --method --body-data --dns-timeout --connect-timeout --read-timeout -i"
        " --input-file"
    ),
    output=named("-O --output-document"),
    folder=named("-P --directory-prefix"),
    nothing=named("--spider -V --version"),
    saves=True,
)
_HTTPIE = Fetcher(named("-a --auth --proxy --timeout"), output=named("-o --output"), named=named("-d --download"))
NETCATS = ("nc", "ncat", "netcat", "nc.openbsd", "nc.traditional")
FETCHERS: dict[str, Fetcher] = {
    "curl": _CURL,
    "wget": _WGET,
    "wget2": _WGET,
    "aria2c": Fetcher(
        named("-x -s -j -k -i -l -U -m -t --header --max-connection-per-server --split"),
        output=named("-o --out"),
        folder=named("-d --dir"),
        saves=True,
    ),
    "axel": Fetcher(named("-n -s -H -U --num-connections"), output=named("-o --output"), saves=True),
    "fetch": Fetcher(named("-B -S -T -N -w --user-agent"), output=named("-o --output"), saves=True),
    "lwp-download": Fetcher(saves=True),
    **dict.fromkeys(("lwp-request", "GET", "lynx", "links", "elinks", "w3m", "socat"), Fetcher()),
    **dict.fromkeys(("http", "https", "httpie", "xh", "xhs"), _HTTPIE),
    **dict.fromkeys(NETCATS, Fetcher(named("-p -w -s -X -x -i"), nothing=named("-z"))),
}
ANY = Fetcher(output=named("-o -O --output --out"), folder=named("--output-dir"), named=named("--remote-name"))
"""A program that is not known, such as curl under another name."""
SPEAK = frozenset(
    {
        *("echo", "printf", "grep", "egrep", "sed", "awk", "test", "[", "[[", "export", "set", "local", "declare"),
        *("cat", "tee", "jq", "yq", "read", "cd", "mkdir", "chmod", "eval", "git", "pip", "pip3", "npm", "npx", "yarn"),
        *("apt", "apt-get", "yum", "dnf", "apk", "rpm", "zypper", "docker", "podman", "kubectl", "helm", "oc", "gcc"),
        *("psql", "mysql", "redis-cli", "ssh", "gpg", "openssl", "go", "cargo", "gem", "java", "nslookup", "dig"),
    }
)
"""Programs for which a URL is text, or that keep what they fetch to themselves."""
