"""Commands that reach for the cluster and the cloud around it: its API, kubeconfigs, its dashboard, metadata."""

from __future__ import annotations

from simulation.attacks.bystanders import bystander
from simulation.attacks.register import careful, near_miss
from simulation.attacks.scene import Scene
from simulation.attacks.shells import Started
from simulation.attacks.tables import Place, encoded, line, run, table
from simulation.clock import SECOND
from simulation.schedule import Life

API = "K8S.NODE_KubernetesAPI"
DASHBOARD = "K8S.NODE_KubernetesDashboard"
CONFIG = "K8S.NODE_KubeConfigAccess"
WEB_SHELL = "K8S.NODE_Webshell"
SITES = ("storefront", "api-node", "api-python")
"""Web servers that are known as such by their command lines."""
TOKEN = "eyJhbGciOiJub25lIn0.invented.x"  # noqa: S105  invented
MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
BEARER = f"Authorization: Bearer {TOKEN}"
SECRETS = "https://kubernetes.default.svc/api/v1/namespaces/default/secrets"
ASK = (
    "import ssl,urllib.request as u;t=open('/run/secrets/kubernetes.io/serviceaccount/token').read();"
    "print(u.urlopen(u.Request('https://10.0.0.1/api/v1/pods',headers={'Authorization':'Bearer '+t}),"
    "context=ssl._create_unverified_context()).read())"
)
SWEEP = f"curl -sk -H '{BEARER}' https://kubernetes.default/apis/apps/v1/deployments"

table(
    API,
    straight=[
        line(
            f'curl -sk -H "Authorization: Bearer $(cat {MOUNT}/token)" {SECRETS}',
            runs=[f"cat {MOUNT}/token", ("curl", "-sk", "-H", BEARER, SECRETS)],
            at=Place.EXEC,
        ),
        line(
            f'kubectl --token="$(cat {MOUNT}/token)" --server=https://kubernetes.default get pods -A',
            runs=[f"cat {MOUNT}/token", f"kubectl --token={TOKEN} --server=https://kubernetes.default get pods -A"],
            at=Place.EXEC,
        ),
        line(
            f"wget -qO- --no-check-certificate --header '{BEARER}' https://$KUBERNETES_SERVICE_HOST:443/api/v1/nodes",
            runs=[("wget", "-qO-", "--no-check-certificate", "--header", BEARER, "https://10.0.0.1:443/api/v1/nodes")],
            images=SITES,
            also=(WEB_SHELL,),
        ),
        run("curl -sk https://10.224.0.5:10250/pods", at=Place.EXEC),
        run(f"base64 -w0 {MOUNT}/token", at=Place.EXEC),
    ],
    careful=[
        run(("python3", "-c", ASK), at=Place.EXEC, connects=("10.0.0.1", 443)),
        line(
            "cd /run/secrets/kubernetes.io/serviceaccount; T=$(dd if=token 2>/dev/null); "
            'curl -s --cacert ca.crt -H "Authorization: Bearer $T" https://kubernetes.default/api/v1/secrets',
            runs=[
                "dd if=token",
                ("curl", "-s", "--cacert", "ca.crt", "-H", BEARER, "https://kubernetes.default/api/v1/secrets"),
            ],
            at=Place.EXEC,
        ),
        line(
            f"echo {encoded(SWEEP)} | base64 -d | sh",
            runs=["base64 -d", Started("sh", [SWEEP])],
            images=SITES,
            also=(WEB_SHELL,),
        ),
        line(
            'h=kubernetes.defa; busybox wget -qO- --header "Authorization: Bearer $(head -c 2000 '
            f'{MOUNT}/..data/token)" https://${{h}}ult.svc/api/v1/namespaces',
            runs=[
                f"head -c 2000 {MOUNT}/..data/token",
                ("busybox", "wget", "-qO-", "--header", BEARER, "https://kubernetes.default.svc/api/v1/namespaces"),
            ],
            at=Place.EXEC,
        ),
    ],
    quiet=[
        run("curl -sk https://kubernetes.default.svc/livez?verbose", at=Place.EXEC),
        run("curl -sk https://kubernetes.default.svc/version", at=Place.EXEC),
        run("wget -q -O- http://orders.shop.svc:8080/api/v1/orders?limit=5", at=Place.EXEC),
        run("kubectl get pods -n ingress-nginx", at=Place.HOST),
        run("kubectl get --raw /readyz", at=Place.HOST),
    ],
)

BOARD = "kubernetes-dashboard.kubernetes-dashboard.svc"
PROXY = "/api/v1/namespaces/kubernetes-dashboard/services/https:kubernetes-dashboard:/proxy/"

table(
    DASHBOARD,
    straight=[
        run(f"curl -sk https://{BOARD}/api/v1/login/status", at=Place.EXEC),
        run("wget -qO- --no-check-certificate https://kubernetes-dashboard.kube-system/#!/login", at=Place.EXEC),
        run(f"curl -s http://127.0.0.1:8001{PROXY}", at=Place.EXEC),
        run("curl -sk https://kubernetes-dashboard.kube-system.svc/", images=SITES, also=(WEB_SHELL,)),
    ],
    careful=[
        run("curl -sk https://Kubernetes-Dashboard.Kubernetes-Dashboard.SVC.cluster.local./", at=Place.EXEC),
        run("curl -sk https://10.0.171.20:8443/api/v1/login/status", at=Place.EXEC, connects=("10.0.171.20", 8443)),
        line(
            'd=dashboard; n=kubernetes-$d; python3 -c "import sys,ssl,urllib.request as u;'
            'print(u.urlopen(sys.argv[1],context=ssl._create_unverified_context()).read())" "https://$n.$n.svc/"',
            runs=[
                (
                    "python3",
                    "-c",
                    "import sys,ssl,urllib.request as u;"
                    "print(u.urlopen(sys.argv[1],context=ssl._create_unverified_context()).read())",
                    f"https://{BOARD}/",
                )
            ],
            at=Place.EXEC,
        ),
        run(f"curl -s http://127.0.0.1:8001{PROXY.replace(':', '%3A')}", at=Place.EXEC),
    ],
    quiet=[
        run("curl -s http://grafana.monitoring.svc:3000/api/dashboards/home", at=Place.EXEC),
        run("curl -s http://argocd-server.argocd.svc/healthz", at=Place.EXEC),
        run("wget -q -O- http://hubble-ui.kube-system.svc/index.html", at=Place.EXEC),
    ],
)


@near_miss(DASHBOARD)
def dashboard_asks_itself(scene: Scene) -> Life:
    """The dashboard's metrics scraper asks the dashboard whether it is well."""
    image = "docker.io/kubernetesui/metrics-scraper:v1.0.9"
    shell = bystander(scene, "kubernetes-dashboard", "dashboard-metrics-scraper", image, ("/metrics-sidecar",))
    shell.run(f"wget -q -O- https://{BOARD}/api/v1/csrftoken/login", uid=1001)
    yield 0


READ = "import shutil;shutil.copy('/var/lib/kubelet/pki/kubelet-client-current.pem','/home/operator/k')"

table(
    CONFIG,
    straight=[
        run("cat /var/lib/kubelet/kubeconfig", at=Place.HOST, touches=("/var/lib/kubelet/kubeconfig", False)),
        run("cp /etc/kubernetes/kubelet.conf /home/operator/k", at=Place.HOST),
        run("kubectl --kubeconfig /etc/kubernetes/admin.conf get secrets -A", at=Place.HOST),
        run("cat /host/etc/kubernetes/azure.json", at=Place.EXEC),
    ],
    careful=[
        run("kubectl --kubeconfig=/var/lib/./kubelet//kubeconfig get nodes", at=Place.HOST),
        line(
            "KUBECONFIG=/etc/kubernetes/kubelet.conf kubectl get pods -A", runs=["kubectl get pods -A"], at=Place.HOST
        ),
        line("base64 -w0 /var/lib/kub*/kube*fig", runs=["base64 -w0 /var/lib/kubelet/kubeconfig"], at=Place.HOST),
        run(("python3", "-c", READ), at=Place.HOST),
        run(
            "chroot /host openssl x509 -in /var/lib/kubelet/pki/kubelet-client-current.pem -noout -subject",
            at=Place.EXEC,
        ),
    ],
    quiet=[
        run(
            "/usr/local/bin/kubelet --kubeconfig=/var/lib/kubelet/kubeconfig --node-ip=10.224.0.5",
            at=Place.DAEMON,
            touches=("/var/lib/kubelet/kubeconfig", False),
        ),
        run(
            "kubeadm upgrade node --kubeconfig=/etc/kubernetes/kubelet.conf",
            at=Place.DAEMON,
            touches=("/etc/kubernetes/kubelet.conf", False),
        ),
        run(
            "chmod 0600 /etc/kubernetes/azure.json",
            at=Place.DAEMON,
            under=("/bin/bash /opt/azure/containers/provision.sh",),
        ),
        run(
            "/usr/local/bin/kubectl --kubeconfig=/var/lib/kubelet/kubeconfig get nodes",
            at=Place.DAEMON,
            under=("/bin/bash /opt/azure/containers/aks-log-collector.sh",),
        ),
        run("kubectl --kubeconfig /home/operator/.kube/config get pods -n monitoring", at=Place.HOST),
        run("cat /home/operator/.kube/config", at=Place.HOST),
    ],
)


@careful(CONFIG)
def program_reads_kubeconfig(scene: Scene) -> Life:
    """A program of somebody's own reads the kubelet's kubeconfig: only the file event shows it."""
    shell = scene.host_shell()
    yield scene.pause()
    program = shell.run("/home/operator/inventory", seconds=4)
    shell.touch(program, "/var/lib/kubelet/kubeconfig", CONFIG)


@near_miss(CONFIG)
def disk_driver_reads_cloud_config(scene: Scene) -> Life:
    """The node part of the Azure disk driver reads the cloud's settings."""
    image = "mcr.microsoft.com/oss/v2/kubernetes-csi/azuredisk-csi:v1.33.2"
    entry = ("/azurediskplugin", "--endpoint=unix:///csi/csi.sock", "--v=2")
    shell = bystander(scene, "kube-system", "csi-azuredisk-node", image, entry)
    shell.touch(shell.program, "/etc/kubernetes/azure.json")
    yield SECOND
