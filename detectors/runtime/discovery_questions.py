"""Commands that gather details of a system, as data: what each asks, and of which category that is."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Category(StrEnum):
    """What a command wants to know (MITRE ATT&CK, tactic Discovery)."""

    IDENTITY = "identity"
    HOST = "host and kernel"
    PROCESSES = "processes"
    NETWORK = "network"
    USERS = "users and groups"
    FILES = "files and SUID search"
    CLOUD = "environment and cloud"
    CONTAINER = "container and Kubernetes"


class Question(Struct, frozen=True):
    """One thing that commands ask: by one of the programs, by reading a file, or by listing a folder.

    Two tools for the same thing (`ss`, `netstat`) are one question, and so are all ways to call one (`id`, `id -u`).
    Patterns are RE2; those of paths match from begin to end.
    """

    category: Category
    label: str
    programs: str = ""
    """Base names, divided by spaces."""
    arguments: str = ""
    """What the arguments, joined by spaces, must contain; empty for any."""
    files: str = ""
    folders: str = ""


_ID, _HOST, _PROCESSES, _NETWORK, _USERS, _FILES, _CLOUD, _CONTAINER = Category
PUBLIC_ADDRESS = (
    r"\b(?:ifconfig\.(?:me|co|io)|ipinfo\.io|ip\.sb|ip\.me|icanhazip\.com|ipify\.org|checkip\.(?:amazonaws|dyndns)"
    r"|ip-api\.com|ipapi\.co|ipecho\.net|ident\.me|wtfismyip\.com|api\.myip\.com|cip\.cc|myip\.opendns\.com)\b"
)
"""Services that tell who asks them from which address."""
_PROCESS = r"/proc/(?:\d+|self|thread-self|\*|\[[^/]*)/(?:task/[^/]+/)?"
_NET = "/proc/(?:[^/]+/)?net"
_SHOW = r"(?:$| (?:s|sh|show|list|ls|get|dev)\b)"

QUESTIONS = (
    Question(_ID, "id", "id"),
    Question(_ID, "whoami", "whoami logname"),
    Question(_ID, "groups", "groups"),
    Question(_ID, "sudo -l", "sudo doas", r"(?:^|\s)(?:-[A-Za-z]*[lL]|--list)\b"),
    Question(_HOST, "uname", "uname arch"),
    Question(_HOST, "hostname", "hostname hostnamectl", "^(?:-[fsdaA]+|--[a-z-]+|status)?$", files="/etc/hostname"),
    Question(
        _HOST,
        "OS release",
        "lsb_release",
        files=r"(?:/usr/lib|/etc)/[^/]*release[^/]*|/etc/(?:issue(?:\.net)?|debian_version)",
    ),
    Question(_HOST, "/proc/version", files="/proc/(?:version|cmdline|sys/kernel/[^/]+)"),
    Question(
        _HOST,
        "hardware",
        "lscpu lshw lspci lsusb dmidecode hwinfo inxi nproc free uptime",
        files="/proc/(?:cpuinfo|meminfo|loadavg|uptime)|/sys/class/dmi/id/[^/]+",
    ),
    Question(_HOST, "kernel modules", "lsmod", files="/proc/modules"),
    Question(_HOST, "kernel settings", "sysctl", r"(?:^|\s)(?:-[A-Za-z]*a|--all)\b|^(?:-n )?kernel\.[^=\s]+$"),
    Question(_HOST, "kernel log", "dmesg"),
    Question(_HOST, "virtualisation", "systemd-detect-virt virt-what"),
    Question(_HOST, "installed packages", "dpkg rpm dpkg-query", r"(?:^|\s)(?:-l|--list|-qa\S*|-q -a|-W)$"),
    Question(_HOST, "installed packages", "apk apt yum dnf", r"^(?:info(?: -\S+)?|list(?: --?installed| installed)?)$"),
    Question(
        _PROCESSES,
        "processes",
        "ps top htop pstree atop btop pidstat",
        files=r"/proc/(?:\d+|\*|\[[^/]*)/(?:cmdline|stat|comm|maps)",
    ),
    Question(_PROCESSES, "open files", "lsof", "^[^i]*$"),
    Question(_PROCESSES, "services", "systemctl", r"(?:^|\s)(?:list-units|list-unit-files|list-sockets|--type)\b"),
    Question(_PROCESSES, "services", "service rc-status chkconfig", "^(?:--status-all|-a|--all|--list)?$"),
    Question(_PROCESSES, "scheduled jobs", "crontab", r"(?:^|\s)-l\b", files=r"/etc/(?:ana)?crontab|/etc/cron\S*/\S+"),
    Question(_PROCESSES, "scheduled jobs", "atq", folders=r"/etc/cron[^/]*|/var/spool/cron\S*"),
    Question(_PROCESSES, "scheduled jobs", "systemctl", r"(?:^|\s)list-timers\b"),
    Question(_NETWORK, "sockets", "ss netstat", files=f"{_NET}/(?:tcp6?|udp6?|unix|raw6?)"),
    Question(_NETWORK, "sockets", "lsof", r"(?:^|\s)-[A-Za-z]*i"),
    Question(_NETWORK, "interfaces", "ifconfig", r"^(?:-[as]|\S+)?$", files=f"{_NET}/(?:dev|fib_trie|if_inet6)"),
    Question(_NETWORK, "interfaces", "ip", rf"^(?:-\S+ )*(?:a|ad|add|addr|address|l|li|link){_SHOW}"),
    Question(_NETWORK, "interfaces", "hostname", "^-[A-Za-z]*[iI]|^--(?:all-)?ip-address"),
    Question(_NETWORK, "interfaces", "networkctl", r"^(?:-\S+ ?)*(?:list\b.*|status\b.*)?$"),
    Question(_NETWORK, "interfaces", "nmcli", r"^(?:-\S+ ?)*$|\b(?:show|status)\b"),
    Question(_NETWORK, "routes", "route", r"^(?:-\S+ ?)*$", files=f"{_NET}/(?:ipv6_)?route"),
    Question(_NETWORK, "routes", "ip", rf"^(?:-\S+ )*(?:r|ro|route|ru|rule){_SHOW}"),
    Question(_NETWORK, "neighbours", "arp", r"^(?:-[aenv]+ ?)*$", files=f"{_NET}/arp"),
    Question(_NETWORK, "neighbours", "ip", rf"^(?:-\S+ )*(?:n|ne|neigh|neighbou?r){_SHOW}"),
    Question(_NETWORK, "firewall", "iptables ip6tables", r"(?:^|\s)(?:-[a-z]*[LS][a-z]*|--list\S*)(?:\s|$)"),
    Question(_NETWORK, "firewall", "iptables-save ip6tables-save"),
    Question(_NETWORK, "firewall", "nft ufw firewall-cmd", r"(?:^|\s)(?:list|status|--list-\S+)\b"),
    Question(_NETWORK, "/etc/hosts", "getent", r"^a?hosts(?:v[46])?$", files="/etc/hosts"),
    Question(
        _NETWORK,
        "/etc/resolv.conf",
        "resolvectl systemd-resolve",
        r"^(?:-\S+ ?)*$|\b(?:status|dns)\b",
        files=r"/etc/resolv\.conf",
    ),
    Question(
        _NETWORK,
        "names of the cluster",
        "nslookup dig host getent",
        r"\bkubernetes(?:$|\s|\.default)|\.svc\b|\bcluster\.local\b|in-addr\.arpa\b",
    ),
    Question(_NETWORK, "network scan", "nmap masscan zmap rustscan fscan naabu arp-scan fping nbtscan zgrab2"),
    Question(_NETWORK, "network scan", "nc ncat netcat", r"(?:^|\s)-[A-Za-z]*z"),
    Question(_NETWORK, "public address", "curl wget http fetch dig nslookup", PUBLIC_ADDRESS),
    Question(_USERS, "/etc/passwd", "getent", "^passwd$", files=r"/etc/pass(?:wd-?|[^/]*\*)"),
    Question(_USERS, "/etc/group", "getent", "^group$", files="/etc/group-?"),
    Question(_USERS, "/etc/shadow", "getent", "^g?shadow$", files="/etc/g?shadow-?"),
    Question(_USERS, "/etc/sudoers", files=r"/etc/sudoers(?:\.d/\S+)?", folders=r"/etc/sudoers\.d"),
    Question(_USERS, "users", "lslogins"),
    Question(_USERS, "users", "compgen", r"^-[ug]$"),
    Question(_USERS, "logged-in users", "w who users finger"),
    Question(_USERS, "logged-in users", "loginctl", r"^(?:-\S+ ?)*$|\b(?:list-\S+|(?:user|session)-status)\b"),
    Question(_USERS, "logins", "last lastb lastlog"),
    Question(_FILES, "SUID search", "find bfs", r"-perm\s+\S*(?:[2467][0-7]{3}\b|[+=]\S*s)"),
    Question(_FILES, "capability search", "getcap"),
    Question(
        _FILES,
        "writable search",
        "find bfs",
        r"-writable\b|-perm\s+[-/]?(?:0?[0-7]{0,2}[2367]|\S*o\S*[+=]\S*w\S*)(?:\s|$)",
    ),
    Question(
        _FILES,
        "search for secrets",
        "find bfs locate",
        r"(?i)id_rsa|id_ed25519|id_\*|\.(?:pem|key|kdbx|p12|pfx|ovpn|env|git-credentials)\b"
        r"|kubeconfig|passw|credential|secret|token|history",
    ),
    Question(
        _FILES,
        "search for secrets",
        "grep egrep zgrep",
        r"(?i)(?:^|\s)(?:-[a-z]*r[a-z]*|--recursive)\s.*(?:passw|secret|token|api_?key|akia|private key|credential)",
    ),
    Question(
        _FILES, "search for secrets", "rg ag", r"(?i)(?:passw|secret|token|api_?key|akia|private key|credential).*\s/"
    ),
    Question(
        _FILES, "mounts", "mount", "^(?:-[lv]+)?$", files="/proc/(?:[^/]+/)?(?:mounts|partitions)|/etc/(?:fstab|mtab)"
    ),
    Question(_FILES, "mounts", "lsblk findmnt blkid"),
    Question(_FILES, "mounts", "fdisk parted sfdisk", r"(?:^|\s)(?:-l|--list)\b"),
    Question(_FILES, "home folders", folders=r"(?:/root|/home|/home/[^/]+|~[^/]*|\$\{?HOME\}?)"),
    Question(
        _FILES, "system folders", folders="/|/(?:etc|opt|srv|mnt|media|boot|proc|dev|var|var/(?:lib|www|backups))"
    ),
    Question(_FILES, "shell history", "history", "^[0-9]*$", files=r".*/\.[a-z_]*history"),
    Question(_FILES, "SSH keys", files=r".*/\.ssh/\S+|/etc/ssh/ssh_host\S*", folders=r".*/\.ssh"),
    Question(_CLOUD, "env", "env"),
    Question(_CLOUD, "env", "printenv", "^(?:-0)?$"),
    Question(_CLOUD, "env", "export declare typeset", "^-[px]+$"),
    Question(_CLOUD, "env", "set", "^$"),
    Question(_CLOUD, "/proc/*/environ", files=f"{_PROCESS}environ"),
    Question(
        _CLOUD,
        "aws",
        "aws",
        r"\b(?:sts get-caller-identity|s3 ls|configure list"
        r"|(?:iam|ec2|eks|s3api|ssm|secretsmanager|ecr|lambda|organizations)\s+(?:get|list|describe)-)",
    ),
    Question(_CLOUD, "az", "az", r"(?:^|\s)(?:show|list|list-\S+|get-\S+)\b"),
    Question(_CLOUD, "gcloud", "gcloud gsutil", r"(?:^|\s)(?:list|describe|info|ls|print-\S+|get-\S+)\b"),
    Question(
        _CLOUD,
        "cloud credentials",
        files=r".*/\.(?:aws|azure)/\S+|.*/\.config/gcloud/\S+|.*/\.docker/config\.json|/etc/kubernetes/azure\.json",
        folders=r".*/\.(?:aws|azure)|.*/\.config/gcloud",
    ),
    Question(_CONTAINER, "cgroups", files=f"{_PROCESS}(?:cgroup|mountinfo)"),
    Question(
        _CONTAINER,
        "/.dockerenv",
        files=r"/\.dockerenv|/run/\.containerenv",
        folders=r"/\.dockerenv|/run/\.containerenv",
    ),
    Question(
        _CONTAINER,
        "service account",
        files=r"/run/secrets/(?:kubernetes\.io|eks\.amazonaws\.com|azure)/\S+",
        folders=r"/run/secrets(?:/\S*)?",
    ),
    Question(_CONTAINER, "capabilities", "capsh", "--print|--current"),
    Question(_CONTAINER, "capabilities", "getpcaps captest", files=f"{_PROCESS}status"),
    Question(_CONTAINER, "namespaces", "lsns"),
    Question(_CONTAINER, "helm releases", "helm", r"^(?:-\S+ (?:[^-\s]\S* )?)*(?:list|ls|get|status)\b"),
    Question(_CONTAINER, "kubectl auth", "kubectl oc", r"\bauth (?:can-i|whoami)\b"),
    Question(
        _CONTAINER,
        "kubectl get",
        "kubectl oc",
        r"^(?:-\S+ (?:[^-\s]\S* )?)*(?:get|describe|top|api-resources|api-versions|version)\b",
    ),
    Question(
        _CONTAINER,
        "kubectl config",
        "kubectl oc",
        r"\bconfig (?:view|get-\S+|current-context)\b|\bcluster-info\b",
        files=r".*/\.kube/\S+|/etc/kubernetes/\S+\.conf|/var/lib/kubelet/(?:kubeconfig|pki/\S+)",
        folders=r".*/\.kube|/etc/kubernetes",
    ),
    Question(
        _CONTAINER,
        "container runtime",
        "docker podman nerdctl crictl ctr",
        r"^(?:-\S+ (?:k8s\.io )?)*(?:ps|images?|info|inspect|pods|c|i|containers?|version)\b",
        folders=r"/run/(?:docker|containerd/containerd|crio/crio)\.sock",
    ),
    Question(_CONTAINER, "container runtime", "curl wget", r"(?:docker|containerd|crio)\.sock\b|:237[56]\b"),
    Question(
        _CONTAINER, "container inspection", "amicontained deepce.sh cdk kdigger kubeletctl peirates botb linpeas.sh"
    ),
    Question(
        _CONTAINER,
        "Kubernetes API",
        "curl wget http fetch",
        r"kubernetes\.default|KUBERNETES_(?:SERVICE|PORT)|:(?:10250|10255|6443)\b|/api/v1/|/apis/|/openapi/v[23]",
    ),
)
METADATA_SERVICE = Question(_CLOUD, "metadata service")
