"""Who signs proofs, and who checks: Ed25519 (RFC 8032)."""

import json
from datetime import datetime
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from domain.proof import TreeHead

# What is signed begins with what it is, so that a signature of one thing is none of another.
OF_A_HEAD = b"bespoke tree head 1\n"
OF_A_BUNDLE = b"bespoke erasure proof 1\n"


class PublicKeyError(ValueError):
    """That is no Ed25519 public key in PEM."""


class Verifier:
    """The public key. ``key_id``: SHA-256 of its 32 bytes, in hex."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        self.key_id = sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()

    @classmethod
    def from_pem(cls, pem: bytes) -> "Verifier":
        """Raises PublicKeyError."""
        try:
            key = load_pem_public_key(pem)
        except ValueError:
            raise PublicKeyError("no public key in PEM") from None
        if not isinstance(key, Ed25519PublicKey):
            raise PublicKeyError("not an Ed25519 public key")
        return cls(key)

    def pem(self) -> bytes:
        """For whoever is to verify proofs."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def signed(self, content: bytes, signature: bytes) -> bool:
        """Whether the signature is of this key and this content."""
        try:
            self._key.verify(signature, content)
        except InvalidSignature:
            return False
        return True

    def signed_head(self, head: TreeHead) -> bool:
        """Whether a tree head is signed by this key."""
        content = _head(head.size, bytes.fromhex(head.root), head.at)
        return head.key == self.key_id and self.signed(content, bytes.fromhex(head.signature))


class Signer:
    """The private key, made from 32 secret bytes."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(self._key.public_key())

    def sign(self, content: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(content)

    def sign_head(self, size: int, root: bytes, at: datetime) -> TreeHead:
        """A signed tree head."""
        signature = self.sign(_head(size, root, at)).hex()
        return TreeHead(size=size, root=root.hex(), at=at, key=self.verifier.key_id, signature=signature)


def _head(size: int, root: bytes, at: datetime) -> bytes:
    told = {"size": size, "root": root.hex(), "at_us": round(at.timestamp() * 1_000_000)}
    return OF_A_HEAD + json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
