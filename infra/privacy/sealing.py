"""The cipher that seals: AES-GCM with keys of 256 bits, loaded when something is sealed or opened."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

BITS = 256


def cipher(key: bytes) -> "AESGCM":
    """The cipher of a key."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def new_key() -> bytes:
    """A key that nobody has."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM.generate_key(BITS)


def unsealed(of: "AESGCM", nonce: bytes, sealed: bytes, bound: bytes) -> bytes:
    """What was sealed. Raises ValueError for what was sealed by another key, for another place, or altered."""
    from cryptography.exceptions import InvalidTag

    try:
        return of.decrypt(nonce, sealed, bound)
    except InvalidTag as error:
        raise ValueError("it was not sealed so") from error
