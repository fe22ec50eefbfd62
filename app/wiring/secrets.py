"""The master secret, data keys and who signs."""

from functools import cached_property
from importlib.util import find_spec

from adapters.keys import Keyring
from adapters.keys.services import KeyService
from adapters.keys.wiping import Wiping
from adapters.keys.wrapping import WrappingKeys, derive
from adapters.postgres import Database
from adapters.proof.signing import Signer
from app.settings import SettingsError
from app.wiring.servers import Servers


class Secrets(Servers):
    """What is derived from the master secret, or wrapped by it."""

    @cached_property
    def master(self) -> bytes:
        """The master secret."""
        return self.settings.master()

    @cached_property
    def keyring(self) -> Keyring:
        """Data keys of streams and periods."""
        database = Database(self._url("keys"))
        self._stack.callback(database.close)
        keyring = Keyring(database, self.wrapping())
        self._stack.enter_context(Wiping(keyring))
        return keyring

    def wrapping(self) -> WrappingKeys:
        """The wrapping keys, and who keeps them. Raises SettingsError."""
        return WrappingKeys(self.settings.wrapping_folder(), self.master, self._key_service())

    def _key_service(self) -> KeyService | None:
        if self.settings.kms == "local":
            return None
        if find_spec("boto3") is None:
            raise SettingsError("BESPOKE_KMS is aws, and boto3 is not installed: pip install 'bespoke[aws]'")
        from adapters.keys.aws import AwsKeys

        return AwsKeys(self.settings.namespace, region=self.settings.kms_region)

    @cached_property
    def signer(self) -> Signer:
        """Who signs proofs of erasure."""
        return Signer(derive(self.master, "bespoke proofs"))
