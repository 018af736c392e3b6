"""A webhook goes to the address that was looked at, and to nobody there who has no certificate for its name."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from api.webhooks import sending
from api.webhooks.resolving import Resolver
from api.webhooks.sending import Outcome, Sender

HOST = "hooks.example"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """For `HOST`, signed by itself; the key is in the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(encoding)
    )
    return path


@asynccontextmanager
async def answering(certificate: Path) -> AsyncIterator[tuple[int, list[bytes], list[str | None]]]:
    """A server on 127.0.0.1: its port, the requests that it got, and the names that it was asked for by."""
    heads, names = list[bytes](), list[str | None]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _, name, _context: names.append(name)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], heads, names


class Here(Resolver):
    """Every name leads to this machine."""

    async def addresses(self, host: str, port: int, guild_id: int) -> list[str]:
        return ["127.0.0.1"]


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    made = Sender(Here(), private=True)
    yield made
    await made.close()


def trusting(certificate: Path) -> httpx2.AsyncClient:
    """The sender's own client, which has one more certificate to trust."""
    made = sending._made_client()
    context = ssl.create_default_context(cafile=certificate)
    made._transport = httpx2.AsyncHTTPTransport(verify=context, limits=httpx2.Limits(max_keepalive_connections=0))
    return made


async def test_it_is_verified_by_its_name(sender: Sender, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "_client", trusting(certificate))
    async with answering(certificate) as (port, heads, names):
        assert await sender.send(f"https://{HOST}:{port}/a?b=c", {"X-Event": "1"}, b"{}", 1) == Outcome(
            ok=True, summary="200"
        )
        other = await sender.send(f"https://other.example:{port}/", {}, b"", 1)
    assert other == Outcome(ok=False, summary="SSLCertVerificationError")
    assert names == [HOST, "other.example"]
    (head,) = heads
    assert head.startswith(b"POST /a?b=c HTTP/1.1\r\n")
    assert f"Host: {HOST}:{port}\r\n".encode() in head
    assert b"X-Event: 1\r\n" in head


async def test_nobody_is_trusted_by_themselves(sender: Sender, certificate: Path) -> None:
    async with answering(certificate) as (port, heads, _):
        assert await sender.send(f"https://{HOST}:{port}/", {}, b"", 1) == Outcome(
            ok=False, summary="SSLCertVerificationError"
        )
    assert not heads


async def test_no_proxy_of_the_environment_is_asked(
    sender: Sender, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setattr(sender, "_client", trusting(certificate))
    async with answering(certificate) as (port, _, _):
        assert (await sender.send(f"https://{HOST}:{port}/", {}, b"", 1)).ok


async def test_the_cause_is_reported(sender: Sender) -> None:
    async with answering_nothing() as port:
        assert await sender.send(f"http://{HOST}:{port}/", {}, b"", 1) == Outcome(
            ok=False, summary="RemoteProtocolError"
        )
    assert await sender.send(f"http://{HOST}:{port}/", {}, b"", 1) == Outcome(
        ok=False, summary="ConnectionRefusedError"
    )


@asynccontextmanager
async def answering_nothing() -> AsyncIterator[int]:
    async def close(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(close, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
