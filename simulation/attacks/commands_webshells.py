"""Commands by way of a web server: through a web shell, and those that servers start by themselves."""

from __future__ import annotations

from simulation.attacks.bystanders import bystander
from simulation.attacks.register import careful, near_miss, straight
from simulation.attacks.scene import Scene
from simulation.attacks.shells import Shell, Started
from simulation.attacks.tables import Place, encoded, line, run, table
from simulation.clock import SECOND
from simulation.schedule import Life

WEB_SHELL = "K8S.NODE_Webshell"
PHP = ("storefront", "api-node")
"""A site in PHP; where there is none, another whose server is known as such."""
LOOK = "id; uname -a"
PTY = "import pty;pty.spawn('/bin/bash')"
EVAL = "<?php @eval($_POST[0]);?>"

table(
    WEB_SHELL,
    straight=[
        line("id", images=PHP),
        line("whoami; uname -a", images=PHP),
        line("curl -fsS https://files.pale-harbor.example/notes.txt", images=("nginx",)),
        line(
            f"echo {encoded(LOOK)} | base64 -d | bash",
            runs=["base64 -d", Started("bash", ["id", "uname -a"])],
            images=PHP,
        ),
        line(f"echo '{EVAL}' > /var/www/html/img.php", runs=[], images=PHP, touches=("/var/www/html/img.php", True)),
    ],
    careful=[
        run("/usr/bin/env whoami", images=("api-node",)),
        line(
            "timeout 9 sh -c id",
            runs=[Started(("timeout", "9", "sh", "-c", "id"), [Started(("sh", "-c", "id"), ["id"])])],
            images=PHP,
        ),
        line(
            f'python3 -c "{PTY}"',
            runs=[Started(("python3", "-c", PTY), ["/bin/bash"])],
            images=("api-python",),
        ),
        line(
            "script -qc /bin/bash /dev/null",
            runs=[Started("script -qc /bin/bash /dev/null", ["/bin/bash"])],
            images=PHP,
        ),
        line(
            f"printf {LOOK.encode().hex()} | xxd -r -p | sh",
            runs=["xxd -r -p", Started("sh", ["id", "uname -a"])],
            images=("api-node",),
        ),
        line('w"h"oami&&i\\d', runs=["whoami", "id"], images=PHP),
    ],
    quiet=[
        run("ffmpeg -v error -i /data/in.mov -vf scale=640:-2 /data/out.mp4", images=("api-node", "api-python")),
        line("convert /var/www/html/media/a.png -resize 200x200 /var/www/html/media/a-small.png", images=PHP),
        run("git -C /var/www/html rev-parse --short HEAD", images=PHP),
        line("wkhtmltopdf --quiet /data/invoice.html /data/invoice.pdf", images=PHP),
        run(
            "/usr/sbin/apache2 -k graceful",
            at=Place.EXEC,
            under=("/bin/sh /usr/sbin/apachectl graceful",),
            images=("storefront",),
        ),
        run(
            "/usr/sbin/nginx -s reload",
            at=Place.DAEMON,
            under=("/usr/bin/python3 /usr/bin/certbot -q renew", "/bin/sh -c 'nginx -s reload'"),
        ),
    ],
)


@straight(WEB_SHELL)
def web_shell_of_known_name(scene: Scene) -> Life:
    """A web server writes an upload, which is a web shell that many use, and then runs what it is asked for."""
    shell = scene.web_shell(scene.victim(*PHP))
    shell.touch(shell.program, "/var/www/html/uploads/wso.php", WEB_SHELL, write=True)
    yield scene.pause()
    for command in ("pwd", "ls -la /var/www/html", "id"):
        shell.line(command, *([] if command == "pwd" else [WEB_SHELL]), runs=[] if command == "pwd" else None)
        yield scene.pause()


@careful(WEB_SHELL)
def web_shell_slowly(scene: Scene) -> Life:
    """Somebody asks a web shell for one thing an hour."""
    shell = scene.web_shell(scene.victim(*PHP))
    for command in ("hostname", "cat /etc/os-release", "ps -ef"):
        shell.line(command, WEB_SHELL)
        yield scene.pause(3000, 4500)


@near_miss(WEB_SHELL)
def node_runs_scripts_of_npm(scene: Scene) -> Life:
    """The scripts of npm ask what system they are on, and fetch what they are to build with."""
    shell = bystander(
        scene,
        "ci",
        "assets-build",
        "registry.example/ci/node:22",
        ("/usr/local/bin/node", "/usr/local/bin/npm", "run", "build"),
    )
    shell.line("uname -s && node scripts/build.js")
    yield 2 * SECOND
    shell.line("curl -fsSLO https://packages.example/npm/esbuild/-/esbuild-0.25.0.tgz", cwd="/src")


@near_miss(WEB_SHELL)
def jenkins_agent_works(scene: Scene) -> Life:
    """An agent of Jenkins, which is a Java program, runs the steps of a job."""
    entry = ("/opt/java/openjdk/bin/java", "-jar", "/usr/share/jenkins/agent.jar", "-url", "http://jenkins.ci.svc:8080")
    shell = bystander(scene, "ci", "jenkins-agent", "jenkins/inbound-agent:3283.v92c105e0f819-4", entry, uid=1000)
    shell.line("whoami; curl -fsS http://artifacts.ci.svc/version", interpreter="/bin/sh")
    yield scene.pause()
    shell.run(("sh", "-xe", "/home/jenkins/workspace/web/script.sh.copy"), seconds=20)


@near_miss(WEB_SHELL)
def php_manager_starts_workers(scene: Scene) -> Life:
    """PHP's process manager starts, looks at its configuration and has its workers."""
    shell = bystander(scene, "shop", "php", "php:8.3-fpm", ("docker-php-entrypoint", "php-fpm"), starts=True)
    manager = shell.run(("php-fpm",), binary="/usr/local/sbin/php-fpm", seconds=None)
    yield SECOND
    shell.run(("php-fpm", "-t"), binary="/usr/local/sbin/php-fpm", under=manager)


@near_miss(WEB_SHELL)
def cron_calls_php(scene: Scene) -> Life:
    """The periodic jobs of a shop, which is written in PHP, are started by cron."""
    shell = bystander(scene, "shop", "cron", "registry.example/shop/storefront:4.2.0", ("/usr/sbin/cron", "-f"))
    for _ in range(3):
        shell.line(
            "/usr/local/bin/php /var/www/html/cron.php >/dev/null 2>&1",
            uid=33,
            runs=["/usr/local/bin/php /var/www/html/cron.php"],
        )
        yield 300 * SECOND


@near_miss(WEB_SHELL)
def runtime_checks_health(scene: Scene) -> Life:
    """The runtime starts the health check of a container with a Node.js server."""
    entry = scene.entry_point(scene.victim("api-node"))
    container = entry.program.container
    assert container is not None
    shell = Shell(scene, entry.machine.shim(container))
    for _ in range(3):
        shell.line("curl -fsS http://127.0.0.1:8080/healthz || exit 1",
                   runs=["curl -fsS http://127.0.0.1:8080/healthz"], container=container)  # fmt: skip
        yield 30 * SECOND


@near_miss(WEB_SHELL)
def start_script_of_a_site(scene: Scene) -> Life:
    """The start script of a web server's image looks at who it is and hands over to the server."""
    entry = ("/bin/sh", "/usr/local/bin/docker-entrypoint.sh", "apache2-foreground")
    shell = bystander(scene, "shop", "blog", "wordpress:6.8-apache", entry, starts=True)
    shell.run("id -u")
    shell.run("find /var/www/html -maxdepth 1 -name wp-config.php", after=SECOND)
    yield 3 * SECOND
