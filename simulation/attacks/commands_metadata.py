"""Calls of the cloud's metadata service: by intruders for a token, and by those who ask it all day."""

from __future__ import annotations

from simulation.attacks.bystanders import bystander
from simulation.attacks.register import careful, near_miss
from simulation.attacks.scene import Scene
from simulation.attacks.shells import Shell
from simulation.attacks.tables import Place, line, run, table
from simulation.clock import SECOND
from simulation.schedule import Life

METADATA = "K8S.NODE_ImdsCall"
SERVICE = "169.254.169.254"
WIRE = "168.63.129.16"
AZURE = "metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/"
ASK = (
    "import urllib.request as u;print(u.urlopen(u.Request('http://'+'.'.join(['169','254']*2)+"
    "'/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net',"
    "headers={'Metadata':'true'})).read())"
)
DECODED = "exec(__import__('base64').b64decode('aW1wb3J0IHVybGxpYjsgIyBpbnZlbnRlZA=='))"

table(
    METADATA,
    straight=[
        run(("curl", "-s", "-H", "Metadata:true", f"http://{SERVICE}/{AZURE}"), at=Place.EXEC, connects=(SERVICE, 80)),
        run(
            f"wget -qO- http://{SERVICE}/latest/meta-data/iam/security-credentials/",
            images=("storefront", "api-node"),
            also=("K8S.NODE_Webshell",),
            connects=(SERVICE, 80),
        ),
        run(
            (
                "curl",
                "-s",
                "-H",
                "Metadata-Flavor: Google",
                "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token",
            ),
            at=Place.EXEC,
            connects=(SERVICE, 80),
        ),
        run(
            f"curl -s -X PUT http://{SERVICE}/latest/api/token -H X-aws-ec2-metadata-token-ttl-seconds:60",
            at=Place.EXEC,
            connects=(SERVICE, 80),
        ),
        run(f"busybox wget -qO- http://{WIRE}:32526/vmSettings", at=Place.EXEC, connects=(WIRE, 32526)),
    ],
    careful=[
        run(("curl", "-s", "-H", "Metadata:true", f"http://2852039166/{AZURE}"), at=Place.EXEC, connects=(SERVICE, 80)),
        run(
            ("curl", "-s", "-H", "Metadata:true", f"http://0xA9FE.0xA9FE/{AZURE}"),
            at=Place.EXEC,
            connects=(SERVICE, 80),
        ),
        run("wget -qO- http://0251.0376.0251.0376/latest/meta-data/iam/info", at=Place.EXEC, connects=(SERVICE, 80)),
        run(("curl", "-sg", "-H", "Metadata:true", f"http://[::ffff:a9fe:a9fe]/{AZURE}"), at=Place.EXEC),
        run(("python3", "-c", ASK), at=Place.EXEC, connects=(SERVICE, 80)),
        line(
            f"exec 3<>/dev/tcp/{SERVICE}/80; printf 'GET /{AZURE} HTTP/1.0\\nMetadata: true\\n\\n' >&3; cat <&3",
            runs=["cat"],
            interpreter="bash",
            at=Place.EXEC,
            connects=(SERVICE, 80),
        ),
    ],
    quiet=[
        run(f"grep -rn {SERVICE} /etc/netplan", at=Place.HOST),
        run(f"grep -c {SERVICE} /app/config/no-proxy.txt", at=Place.EXEC),
        run(f"dig +tcp @{WIRE} registry.example", at=Place.EXEC, connects=(WIRE, 53)),
        run("/usr/bin/python3 -u /usr/sbin/waagent -run-exthandlers", at=Place.DAEMON, connects=(WIRE, 32526)),
    ],
)


@careful(METADATA)
def encoded_script_calls_metadata(scene: Scene) -> Life:
    """A one-liner whose text says nothing connects to the metadata service."""
    shell = scene.exec_shell(scene.person(admin=True), scene.victim("api-python"))
    yield scene.pause()
    asker = shell.run(("python3", "-c", DECODED), seconds=1)
    shell.connect(asker, SERVICE, 80, METADATA)


@careful(METADATA)
def harmless_name_leads_to_metadata(scene: Scene) -> Life:
    """A host is asked by curl, whose name resolves to the address of the metadata service."""
    shell = scene.exec_shell(scene.person(admin=True), scene.victim())
    yield scene.pause()
    asker = shell.run("curl -s -H Metadata:true http://status.pale-harbor.example/", seconds=1)
    shell.connect(asker, SERVICE, 80, METADATA)


@near_miss(METADATA)
def server_asks_for_its_identity(scene: Scene) -> Life:
    """The cloud's library in a long-running server renews its token, twice."""
    shell = scene.entry_point(scene.victim("api-java", "api-go", "api-python"))
    for _ in range(2):
        shell.connect(shell.program, SERVICE, 80)
        yield scene.pause(1200, 3000)


@near_miss(METADATA)
def kubelet_asks_for_its_instance(scene: Scene) -> Life:
    """A kubelet asks the metadata service what its instance is called."""
    machine = scene.chance.pick(scene.cluster.machines)
    Shell(scene, machine.kubelet).connect(machine.kubelet, SERVICE, 80)
    yield SECOND


@near_miss(METADATA)
def identity_daemon_asks_for_others(scene: Scene) -> Life:
    """The node managed identity daemon fetches a token for a pod of its node."""
    image = "mcr.microsoft.com/oss/azure/aad-pod-identity/nmi:v1.8.18"
    shell = bystander(scene, "kube-system", "nmi", image, ("/bin/nmi", "--http-probe-port=8085"))
    shell.connect(shell.program, SERVICE, 80)
    yield SECOND


@near_miss(METADATA)
def network_plugin_asks_for_addresses(scene: Scene) -> Life:
    """The network plugin asks the metadata service for the addresses of its node."""
    machine = scene.chance.pick(scene.cluster.machines)
    shell = Shell(scene, machine.containerd)
    plugin = shell.run("/opt/cni/bin/azure-vnet", seconds=0.3)
    shell.connect(plugin, SERVICE, 80)
    yield SECOND
