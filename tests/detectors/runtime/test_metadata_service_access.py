"""Who asks the metadata service, and who only speaks of it."""

from base64 import b64encode

import msgspec
import pytest

from detectors.contract import Match, Quiet
from detectors.examples import SHOP, connection, fired
from detectors.runtime.metadata_service_access import metadata_service_access
from events import Connection, Process, RuntimeEvent
from tests.detectors.runtime.lines import run, selects, shell
from tests.detectors.runtime.test_addresses import SPELLINGS

ASKING = b"import urllib.request as u;u.urlopen('http://169.254.169.254/')"
FIRES = (
    "/usr/bin/curl http://169.254.169.254/metadata/instance",
    '/usr/bin/curl -s -H Metadata:true "http://169.254.169.254/metadata/identity/oauth2/token?resource=x"',
    "/usr/bin/curl -oH http://169.254.169.254/latest/meta-data/iam",
    "/usr/bin/curl --url=http://169.254.169.254/",
    "/usr/bin/curl http://user:pw@169.254.169.254:80/",
    "/usr/bin/curl -x 169.254.169.254:80 http://anything/",
    "/usr/bin/curl -x169.254.169.254:80 http://anything/",
    "/usr/bin/curl --connect-to ::169.254.169.254:80 http://innocent.example/latest",
    "/usr/bin/curl --resolve innocent.example:80:169.254.169.254 http://innocent.example/",
    '/usr/bin/curl "http://shop/fetch?url=http://169.254.169.254/latest/meta-data/iam/"',
    "/usr/bin/curl http://metadata.google.internal/computeMetadata/v1/instance",
    '/usr/bin/curl -H "Metadata-Flavor: Google" http://metadata/computeMetadata/v1/token',
    "/usr/bin/curl http://$IMDS/latest/meta-data/iam/security-credentials/",
    "/usr/bin/curl -X PUT http://[fd00:ec2::254]/latest/api/token",
    "/usr/bin/curl http://169.254.170.2/v2/credentials/abc",
    "/usr/bin/curl http://169.254.170.23/v1/credentials",
    "/usr/bin/curl http://[fd00:ec2::23]/v1/credentials",
    "/usr/bin/curl http://100.100.100.200/latest/meta-data/",
    "/usr/bin/curl http://168.63.129.16/machine?comp=goalstate",
    "/usr/bin/curl http://168.63.129.16:32526/vmSettings",
    "/usr/bin/wget -qO- http://0xa9fea9fe/",
    "/usr/bin/wget -e http_proxy=http://169.254.169.254/ http://x/",
    "/bin/busybox wget -O - http://169.254.169.254/",
    "/usr/bin/timeout 5 curl http://169.254.169.254/",
    "/usr/bin/http GET 169.254.169.254/metadata/instance Metadata:true",
    "/usr/bin/aria2c http://169.254.169.254/latest/",
    "/usr/bin/nc -v 169.254.169.254 80",
    "/usr/bin/nc 168.63.129.16 80",
    "/usr/bin/socat - TCP:169.254.169.254:80",
    "/usr/bin/telnet 169.254.169.254 80",
    "/usr/bin/openssl s_client -connect 169.254.169.254:443",
    "/usr/bin/python3.11 -c \"import urllib.request as u; u.urlopen('http://169.254.169.254/latest')\"",
    "/usr/bin/python3 -c \"import socket; s=socket.create_connection(('168.63.129.16', 80))\"",
    "/usr/bin/python3 -c \"u.urlopen('http://'+h+'/latest/meta-data/iam/')\"",
    "/usr/bin/python3 /tmp/x.py http://169.254.169.254/",
    "/usr/bin/perl -MLWP::Simple -e \"getprint 'http://169.254.169.254/'\"",
    "/usr/bin/php -r \"echo file_get_contents('http://169.254.169.254/');\"",
    "/usr/bin/ruby -rnet/http -e \"puts Net::HTTP.get(URI('http://169.254.169.254/'))\"",
    "/usr/local/bin/node -e \"fetch('http://169.254.169.254/')\"",
    '/usr/bin/gawk "BEGIN{s=\\"/inet/tcp/0/169.254.169.254/80\\"; print 1 |& s}"',
    "/tmp/.x http://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "/usr/bin/kubectl exec web -- curl http://169.254.169.254/",
    "/usr/bin/curl http://169.254.169.{254}/",
    "/usr/bin/curl http://169.254.169.25[4-4]/",
    "/usr/bin/curl http://{shop,169.254.169.[250-255]}/latest/",
    "/usr/bin/curl http://shop\\@169.254.169.254/",
    "/usr/bin/curl -x http://shop --proxy http://169.254.169.254 http://shop/",
    "/usr/bin/curl 169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "/usr/bin/curl http://169.254.42.42/conf",
    f"/usr/bin/python3 -c \"exec(b64decode('{b64encode(ASKING).decode()}'))\"",
    f"/usr/bin/python3 -c \"exec(b64decode('{b64encode(b' ' + ASKING).decode()}'))\"",
    f"/usr/bin/python3 -c \"exec(b64decode('{b64encode(b'  ' + ASKING).decode()}'))\"",
    "/usr/local/bin/bun -e \"fetch('http://169.254.169.254/')\"",
    "/usr/bin/Rscript -e \"readLines('http://169.254.169.254/')\"",
    '/usr/bin/expect -c "spawn telnet 169.254.169.254 80"',
    "/tmp/c 169.254.169.254/latest/",
    "/tmp/bb wget -qO- http://169.254.169.254/",
    "/opt/fetcher 169.254.169.254/latest/meta-data/iam/x",
)
SHELL_FIRES = (
    "exec 3<>/dev/tcp/169.254.169.254/80; cat <&3",
    "A=169.254.169.254; curl -s http://$A/latest/",
    "cu''rl http://169.25''4.169.254/",
    "echo aGk= | base64 -d; wget http://169.254.169.254",
    "http_proxy=http://169.254.169.254 curl http://x/",
    "echo 'url = http://169.254.169.254/' | curl -K -",
    "python3 - <<E\nimport urllib.request\nurllib.request.urlopen('http://169.254.169.254')\nE",
    "kubectl exec web -- sh -c 'curl http://169.254.169.254/'",
    "export http_proxy=http://169.254.169.254; curl http://x/",
    "curl 169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
)
QUIET = (
    "/usr/bin/grep -r 169.254.169.254 /src",
    "/usr/bin/echo http://169.254.169.254/latest/meta-data/iam",
    "/usr/bin/sed -i s/169.254.169.254/x/ f",
    "/usr/bin/awk /169.254.169.254/ access.log",
    "/usr/bin/curl http://169.254.20.10:9253/metrics",
    "/usr/bin/curl --noproxy 169.254.169.254,10.0.0.0/8 http://shop/",
    "/usr/bin/wget -e no_proxy=169.254.169.254 http://shop/",
    '/usr/bin/curl -H "X-Forwarded-For: 169.254.169.254" http://shop/',
    '/usr/bin/curl -d "saw 169.254.169.254" http://chat.example/',
    "/usr/bin/curl http://docs.example/latest/meta-data/iam/",
    "/usr/bin/curl http://metadata/songs/7",
    "/usr/bin/curl https://168.63.129.16/",
    "/usr/bin/nc -u 168.63.129.16 53",
    "/usr/bin/nc 169.254.169.254 53",
    "/usr/bin/dig @168.63.129.16 shop",
    "/usr/bin/ping -c1 169.254.169.254",
    "/usr/bin/ip route get 169.254.169.254",
    "/usr/sbin/iptables -A OUTPUT -d 169.254.169.254 -j DROP",
    "/app/server --metadata-url=http://169.254.169.254/metadata/identity",
    "/app/server --metadata-url http://169.254.169.254/metadata/identity",
    "/usr/bin/python3 -m gunicorn --env IMDS=169.254.169.254",
    "/usr/bin/node server.js",
    "/usr/bin/vim /src/latest/meta-data/iam",
    "/opt/tool /src/latest/meta-data/iam",
    '/usr/bin/curl "http://prometheus/api/v1/query?query=up{instance="169.254.169.254:9100"}"',
    "/usr/bin/curl http://shop/{a,b}[1-9]?from=169.254.169.254",
    "/usr/bin/curl http://shop/" + "{a,b}" * 5000,
    "/usr/bin/python3 -c \"exec(b64decode('aW1wb3J0IG9zO29zLnN5c3RlbSgnaWQnKQ=='))\"",
)
WORKER = "from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=5, pipe_handle=7)"
FORK_SERVER = "from multiprocessing.forkserver import main; main(5, 6, ['__main__'], **{'sys_path': ['/a', '/b']})"
CONNECTIONS = (
    ("/usr/bin/curl", "", "169.254.169.254", 80, True),
    ("/usr/bin/curl", "", "::ffff:169.254.169.254", 80, True),
    ("/usr/bin/curl", "", "168.63.129.16", 32526, True),
    ("/usr/bin/python3", '-c "x()"', "169.254.169.254", 80, True),
    ("/bin/bash", '-c "exec 3<>/dev/tcp/$A/80"', "169.254.169.254", 80, True),
    ("/usr/bin/curl", "", "168.63.129.16", 53, False),
    ("/usr/bin/curl", "", "169.254.169.254", 53, False),
    ("/usr/bin/curl", "", "10.0.0.1", 80, False),
    ("/usr/bin/python3", "/app/main.py", "169.254.169.254", 80, False),
    ("/usr/bin/python3", "-m gunicorn app", "169.254.169.254", 80, False),
    ("/app/server", "", "169.254.169.254", 80, False),
    ("/usr/bin/python3", "-", "169.254.169.254", 80, True),
    ("/usr/bin/python3", "", "169.254.169.254", 80, True),
    ("/usr/bin/python3", f"-c {WORKER} --multiprocessing-fork", "169.254.169.254", 80, False),
    ("/usr/bin/python3", f'-B -c "{FORK_SERVER}"', "169.254.169.254", 80, False),
    ("/usr/bin/python3", f'-c "{WORKER}; evil()"', "169.254.169.254", 80, True),
    ("/usr/bin/python3", "-Im azure.cli login --identity", "169.254.169.254", 80, False),
    ("/usr/bin/php", "-S 0.0.0.0:80 -t public", "169.254.169.254", 80, False),
    ("/tmp/bb", "wget -qO- http://innocent.example/", "169.254.169.254", 80, True),
)


@pytest.mark.parametrize("event", [*map(run, FIRES), *map(shell, SHELL_FIRES)], ids=[*FIRES, *SHELL_FIRES])
def test_asking_the_service_fires(event: RuntimeEvent) -> None:
    assert selects(metadata_service_access, event)
    assert fired(metadata_service_access, event) == ["shop/0123456789ab"]


@pytest.mark.parametrize("host", SPELLINGS)
def test_every_spelling_of_the_address_fires(host: str) -> None:
    event = run(
        f"/usr/bin/curl {f'http://[{host}]/' if host.count(':') > 1 and '[' not in host else f'http://{host}/'}"
    )
    assert selects(metadata_service_access, event)
    assert fired(metadata_service_access, event)


@pytest.mark.parametrize("line", QUIET)
def test_text_other_hosts_and_other_ports_are_quiet(line: str) -> None:
    verdict = metadata_service_access(run(line))
    assert isinstance(verdict, Quiet)
    assert "with the address or a credential path" in verdict.condition


@pytest.mark.parametrize(("binary", "arguments", "host", "port", "fires"), CONNECTIONS)
def test_connections_count_for_those_who_ask_by_hand(
    binary: str, arguments: str, host: str, port: int, fires: bool
) -> None:
    assert bool(fired(metadata_service_access, connection(binary, host, port, arguments=arguments))) is fires


def test_where_falco_may_have_left_the_arguments_out_an_interpreter_alone_is_quiet() -> None:
    bare, told = (connection("/usr/bin/python3", "169.254.169.254", 80, arguments=words) for words in ("", "-"))
    assert fired(metadata_service_access, msgspec.structs.replace(bare, sensor="falco")) == []
    assert fired(metadata_service_access, msgspec.structs.replace(told, sensor="falco"))


def test_a_listening_socket_is_no_request() -> None:
    event = connection("/usr/bin/nc", "169.254.169.254", 80)
    listening = msgspec.structs.replace(event, connection=Connection("169.254.169.254", 80, "tcp", "listen"))
    assert metadata_service_access(listening) == Quiet("a connection to another host", "listen")


def test_the_host_is_quiet_and_an_unknown_place_says_so() -> None:
    event = run("/usr/bin/curl http://169.254.169.254/", container=None)
    assert metadata_service_access(event) == Quiet("not: it happened on the host, outside of any container", "node-1")
    unknown = metadata_service_access(msgspec.structs.replace(event, on_host=None))
    assert isinstance(unknown, Quiet)
    assert unknown.condition == "not: the sensor does not say whether it happened in a container"


@pytest.mark.parametrize(
    ("image", "fires"),
    [
        ("mcr.microsoft.com/oss/azure/aad-pod-identity/nmi:v1.8", False),
        ("602401143452.dkr.ecr.eu-west-1.amazonaws.com/amazon-k8s-cni:v1.18", False),
        ("docker.io/jtblin/kube2iam@sha256:00", False),
        ("602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/eks-pod-identity-agent:0.1", False),
        ("public.ecr.aws/eks/whatever", True),
        ("gke.gcr.io/whatever", True),
        ("mcr.microsoft.com/containernetworking/whatever", True),
        ("evil.example/mcr.microsoft.com/oss/azure/aad-pod-identity/nmi", True),
        ("mcr.microsoft.com.evil.example/oss/kubernetes-csi/x", True),
        ("602401143452.dkr.ecr.evil.example/x.amazonaws.com/amazon-k8s-cni", True),
    ],
)
def test_images_are_exempt_by_their_whole_repository(image: str, fires: bool) -> None:
    there = msgspec.structs.replace(SHOP, image=image)
    assert bool(fired(metadata_service_access, run("/usr/bin/curl http://169.254.169.254/", container=there))) is fires


def test_the_exempt_images_are_a_parameter() -> None:
    detector = metadata_service_access.with_parameters({"exempt_images": ["registry.example/shop"]})
    assert fired(detector, run("/usr/bin/curl http://169.254.169.254/")) == []


def test_requests_of_one_hour_are_one_alert_and_connections_fall_to_their_process() -> None:
    start = run("/usr/bin/curl http://169.254.169.254/")
    process = Process(exec_id="e", binary="/usr/bin/curl", started=start.time)
    late = msgspec.structs.replace(connection("/usr/bin/curl", "169.254.169.254", 80, at=7200), process=process)
    other = run("/usr/bin/curl http://0xa9fea9fe/", at=7200)
    found = [metadata_service_access(event) for event in (start, late, other)]
    keys = [verdict.occurrence for verdict in found if isinstance(verdict, Match)]
    assert keys[0] == keys[1] != keys[2]
    assert keys[0].startswith("169.254.169.254 ")
