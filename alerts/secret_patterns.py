"""How secrets look: by their place in a command, a header, an address or a document, or by their own form.

Sources: the documentation of the clients named here, for their flags, and of the services, for their tokens.
"""

from __future__ import annotations

import re2

HIDDEN = "***"
"""What stands in place of a secret."""

_ORDINARY = (
    r"(?s)(?i:true|false|null|none|nil)?|\*+|<[^<>]*>|"
    r"\\*(?:\$\(.*|`.*|\$\{[A-Za-z_]\w*\}\W*|\$(?:[A-Z_][A-Z0-9_]*|\d)\W*)"
)
"""Values that are no secrets: switches, placeholders, and references such as `$TOKEN` and `$(cat file)`."""


def compiled(pattern: str, *, captures: bool = True) -> re2.Pattern:
    """A pattern over bytes. A text that is too varied for its automaton is searched more slowly, without a word."""
    options = re2.Options()
    options.log_errors = False
    options.never_capture = not captures
    return re2.compile(pattern.encode(), options)


class SecretPattern:
    """A pattern with one group, which is the secret with its quotes.

    Parameters
    ----------
    pattern
        RE2.
    ordinary
        Values that are no secrets at this place, beside those that are none anywhere.
    """

    def __init__(self, pattern: str, ordinary: str = r"\*+") -> None:
        self.pattern = pattern
        self._compiled = compiled(pattern)
        self._ordinary = compiled(f"{_ORDINARY}|{ordinary}")

    def hide(self, text: bytes) -> bytes:
        """The text with `***` for each secret; what stands around it, and its quotes, stay."""
        hidden: bytes = self._compiled.sub(self._hidden, text)
        return hidden

    def _hidden(self, match: re2.Match) -> bytes:
        whole: bytes = match.group(0)
        secret: bytes = match.group(1)
        quote = secret[:1] if secret[:1] in (b'"', b"'") else b""
        closed = quote if len(secret) > 1 and secret.endswith(quote) else b""
        if self._ordinary.fullmatch(secret[len(quote) : len(secret) - len(closed)]) is not None:
            return whole
        start, end = match.start(1) - match.start(), match.end(1) - match.start()
        return whole[:start] + quote + HIDDEN.encode() + closed + whole[end:]


_QUOTED = r"""(?:"(?:\\.|[^"\\])*"?|'[^']*'?)"""
_BARE = r"""[^\s"'|;&-][^\s"'|;&]*(?:&[^\s"'|;&]+)*"""
_ARGUMENT = rf"(?:{_QUOTED}|{_BARE})"
"""An argument that is no flag."""
_FIELD = rf"""(?:{_QUOTED}|[^\s"'&;=\\][^\s"'&;\\]*)"""
"""A value in a query, a connection string or an environment."""
_START = r"""(?:^|[\s/"'`(;|&=])"""
_REST = rf"""(?:{_QUOTED}|[^|;&"'\n])*?"""
"""More arguments of the same command."""

_NAMED = (
    r"password|passwd|passphrase|passcode|"
    r"(?:api|access|account|secret|shared|signing|encryption|master|storage|subscription|auth|sas)[_.-]?key|"
    r"sharedaccesskey|shared[_-]?access[_-]?signature|x-(?:amz|goog)-signature|client-key-data|"
    r"(?:client|consumer|app|application|shared|jwt|session|oauth2?|api|signing|webhook|hmac|cookie|csrf|auth)"
    r"[_.-]?secret"
)
_KEY = rf"(?:(?i:[\w.-]*(?:{_NAMED}|token))|(?i:(?:[\w.-]*[_.-])?(?:pass|pw))|[A-Z0-9_]*SECRET)"
"""The name of something secret; not `secret` alone, under which Kubernetes writes the names of Secrets."""
_SCHEME = r"""(?i:authorization)\\*["']?\s*[:=]\s*\\*["']?[\s\\]*"""
_PORTS = r"[\d.]*:?\d+:\d+(?:/\w+)?"
"""What follows `docker run --name mysql -p`."""
_USER_FLAG = rf"\b(?:curl|etcdctl)\s(?:{_REST}\s)??-(?:[a-zA-Z]*[uU]\s*|-(?:proxy-)?user[=\s]\s*)"
_MYSQL = r"(?:mysql|mariadb)(?:-?(?:dump|admin|import|show|check|slap|binlog))?|mycli"
_MONGO = r"mongo(?:sh|dump|restore|export|import|stat|top|files)?"
_REGISTRY = rf"(?:docker|podman|nerdctl|buildah|skopeo|crane|oras|helm|az|oc|argocd)\s(?:{_REST}\s)??login"
_LETTER_P = r"sshpass|user(?:add|mod)|adduser|hydra|medusa|nxc|netexec|crackmapexec|evil-winrm|smbmap"
_READS_STDIN = (
    r"(?:sudo\s+)?(?:chpasswd|passwd|sudo\s+-S|su\s|kinit|cryptsetup|"
    r"[^|;&\n]{1,200}--(?:password-stdin|passphrase-fd|stdin))"
)


def _flag(clients: str, letter: str, ordinary: str = r"\*+") -> SecretPattern:
    """The first such flag of these clients, with its value attached or as the next argument."""
    return SecretPattern(rf"{_START}(?:{clients})\s(?:{_REST}\s)??-{letter}\s*({_ARGUMENT})", ordinary)


_CLIENTS = (
    SecretPattern(rf"{_START}(?:{_MYSQL})\s(?:{_REST}\s)??-p({_ARGUMENT})"),
    # With a space it is the name of a database, but people mean a password.
    SecretPattern(rf"{_START}(?:{_MYSQL})\s(?:{_REST}\s)??-p\s+({_ARGUMENT})", rf"\d{{1,5}}|/.*|{_PORTS}"),
    _flag(_MONGO, "p", _PORTS),
    _flag(_LETTER_P, "p"),
    _flag(_REGISTRY, "p"),
    _flag("7z[ar]?|rar|unrar", "p"),
    _flag("(?:redis|valkey|keydb)-cli", "a"),
    _flag("ldap(?:search|modify|add|delete|whoami|passwd)", "w"),
    _flag("sqlcmd|bcp|zip|unzip|mosquitto_(?:pub|sub)", "[a-zA-Z]*P"),
    _flag("ssh-keygen", "[NP]"),
    SecretPattern(rf"""{_USER_FLAG}[^\s"':|;&]*:([^\s"'|;&]+)"""),
    SecretPattern(rf"""{_USER_FLAG}["'][^"':]*:([^"']+)"""),
    SecretPattern(r"""\bsmbclient\s[^|;&\n]*?-U\s*["']?[^\s"'%]*%([^\s"'|;&]+)"""),
    SecretPattern(
        r"""\b(?:echo|printf)\s+(?:-[neE]+\s+)*["']?[\w.-]+:([^\s"'|;&]+)["']?\s*\|\s*(?:sudo\s+)?chpasswd"""
    ),
    SecretPattern(
        rf"""\b(?:echo|printf)\s+(?:-[neE]+\s+)*({_QUOTED}|[^\s"'|;&]+)\s*\|\s*{_READS_STDIN}""", r"[\w.-]+:\*+"
    ),
    SecretPattern(rf"\becho\s+({_ARGUMENT})\s*;\s*(?:sleep\s\S+\s*;\s*)?echo\s[^|;&\n]*\|\s*{_READS_STDIN}"),
    SecretPattern(rf"\b(?:{_READS_STDIN})[^|;&\n<]*<<<\s*({_ARGUMENT})"),
    SecretPattern(
        rf"\b(?:openssl\s+passwd|mkpasswd)(?:\s+-(?:salt|m|S)\s+\S+|\s+-\S+)*\s+({_QUOTED}|[^\s\"'|;&)-][^\s\"'|;&)]*)"
    ),
    SecretPattern(rf"\bhtpasswd\s+-\w*b\w*\s+(?:-\w+\s+)*\S+\s+\S+\s+({_ARGUMENT})"),
    SecretPattern(rf"\baws\s+configure\s+set\s+[\w.-]*(?:secret_access_key|session_token)\s+({_ARGUMENT})"),
    SecretPattern(rf"\bopenssl\s[^|;&\n]*?\bpass:({_ARGUMENT})"),
    SecretPattern(rf"""--from-literal[=\s]["']?[\w.-]+=({_ARGUMENT})"""),
)
_PLACES = (
    SecretPattern(
        rf"""(?:^|[\s"',\[])-{{1,2}}(?i:[a-z0-9_-]*(?:{_NAMED}|token|bearer)|(?:[a-z0-9]+[_-])*pass)(?:\s+|=)({_ARGUMENT})"""
    ),
    SecretPattern(rf"""{_SCHEME}(?i:digest|aws4-hmac-sha256|negotiate|ntlm)\s+([^"'\r\n]+)"""),
    SecretPattern(rf"""{_SCHEME}(?i:bearer|basic|token|apikey|splunk|ssws)[\s\\]+([^\s"'\\]+)"""),
    SecretPattern(rf"""{_SCHEME}([^\s"'\\]{{16,}})""", "(?i:aws4-hmac-sha256)"),
    SecretPattern(r"""(?i:\b(?:set-)?cookie):\s?([^"'\r\n]+)"""),
    SecretPattern(r"(?i:\bbearer)\s+([\w.~+/=-]{8,})", r"[A-Za-z]+[.,]?"),
    SecretPattern(r"""[A-Za-z][\w+.-]*://[^/\s:@"'?#]*:([^/\s"'?#]+)@"""),
    SecretPattern(r"""(?:[?&;]|%26)(?i:sig)(?:=|%3[dD])([^\s"'&;]+)"""),
    SecretPattern(rf"(?i:\b(?:identified\s+by|password)\s+)({_QUOTED})"),
    SecretPattern(rf"(?i:\b(?:requirepass|masterauth)\s+)({_ARGUMENT})"),
    SecretPattern(rf"""\b{_KEY}\\+["']\s*[:=]\s*\\+["']([^"'\\]+)"""),
    SecretPattern(rf"""\b{_KEY}["']\s*[:=]\s*({_QUOTED}|\d[\w.]*)"""),
    SecretPattern(r"""\bauth\\*"\s*:\s*\\*"([A-Za-z0-9+/=]{8,})"""),
    SecretPattern(rf"\b{_KEY}(?:=|\s=\s)({_FIELD})"),
    SecretPattern(r"""\b(?:[Pp]wd|\w+_PWD)(?:=|\s=\s)([^\s"'&;/=][^\s"'&;]*)"""),
    SecretPattern(rf"""\b(?i:[\w-]*(?:{_NAMED})|[\w-]*[_-]token)\s?:\s+([^\s"'{{\[|>&;,][^\s"',;]*)"""),
    SecretPattern(r"""(?i:\bx-[\w-]*(?:token|key|secret))\s?:\s?([^\s"',;]+)"""),
    SecretPattern(r"\btoken:\s+([\w+/.=-]{16,})", r"[A-Za-z._/-]+"),
)
_FORMS = (
    SecretPattern(r"(?s)(-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\z))"),
    # The beginnings of private keys in PEM, in base64.
    SecretPattern(r"(LS0tLS1CRUdJTi(?:BSU0Eg|BQUklW|BFQyBQ|BFTkNS|BPUEVO|BEU0Eg|BQR1Ag)[A-Za-z0-9+/=]*)"),
    SecretPattern(r"(\beyJ[\w-]{8,}(?:\.[\w-]*){1,4}|\beyJ[\w-]{24,})"),
    SecretPattern(r"(\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b)"),
    SecretPattern(
        r"(\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|gl[a-z]{2,6}-[\w-]{16,}|npm_[A-Za-z0-9]{30,}))"
    ),
    SecretPattern(
        r"(\b(?:xox[a-z]|xapp)-[\w-]{8,}|\bSG\.[\w-]{16,}\.[\w-]{16,}|\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,})"
    ),
    SecretPattern(r"hooks\.slack\.com/(?:services|workflows)/([\w/-]+)"),
    SecretPattern(r"discord(?:app)?\.com/api/webhooks/\d+/([\w-]+)"),
    SecretPattern(r"api\.telegram\.org/bot(\d+:[\w-]+)"),
    SecretPattern(
        r"(\bAIza[\w-]{30,}|\bya29\.[\w-]{16,}|\bGOCSPX-[\w-]{16,}|\bdckr_[a-z]+_[\w-]{16,}|\bpypi-[\w-]{32,})"
    ),
    SecretPattern(
        r"(\bhv[sbr]\.[\w-]{16,}|\bhf_[A-Za-z0-9]{24,}|\bdop_v1_[a-f0-9]{32,}|\bsk-(?:ant-|proj-)?[\w-]{24,})"
    ),
    # Azure client secrets.
    SecretPattern(r"([A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{31,34})"),
)
PATTERNS = (*_CLIENTS, *_PLACES, *_FORMS)
"""In the order in which they are applied."""

_KIND_IS_SO = r"""\\*"kind\\*"\s*:\s*\\*"Secret(?:List)?\\*"|\bkind:\s*Secret(?:List)?\b"""
SECRET_OBJECT = compiled(_KIND_IS_SO)
"""A text that holds a Kubernetes Secret, as JSON (also in a string of JSON) or YAML."""
SECRET_OBJECT_DATA = (
    SecretPattern(r"""\\*"(?:data|stringData)\\*"\s*:\s*\{((?:\\*"(?:\\.|[^"\\])*"?|[^{}"])+)"""),
    SecretPattern(r"\b(?:data|stringData):[ \t]*(?:\n|\\n)((?:[ \t]+(?:[^\n\\]|\\[^n])*(?:\n|\\n|\z))+)"),
)
"""What it keeps."""


ANY = compiled(
    "|".join(f"(?:{pattern})" for pattern in (_KIND_IS_SO, *(secret.pattern for secret in PATTERNS))), captures=False
)
"""Finds something in each text in which one of the patterns finds something."""
SECRET_KEY = compiled(_KEY)
"""The name of a field that holds a secret: `password`, `DB_PASSWORD`, `clientSecret`, but not `secretName`."""
ORDINARY = compiled(_ORDINARY)
"""A value that is no secret, whatever holds it."""
