"""What builds of images and CI jobs run: installs, compilers, tests."""

from __future__ import annotations

from simulation.sensors.trees import Tree, tree

MIRROR, NPM, PYPI, ALPINE, GOLANG = (
    ("203.0.113.10", 443), ("203.0.113.11", 443), ("203.0.113.12", 443), ("203.0.113.13", 443), ("203.0.113.14", 443),
)  # fmt: skip
GIT = ("203.0.113.60", 443)


def text(script: str, *below: Tree | str) -> Tree:
    """Text for a shell, and the programs that it starts."""
    return tree(("/bin/sh", "-c", script), *below)


def _installed(name: str, *scripts: Tree | str) -> Tree:
    unpacked = f"/usr/bin/dpkg --status-fd 9 --force-depends --unpack /var/cache/apt/archives/{name}_amd64.deb"
    return tree(
        ("/usr/bin/apt-get", "install", "-y", "--no-install-recommends", name),
        tree("/usr/lib/apt/methods/http", seconds=0.6, connects=((MIRROR[0], 80),), uid=42),
        tree(unpacked, "/usr/bin/dpkg-split -Qao /var/lib/dpkg/reassemble.deb", "/usr/bin/dpkg-deb --fsys-tarfile"),
        tree("/usr/bin/dpkg --status-fd 9 --configure --pending", *scripts),
    )


CLIENT = tree(
    "/var/lib/dpkg/info/nginx-common.postinst configure",
    tree(
        "/usr/sbin/useradd -r -d /nonexistent -s /usr/sbin/nologin nginx",
        reads=("/etc/shadow",),
        writes=("/etc/passwd", "/etc/shadow"),
    ),
    "/usr/bin/chown nginx:adm /var/log/nginx",
    "/usr/bin/chmod 755 /var/log/nginx",
)
KEY = "https://packages.example/keys/stable.gpg"
LAYERS = (
    text(
        "apt-get update && apt-get install -y --no-install-recommends nginx && rm -rf /var/lib/apt/lists/*",
        tree("/usr/bin/apt-get update", tree("/usr/lib/apt/methods/http", connects=((MIRROR[0], 80),), uid=42)),
        _installed("nginx", CLIENT),
        "/usr/bin/rm -rf /var/lib/apt/lists/auxfiles /var/lib/apt/lists/partial",
    ),
    text(
        "apk add --no-cache git openssh-client tzdata",
        tree("/sbin/apk add --no-cache git openssh-client tzdata", "/bin/busybox --install -s", connects=(ALPINE,)),
    ),
    text(
        "npm ci --omit=dev",
        tree(
            "/usr/local/bin/npm ci --omit=dev",
            tree(("/bin/sh", "-c", "node install.js"), "/usr/local/bin/node install.js"),
            seconds=9,
            connects=(NPM, NPM),
        ),
    ),
    text(
        "pip install --no-cache-dir -r requirements.txt",
        tree("/usr/local/bin/pip install --no-cache-dir -r requirements.txt", seconds=8, connects=(PYPI, PYPI)),
    ),
    text(
        f"curl -fsSL {KEY} -o /usr/share/keyrings/stable.gpg",
        tree(f"/usr/bin/curl -fsSL {KEY} -o /usr/share/keyrings/stable.gpg", connects=(MIRROR,)),
    ),
    text(
        "addgroup -S app && adduser -S -G app app && chmod -R g=u /app",
        "/usr/sbin/addgroup -S app",
        tree("/usr/sbin/adduser -S -G app app", writes=("/etc/passwd",)),
        "/usr/bin/chmod -R g=u /app",
    ),
    text(
        "go build -trimpath -o /out/server ./cmd/server",
        tree(
            "/usr/local/go/bin/go build -trimpath -o /out/server ./cmd/server",
            tree("/usr/local/go/pkg/tool/linux_amd64/compile -p main -complete -trimpath", seconds=2),
            tree("/usr/local/go/pkg/tool/linux_amd64/link -o /out/server -buildmode=exe", seconds=2),
            connects=(GOLANG,),
        ),
    ),
)
"""Steps of builds, as a build daemon runs them."""
CLONE = tree(
    "/usr/bin/git clone --depth=20 https://git.example/team/app.git",
    tree(
        "/usr/lib/git-core/git remote-https origin https://git.example/team/app.git",
        "/usr/lib/git-core/git-remote-https origin https://git.example/team/app.git",
        connects=(GIT,),
    ),
    "/usr/lib/git-core/git index-pack --stdin --fix-thin",
)
JOBS = (
    text(
        "npm ci --no-audit && npm test",
        tree("/usr/local/bin/npm ci --no-audit", seconds=12, connects=(NPM, NPM)),
        tree(
            "/usr/local/bin/npm test",
            tree(("/bin/sh", "-c", "jest --ci"), tree("/usr/local/bin/node node_modules/.bin/jest --ci", seconds=11)),
        ),
    ),
    text(
        "go build ./... && go test ./...",
        tree("/usr/local/go/bin/go build ./...", seconds=9, connects=(GOLANG,)),
        tree("/usr/local/go/bin/go test ./...", tree("/usr/local/go/bin/go vet ./...", seconds=4), seconds=9),
    ),
    text(
        "mvn -B -q verify",
        tree(
            "/usr/share/maven/bin/mvn -B -q verify",
            "/usr/bin/dirname /usr/share/maven/bin/mvn",
            tree("/opt/java/openjdk/bin/java -classpath /usr/share/maven/boot/plexus.jar Launcher -B", seconds=30),
        ),
    ),
    text(
        "pip install -r requirements.txt && pytest -q",
        tree("/usr/local/bin/pip install -r requirements.txt", seconds=8, connects=(PYPI,)),
        tree("/usr/local/bin/python3 /usr/local/bin/pytest -q", seconds=15),
    ),
    text(
        "docker login -u ci --password-stdin registry.example && docker push registry.example/team/app:main",
        tree("/usr/bin/docker login -u ci --password-stdin registry.example", connects=(("203.0.113.70", 443),)),
        tree("/usr/bin/docker push registry.example/team/app:main", seconds=14, connects=(("203.0.113.70", 443),)),
    ),
)
