"""No secret leaves, and what is no secret stays readable."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.redaction import DEEPEST, redact, redact_value

JWT = "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJl"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\n-----END RSA PRIVATE KEY-----"
APPLY = 'kubectl apply -f - <<< \'{"kind":"Secret","data":{"a":"aHVudGVyMg=="},"type":"Opaque"}\''

HIDDEN = {
    # Clients.
    "mysql -u root -phunter2 shop": "mysql -u root -p*** shop",
    "mysql -uroot -p hunter2 -h db": "mysql -uroot -p *** -h db",
    "mysql -p'hunter 2' -e 'select 1'": "mysql -p'***' -e 'select 1'",
    "exec /usr/bin/mysqldump --all-databases -phunter2": "exec /usr/bin/mysqldump --all-databases -p***",
    'sh -c "mysqladmin -u root -phunter2 status; id"': 'sh -c "mysqladmin -u root -p*** status; id"',
    "docker run --rm mysql mysql -h db -phunter2": "docker run --rm mysql mysql -h db -p***",
    "PGPASSWORD=hunter2 psql -h db -p 5432": "PGPASSWORD=*** psql -h db -p 5432",
    "redis-cli -h r -p 6379 -a hunter2 KEYS '*'": "redis-cli -h r -p 6379 -a *** KEYS '*'",
    "redis-cli CONFIG SET requirepass hunter2": "redis-cli CONFIG SET requirepass ***",
    "mongosh -u admin -p hunter2 --host m": "mongosh -u admin -p *** --host m",
    "mongodump -padmin12 -d x": "mongodump -p*** -d x",
    "mongo -p 12345": "mongo -p ***",
    "sshpass -p hunter2 ssh -p 22 root@node": "sshpass -p *** ssh -p 22 root@node",
    "sshpass -phunter2 scp -P 22 a b:": "sshpass -p*** scp -P 22 a b:",
    "curl -u jane:hunter2 https://h/x": "curl -u jane:*** https://h/x",
    "curl -sku 'jane:hunter 2' https://h/x": "curl -sku 'jane:***' https://h/x",
    "curl --user jane:hunter2 -o x h": "curl --user jane:*** -o x h",
    "curl --proxy-user=jane:hunter2 h": "curl --proxy-user=jane:*** h",
    "wget --user=jane --password=hunter2 h": "wget --user=jane --password=*** h",
    "git clone https://jane:hunter2@git.example/x.git": "git clone https://jane:***@git.example/x.git",
    "redis://:hunter2@r:6379/0": "redis://:***@r:6379/0",
    "postgres://u:p@ss@db:5432/x": "postgres://u:***@db:5432/x",
    "docker login -u jane -p hunter2 reg.example": "docker login -u jane -p *** reg.example",
    "helm registry login reg.example -p hunter2": "helm registry login reg.example -p ***",
    "az login --service-principal -u id -p hunter2 --tenant t": "az login --service-principal -u id -p *** --tenant t",
    "ldapsearch -x -D cn=a -w hunter2 -b dc=x": "ldapsearch -x -D cn=a -w *** -b dc=x",
    "7z a -phunter2 x.7z /etc": "7z a -p*** x.7z /etc",
    "usermod -p '$6$salt$hash' root": "usermod -p '***' root",
    "echo root:hunter2 | chpasswd": "echo root:*** | chpasswd",
    "echo 'root:hunter2' | sudo chpasswd": "echo 'root:***' | sudo chpasswd",
    "chpasswd <<< 'root:hunter2'": "chpasswd <<< '***'",
    "echo hunter2 | sudo -S id": "echo *** | sudo -S id",
    "echo hunter2 | docker login -u x --password-stdin": "echo *** | docker login -u x --password-stdin",
    "openssl passwd -6 -salt xy hunter2": "openssl passwd -6 -salt xy ***",
    "openssl enc -d -aes256 -pass pass:hunter2 -in x": "openssl enc -d -aes256 -pass *** -in x",
    "kubectl create secret generic x --from-literal=db=hunter2": (
        "kubectl create secret generic x --from-literal=db=***"
    ),
    "psql -c \"ALTER USER x WITH PASSWORD 'hunter2'\"": "psql -c \"ALTER USER x WITH PASSWORD '***'\"",
    "(echo hunter2; echo hunter2) | passwd bob": "(echo ***; echo *** | passwd bob",
    "sudo -S id <<< hunter2": "sudo -S id <<< ***",
    "htpasswd -bc f bob hunter2": "htpasswd -bc f bob ***",
    "zip -rP hunter2 x.zip d": "zip -rP *** x.zip d",
    "ssh-keygen -f k -N hunter2": "ssh-keygen -f k -N ***",
    "etcdctl --user root:hunter2 get /": "etcdctl --user root:*** get /",
    "aws configure set aws_secret_access_key hunter2": "aws configure set aws_secret_access_key ***",
    "MYSQL_PWD=hunter2 mysql -h db": "MYSQL_PWD=*** mysql -h db",
    "/api/v1/namespaces/a/pods/b/exec?command=mysql&command=-p&command=hunter2&container=c": (
        "/api/v1/namespaces/a/pods/b/exec?command=mysql&command=-p&command=***&container=c"
    ),
    "/exec?command=sh&command=-c&command=mysql+-phunter2%3B+id&stdin=true": (
        "/exec?command=sh&command=-c&command=mysql+-p***%3B+id&stdin=true"
    ),
    # Flags, headers, keys.
    "tool --password hunter2 --verbose": "tool --password *** --verbose",
    "tool --password=hunter2": "tool --password=***",
    'tool --password "hunter 2" x': 'tool --password "***" x',
    "influx -password hunter2": "influx -password ***",
    "kubeadm join 10.0.0.1:6443 --token abcdef.0123456789abcdef": "kubeadm join 10.0.0.1:6443 --token ***",
    "tool --client-secret=hunter2 --api-key hunter3": "tool --client-secret=*** --api-key ***",
    "curl -H 'Authorization: Bearer hunter2' h": "curl -H 'Authorization: Bearer ***' h",
    'curl -H "authorization:basic aHVudGVyMg==" h': 'curl -H "authorization:basic ***" h',
    "curl -H 'Authorization: AWS4-HMAC-SHA256 Credential=a, Signature=b' h": (
        "curl -H 'Authorization: AWS4-HMAC-SHA256 ***' h"
    ),
    "used Bearer abcdef0123": "used Bearer ***",
    "curl -H 'X-Vault-Token: hunter2' h": "curl -H 'X-Vault-Token: ***' h",
    "curl -H 'Cookie: session=hunter2; a=b' h": "curl -H 'Cookie: ***' h",
    "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=aGk+/x==;EndpointSuffix=w": (
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=***;EndpointSuffix=w"
    ),
    "Endpoint=sb://x/;SharedAccessKeyName=k;SharedAccessKey=aGk=": (
        "Endpoint=sb://x/;SharedAccessKeyName=k;SharedAccessKey=***"
    ),
    "Server=db;Uid=sa;Pwd=hunter2;": "Server=db;Uid=sa;Pwd=***;",
    "curl 'https://a.blob.core.windows.net/c?sv=2022&sig=aGk%3D&se=x'": (
        "curl 'https://a.blob.core.windows.net/c?sv=2022&sig=***&se=x'"
    ),
    "GET /x?access_token=hunter2&user=a": "GET /x?access_token=***&user=a",
    'curl -d \'{"user":"a","password":"hunter2"}\' h': 'curl -d \'{"user":"a","password":"***"}\' h',
    r'curl -d "{\"client_secret\":\"hunter2\",\"a\":1}" h': r'curl -d "{\"client_secret\":\"***\",\"a\":1}" h',
    '{"pin":1,"passcode": 1234}': '{"pin":1,"passcode": ***}',
    "export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG": "export AWS_SECRET_ACCESS_KEY=***",
    "docker run -e DB_PASS=hunter2 -e STRIPE_SECRET=hunter3 web": "docker run -e DB_PASS=*** -e STRIPE_SECRET=*** web",
    "password: hunter2": "password: ***",
    r"curl -H Authorization:\ Bearer\ hunter2": r"curl -H Authorization:\ Bearer\ ***",
    "curl --oauth2-bearer hunter2 h": "curl --oauth2-bearer *** h",
    '{"auths":{"r":{"auth":"aHVudGVyMjp4"}}}': '{"auths":{"r":{"auth":"***"}}}',
    # Forms.
    f"saw {JWT} there": "saw *** there",
    f"saw {JWT[:30]}…": "saw ***…",
    f"echo '{PEM}' > k": "echo '***' > k",
    PEM[:60]: "***",
    "aws AKIAIOSFODNN7EXAMPLE": "aws ***",
    "git push https://ghp_0123456789abcdefABCDEF0123456789abcd@github.com/x": "git push https://***@github.com/x",
    "xoxb-1234567890-abcdefghij": "***",
    "curl https://hooks.slack.com/services/T0/B0/abcdef": "curl https://hooks.slack.com/services/***",
    "AIzaSyA0123456789abcdefghijklmnopqrstuv": "***",
    "abc8Q~0123456789abcdefghijklmnopqrstuvwx": "***",
    # Secrets of Kubernetes.
    APPLY: 'kubectl apply -f - <<< \'{"kind":"Secret","data":{"***"},"type":"Opaque"}\'',
    '{"stringData":{"c.json":"{\\"a\\":1}","b":"hunter2"},"kind":"Secret"}': '{"stringData":{"***"},"kind":"Secret"}',
    r'"{\"kind\":\"Secret\",\"data\":{\"a\":\"hunter2\"}}"': r'"{\"kind\":\"Secret\",\"data\":{***',
    "kind: Secret\nstringData:\n  a: hunter2\n  b: hunter3\ntype: Opaque": "kind: Secret\nstringData:\n***type: Opaque",
}

ORDINARY = [
    "docker run -p 8080:80 nginx",
    "docker run --name mysql -p 3306:3306 mysql:8",
    "docker run --name mongo -p 127.0.0.1:27017:27017/tcp mongo",
    "mkdir -p /x/y",
    "mkdir /var/lib/mysql -p /x",
    "ssh -p 22 root@node",
    "ssh mysql -p 22",
    "ps -p 1 -o comm=",
    "nmap -p 80,443 10.0.0.1",
    "cp -p a b",
    "psql -h db -p 5432 -U app",
    "redis-cli -h r -p 6379 ping",
    "mysql -u root -p -h db",
    "curl -u jane https://h:8443/x",
    "curl -XPUT http://h:80/x -H 'User-Agent: x'",
    "ssh -o PasswordAuthentication=no git@github.com",
    "docker login --password-stdin reg.example",
    "tool --password-file /run/x --token-ttl 1h",
    "kubectl get secret db-credentials -o yaml",
    "kubectl auth can-i create serviceaccounts/token",
    "volumes: secret: secretName=db-credentials imagePullSecret=regcred",
    "registry.example/shop/auth-token:1.4",
    "curl -H 'Authorization: Bearer $(cat /var/run/secrets/kubernetes.io/serviceaccount/token)' h",
    "TOKEN=$(cat /var/run/secrets/kubernetes.io/serviceaccount/token)",
    'curl -H "Authorization: Bearer $TOKEN" https://kubernetes.default/api/v1/secrets',
    "uses basic authentication and a bearer token, bearer authentication.",
    "automountServiceAccountToken=false",
    "PWD=/root OLDPWD=/tmp",
    "cat /etc/shadow /etc/passwd",
    "./x -o pool.example:3333 -u 44wallet -p x",
    "https://h:8443/a@b?mail=a@b",
    "image@sha256:0123456789abcdef0123456789abcdef",
    "echo a | grep passwd",
    "grep -r password= /etc",
    "passwd=$1; id",
    "/exec?command=mkdir&command=-p&command=%2Fx+y&container=c",
    "openssl passwd -6",
    "kind: ConfigMap\ndata:\n  a: b",
    "bypass=1 compass=north",
]


@pytest.mark.parametrize(("text", "shown"), HIDDEN.items())
def test_secrets_are_hidden_and_what_stands_around_them_stays(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_lines_stay_as_they_are(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("text", HIDDEN)
def test_what_was_redacted_once_stays_as_it_is(text: str) -> None:
    assert redact(redact(text)) == redact(text)


VALUES: list[tuple[Any, Any]] = [
    ({"password": "x", "secretName": "x", "token": True}, {"password": "***", "secretName": "x", "token": True}),
    ({"tokens": ["x"], "apiKey": ["x", 1]}, {"tokens": ["x"], "apiKey": ["***", "***"]}),
    ({"env": [{"name": "DB_PASSWORD", "value": "x"}]}, {"env": [{"name": "DB_PASSWORD", "value": "***"}]}),
    ({"env": [{"name": "DB_HOST", "value": "x"}]}, {"env": [{"name": "DB_HOST", "value": "x"}]}),
    ({"kind": "Secret", "stringData": "x", "name": "n"}, {"kind": "Secret", "stringData": "***", "name": "n"}),
    ({"kind": "ConfigMap", "data": {"a": "x"}}, {"kind": "ConfigMap", "data": {"a": "x"}}),
    (
        {"kind": "SecretList", "items": [{"data": {"a": "x"}}]},
        {"kind": "SecretList", "items": [{"data": {"a": "***"}}]},
    ),
    (
        {
            "object": {
                "kind": "Secret",
                "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "x"}},
            }
        },
        {
            "object": {
                "kind": "Secret",
                "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "***"}},
            }
        },
    ),
    (["mysql", "-p", "x", "shop"], ["mysql", "-p", "***", "shop"]),
    (["mysql", "-px"], ["mysql", "-p***"]),
    (["sshpass", "-p", "x", "ssh", "-p", "22"], ["sshpass", "-p", "***", "ssh", "-p", "22"]),
    (["docker", "login", "-u", "me", "-p", "x y"], ["docker", "login", "-u", "me", "-p", "***"]),
    (["curl", "-u", "me:x", "h"], ["curl", "-u", "me:***", "h"]),
    (["server", "--password", "x"], ["server", "--password", "***"]),
    (["mkdir", "-p", "/x"], ["mkdir", "-p", "/x"]),
    ([1, None, 1.5, float("nan"), ("a",)], [1, None, 1.5, None, ["a"]]),
    ({1: {"b"}}, {"1": ["b"]}),
]


@pytest.mark.parametrize(("value", "shown"), VALUES)
def test_values_lose_what_keys_and_flags_and_secret_objects_hold(value: Any, shown: Any) -> None:
    assert redact_value(value) == shown


def test_a_value_is_cut_where_it_is_too_deep() -> None:
    value: Any = "x"
    for _ in range(10 * DEEPEST):
        value = [value]
    assert json.dumps(redact_value(value)).count("[") == DEEPEST


@pytest.mark.parametrize(
    "seed",
    ["mysql -p", "password=", 'password="', "token=x ", "-----BEGIN A-----", "a://b:c@", '\\"kind\\":\\"Secret\\"{'],
)
def test_a_hostile_mebibyte_is_redacted_in_bounded_time(seed: str) -> None:
    text = seed * (2**20 // len(seed))
    began = time.perf_counter()
    redact(text)
    assert time.perf_counter() - began < 10


def test_a_secret_at_the_end_of_a_long_text_is_found() -> None:
    filler = "the quick brown fox; " * 40_000
    assert redact(f"{filler}token=hunter2") == f"{filler}token=***"


@given(st.text(), st.text())
def test_any_text_is_taken_and_what_comes_out_can_be_written(before: str, after: str) -> None:
    assert redact(f"{before} --password=hunter2 {after}").encode()


@given(
    st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="\"'`|;&$<*\\-"), min_size=1)
)
def test_whatever_the_password_is_it_is_hidden(password: str) -> None:
    shown = f"tool --password {password} --last"
    if password.lower() not in {"true", "false", "null", "none", "nil"}:
        assert redact(shown) == "tool --password *** --last"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(JSON)
def test_any_json_value_becomes_one_that_can_be_written(value: Any) -> None:
    assert json.dumps(redact_value(value), allow_nan=False, ensure_ascii=False).encode()
