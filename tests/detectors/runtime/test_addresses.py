"""Addresses in all spellings."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.runtime.addresses import address, place, places

IMDS = IPv4Address("169.254.169.254")
SPELLINGS = (
    "169.254.169.254",
    "169.254.169.254.",
    "2852039166",
    "0xa9fea9fe",
    "0XA9FEA9FE",
    "025177524776",
    "0251.0376.0251.0376",
    "0000251.0376.169.0xfe",
    "0xa9.0xfe.0xa9.0xfe",
    "169.254.43518",
    "169.16689662",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "0:0:0:0:0:ffff:a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",
    "[::ffff:a9fe:a9fe]",
    "%31%36%39.254.169.254",
    "①⑥⑨.②⑤④.①⑥⑨.②⑤④",
    "169。254。169。254",
    "169.254.169.254.nip.io",
    "x.169-254-169-254.sslip.io",
    "a9fea9fe.nip.io",
    "169.254.169.254.traefik.me",
    "a9fea9fe.7f000001.rbndr.us",
    "169%2e254%2e169%2e254",
)
OTHERS = ("", ".", "1.2.3.4.5", "256.1.1.1", "1.2.3.256", "08.1.1.1", "4294967296", "example.com", "a9fea9fe")


@pytest.mark.parametrize("host", SPELLINGS)
def test_every_spelling_is_one_address(host: str) -> None:
    assert address(host) == IMDS


@pytest.mark.parametrize("host", OTHERS)
def test_other_words_are_not_that_address(host: str) -> None:
    assert address(host) is None


@given(st.integers(0, 2**32 - 1), st.sampled_from(("{}", "0x{:x}", "0{:o}")))
def test_numbers_are_read_as_inet_aton_does(number: int, form: str) -> None:
    assert address(form.format(number)) == IPv4Address(number)


@pytest.mark.parametrize(
    ("word", "host", "port", "path"),
    [
        ("http://h", "h", 80, ""),
        ("https://a@b@H:8443//x//y?q", "h", 8443, "/x/y?q"),
        ("http:\\\\h\\x", "h", 80, "\\x"),
        ("h:80/x", "h", 80, "/x"),
        ("[::1]:80", "::1", 80, ""),
        ("::1", "::1", None, ""),
        ("$HOST/latest/api/token", "$host", None, "/latest/api/token"),
        ("http://h:99999999", "h", 80, ""),
    ],
)
def test_words_are_read_as_fetching_programs_do(word: str, host: str, port: int | None, path: str) -> None:
    found = place(word)
    assert (found.host, found.port, found.path) == (host, port, path)


@pytest.mark.parametrize(
    "text",
    [
        "urlopen('http://169.254.169.254/latest')",
        "connect(('169.254.169.254', 80))",
        "fsockopen('0xa9fea9fe',80)",
        'Net::HTTP.get("169.254.169.254:80","/")',
        "exec 3<>/dev/tcp/169.254.169.254/80",
        'BEGIN{s="/inet/tcp/0/169.254.169.254/80"; s |& getline}',
        "http://evil.example/fetch?url=http://169.254.169.254:80/",
        "TCP:169.254.169.254:80,retry",
    ],
)
def test_text_gives_the_address_with_its_port(text: str) -> None:
    assert [found.port for found in places(text) if found.address == IMDS] == [80]


@given(st.text(alphabet=st.sampled_from("0x19:.[]/%@?=#-a\\ '\"é。"), max_size=60) | st.text(max_size=60))
def test_nothing_raises(text: str) -> None:
    for found in (place(text), *places(text)):
        assert found.address is None or found.port is None or found.port >= 0
