"""What arrives at the server: texts in any letters, headers, a line that nobody else reads."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.core.errors import Upstream
from app.core.settings import SettingsError, load_settings
from app.mail.post import Outgoing, Unmailable
from app.mail.smtp import Security, SmtpPost
from tests.conftest import NOW
from tests.mail.server import PASSWORD, USER, Mailbox

UZBEK = "Toʻlov kechikdi: “Oʻzbekcha” tarifi.\nhttps://bot.example/orders/abc\n\nТўлов кечикди.\n"
RUSSIAN = "Ваш тариф Pro закончился: «Бобур».\n" + "Очень длинная строка без переносов. " * 40 + "\n.\n..\nFrom me\n"


def _post(box: Mailbox, security: Security = "none", *, user: str = "", password: str = "") -> SmtpPost:
    return SmtpPost("localhost", box.port, security, "Счета <letters@analytic.example>", user, password, timeout_s=5)


def _letter(to: str = "aziza@bobur.example", *, subject: str = "Plan", body: str = "Pay\n") -> Outgoing:
    return Outgoing("due:a_b-C:0", to, subject, body, "uz_Cyrl")


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's own certificate, which this process trusts."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string("CN=localhost")
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = tmp_path / "cert.pem", tmp_path / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pkcs8 = serialization.PrivateFormat.PKCS8
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, serialization.NoEncryption()))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, secret)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    return context


@pytest.fixture(params=["starttls", "tls"])
def sealed(request: pytest.FixtureRequest, certificate: ssl.SSLContext) -> Iterator[tuple[Mailbox, Security]]:
    """A server that takes letters from those who sign in on a line that nobody else reads."""
    if request.param == "tls":
        how = {"ssl_context": certificate, "auth_require_tls": False}
    else:
        how = {"tls_context": certificate, "require_starttls": True}
    box = Mailbox(auth_required=True, **how)
    with box:
        yield box, request.param


@pytest.mark.parametrize(("subject", "body"), [("Toʻlov kechikdi — Pro", UZBEK), ("Тариф закончился " * 9, RUSSIAN)])
def test_texts_in_any_letters_arrive_as_they_were_written(mailbox: Mailbox, subject: str, body: str) -> None:
    _post(mailbox).send(_letter(subject=subject.strip(), body=body), now=NOW)
    (letter,) = mailbox.letters
    assert letter["Subject"] == subject.strip() and letter.get_content().replace("\r\n", "\n") == body
    assert letter.get_content_type() == "text/plain" and letter.get_content_charset() == "utf-8"
    assert mailbox.raw[0].isascii() and max(map(len, mailbox.raw[0].split(b"\r\n"))) < 80, "any server can pass it on"


def test_headers_say_from_whom_when_and_that_a_machine_wrote(mailbox: Mailbox) -> None:
    _post(mailbox).send(_letter(), now=NOW)
    (letter,) = mailbox.letters
    assert letter["From"] == "Счета <letters@analytic.example>" and letter["To"] == "aziza@bobur.example"
    assert letter["Message-ID"] == "<due.a_b-C.0@analytic.example>"
    assert parsedate_to_datetime(letter["Date"]) == NOW
    assert letter["Auto-Submitted"] == "auto-generated" and letter["Content-Language"] == "uz-Cyrl"


@pytest.mark.parametrize(
    ("to", "arrives"),
    [
        ("kassa@почта.рф", "kassa@xn--80a1acny.xn--p1ai"),
        ("касса@почта.рф", "касса@xn--80a1acny.xn--p1ai"),
        ("o'tkir+x@bobur.example", "o'tkir+x@bobur.example"),
    ],
)
def test_addresses_beyond_ascii_are_reached(mailbox: Mailbox, to: str, arrives: str) -> None:
    _post(mailbox).send(_letter(to), now=NOW)
    assert list(mailbox._asked) == [arrives]


def test_a_server_that_knows_no_such_address_refuses_it_for_good() -> None:
    with Mailbox(enable_SMTPUTF8=False) as box:
        with pytest.raises(Upstream) as refused:
            _post(box).send(_letter("касса@почта.рф"), now=NOW)
        assert refused.value.permanent and box.letters == []


def test_a_domain_that_cannot_be_is_no_address(mailbox: Mailbox) -> None:
    with pytest.raises(Unmailable):
        _post(mailbox).send(_letter(f"a@{'д' * 70}.рф"), now=NOW)
    assert mailbox.letters == []


def test_a_letter_goes_by_a_line_that_nobody_else_reads(sealed: tuple[Mailbox, Security]) -> None:
    box, security = sealed
    _post(box, security, user=USER, password=PASSWORD).send(_letter(body=UZBEK), now=NOW)
    assert [letter["To"] for letter in box.letters] == ["aziza@bobur.example"] and box.logins == [USER]


def test_a_wrong_password_is_ours_to_mend_and_the_letter_waits(sealed: tuple[Mailbox, Security]) -> None:
    box, security = sealed
    with pytest.raises(Upstream) as refused:
        _post(box, security, user=USER, password="wrong").send(_letter(), now=NOW)
    assert not refused.value.permanent and "535" in refused.value.message and box.letters == []


def test_a_certificate_that_nobody_vouches_for_gets_no_letter(
    sealed: tuple[Mailbox, Security], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    box, security = sealed
    with pytest.raises(Upstream) as refused:
        _post(box, security, user=USER, password=PASSWORD).send(_letter(), now=NOW)
    assert not refused.value.permanent and box.letters == [] and box.logins == []


def test_a_server_without_tls_hears_neither_letter_nor_password(mailbox: Mailbox) -> None:
    with pytest.raises(Upstream) as refused:
        _post(mailbox, "starttls", user=USER, password=PASSWORD).send(_letter(), now=NOW)
    assert not refused.value.permanent and mailbox.letters == [] and mailbox.logins == []


def test_the_password_is_not_shown() -> None:
    assert PASSWORD not in repr(SmtpPost("h", 1, "tls", "a@b.example", USER, PASSWORD))


GOOD = {"MAIL_HOST": "mail.example", "MAIL_FROM": "a@b.example"}


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({}, None),
        ({"MAIL_FROM": "AnalyticBot <a@b.example>"}, None),
        ({"MAIL_FROM": ""}, "MAIL_FROM"),
        ({"MAIL_FROM": "a@b.example\nBcc: c@d.example"}, "MAIL_FROM"),
        ({"MAIL_FROM": "nobody"}, "MAIL_FROM"),
        ({"MAIL_USER": "u"}, "MAIL_PASSWORD"),
        ({"MAIL_PASSWORD": "p"}, "MAIL_USER"),
        ({"MAIL_USER": "u", "MAIL_PASSWORD": "p", "MAIL_SECURITY": "tls"}, None),
        ({"MAIL_SECURITY": "none"}, "MAIL_SECURITY"),
        ({"MAIL_SECURITY": "none", "MAIL_HOST": "127.evil.example"}, "MAIL_SECURITY"),
        ({"MAIL_SECURITY": "none", "MAIL_HOST": "127.0.0.1"}, None),
        ({"MAIL_SECURITY": "none", "MAIL_HOST": "::1"}, None),
        ({"MAIL_SECURITY": "none", "MAIL_HOST": "localhost"}, None),
        ({"MAIL_HOST": "", "MAIL_FROM": "", "MAIL_USER": "u"}, None),
    ],
)
def test_settings_that_send_no_letter_are_told_at_the_start(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], word: str | None
) -> None:
    for name, value in (GOOD | given).items():
        monkeypatch.setenv(name, value)
    if word is None:
        load_settings(_env_file=None)
        return
    with pytest.raises(SettingsError, match=word):
        load_settings(_env_file=None)
