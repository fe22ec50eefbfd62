"""Settings, from ``BESPOKE_*`` in the environment. Nothing else reads the environment."""

import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import uuid4
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, SecretBytes, SecretStr, StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict

from adapters.http.keys import MOST_RATE, ApiKeys, Rate, Scope, generate
from adapters.keys.wrapping import derive
from adapters.redis.persons import Limits
from domain.values import Currency
from queries.recommend.weights import Weights

LEAST_SECRET = 32
Topic = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,200}$")]


class SettingsError(Exception):
    """A setting is missing or unsafe; the text says what to do."""


def _known_weights(text: str) -> str:
    Weights.of(text)
    return text


def _known_timezone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("unknown time zone")
    return name


class Settings(BaseSettings):
    """Where no server's URL is set, Bespoke starts its own under ``var``, and makes its own secrets there."""

    model_config = SettingsConfigDict(env_prefix="BESPOKE_", frozen=True, extra="ignore")

    namespace: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,20}$")] = "shop"
    var: Path = Path("var")
    postgres_url: SecretStr | None = None
    redis_url: SecretStr | None = None
    shard_urls: SecretStr | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    shards: Annotated[int, Field(ge=1, le=1024)] = 1
    least_people: Annotated[int, Field(ge=1, le=1000)] = 5
    currency: Currency = "USD"
    weights: Annotated[str, AfterValidator(_known_weights)] = "{}"
    store_timezone: Annotated[str, AfterValidator(_known_timezone)] = "UTC"
    master_secret: SecretBytes | None = None
    shopify_secret: SecretStr | None = None
    identity_secret: Annotated[SecretStr, Field(min_length=16)] | None = None
    api_keys: SecretStr | None = None
    spool_mb: Annotated[int, Field(ge=16, le=1_000_000)] = 8_192
    rate_per_s: Annotated[int, Field(ge=1, le=MOST_RATE)] = 5_000
    rate_burst: Annotated[int, Field(ge=1, le=MOST_RATE)] = 10_000
    graphql_introspection: bool = False
    live_sockets: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    wrapping_keys: Path | None = None
    kms: Literal["local", "aws"] = "local"
    kms_region: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")] | None = None
    models: Path | None = None
    mlflow_uri: Annotated[SecretStr, Field(min_length=1, max_length=1000)] | None = None
    train_hour: Annotated[int, Field(ge=0, le=23)] = 3
    train_minute: Annotated[int, Field(ge=0, le=59)] = 20
    keep_behaviour_months: Annotated[int, Field(ge=1, le=1200)] = 25
    keep_identity_months: Annotated[int, Field(ge=1, le=1200)] = 120
    keep_transaction_months: Annotated[int, Field(ge=1, le=1200)] = 120
    keep_consent_months: Annotated[int, Field(ge=1, le=1200)] = 120
    keep_anonymous_months: Annotated[int, Field(ge=1, le=1200)] = 13
    keep_receipts_days: Annotated[int, Field(ge=1, le=36_500)] = 400
    erasure_window_h: Annotated[float, Field(ge=0, le=480)] = 72
    erasure_four_eyes: bool = True
    l1_persons: Annotated[int, Field(ge=2, le=1_000_000)] = 20_000
    l1_mb: Annotated[int, Field(ge=1, le=65_536)] = 256
    stale_s: Annotated[float, Field(ge=0, le=3_600)] = 30
    redis_wait_ms: Annotated[int, Field(ge=1, le=10_000)] = 25
    rescue_wait_ms: Annotated[int, Field(ge=1, le=10_000)] = 30
    directory_wait_ms: Annotated[int, Field(ge=1, le=10_000)] = 30
    train_tolerance: Annotated[float, Field(ge=0, le=1)] = 0.05
    kafka_bootstrap: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.,:_\[\]-]{3,1000}$")] | None = None
    kafka_topic: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,200}$")] = "bespoke.events.v1"
    kafka_dead_letters: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,200}$")] = (
        "bespoke.dead-letters.v1"
    )
    kafka_group: Annotated[str, StringConstraints(min_length=1, max_length=200)] = "bespoke-ingest"
    kafka_batch: Annotated[int, Field(ge=1, le=5_000)] = 800
    kafka_session_ms: Annotated[int, Field(ge=3_000, le=300_000)] = 10_000
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_ca_file: Path | None = None
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_username: str | None = None
    kafka_password: SecretStr | None = None

    @property
    def embedded(self) -> bool:
        """Whether any server is Bespoke's own."""
        return self.postgres_url is None or self.redis_url is None

    def shard_servers(self) -> tuple[str, ...]:
        """URLs of the PostgreSQL servers on which the log's shards lie in turn; none: on the one of all else."""
        given = self.shard_urls.get_secret_value() if self.shard_urls else ""
        return tuple(url.strip() for url in given.split(",") if url.strip())

    def objectives(self) -> Weights:
        """What answers are ordered by."""
        return Weights.of(self.weights)

    def rate(self) -> Rate:
        """Of API keys that have none of their own."""
        return Rate(self.rate_per_s, self.rate_burst)

    def limits(self) -> Limits:
        """Of what a process keeps of persons, and how long it waits for servers."""
        return Limits(
            self.l1_persons, self.l1_mb << 20, self.stale_s, self.redis_wait_ms / 1000, self.rescue_wait_ms / 1000
        )

    def kafka_options(self) -> dict[str, Any]:
        """kafka-python's options of TLS and SASL."""
        options: dict[str, Any] = {"security_protocol": self.kafka_security}
        if self.kafka_ca_file is not None:
            options["ssl_cafile"] = str(self.kafka_ca_file)
        if self.kafka_username is not None and self.kafka_password is not None:
            options["sasl_mechanism"] = self.kafka_mechanism
            options["sasl_plain_username"] = self.kafka_username
            options["sasl_plain_password"] = self.kafka_password.get_secret_value()
        return options

    def environment(self) -> dict[str, str]:
        """These settings as environment variables, for processes that are to have the same."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return {f"BESPOKE_{name.upper()}": _plain(value) for name, value in given.items() if value is not None}

    @property
    def secrets(self) -> Path:
        """The folder of generated secrets: 0700, its files 0600, outside every backup of the databases."""
        return self.var / "secrets"

    def master(self) -> bytes:
        """The master secret, made on first use of the embedded default. Raises SettingsError."""
        if self.master_secret is not None:
            secret = self.master_secret.get_secret_value()
            if len(secret) < LEAST_SECRET:
                raise SettingsError(f"BESPOKE_MASTER_SECRET is shorter than {LEAST_SECRET} bytes")
            return secret
        if self.postgres_url is not None:
            raise SettingsError(
                "BESPOKE_MASTER_SECRET is not set. With your own PostgreSQL it has to be, and to be kept: "
                "without it nothing recorded can be read. Make one: openssl rand -hex 32"
            )
        return self._kept("master", lambda: os.urandom(LEAST_SECRET).hex().encode())

    def identity_key(self) -> bytes:
        """What the shop's server signs identity tokens with."""
        given = self.identity_secret
        return given.get_secret_value().encode() if given else derive(self.master(), "bespoke identity tokens")

    def shopify_key(self) -> str:
        """What Shopify signs webhooks with; derived where the shop has none."""
        given = self.shopify_secret
        return given.get_secret_value() if given else derive(self.master(), "bespoke shopify webhooks").hex()

    def wrapping_folder(self) -> Path:
        """Where wrapping keys lie, one folder a namespace."""
        return (self.wrapping_keys or self.secrets / "wrapping") / self.namespace

    def models_folder(self) -> Path:
        """Where model artefacts lie, one folder a namespace."""
        return (self.models or self.var / "models") / self.namespace

    def checkpoints_folder(self) -> Path:
        """Where trainings that are under way save their state, one folder a namespace."""
        return self.var / "checkpoints" / self.namespace

    def tracking_uri(self) -> str | None:
        """Where training is tracked by MLflow: the folder ``mlflow`` if nothing is said, None if that is ``off``."""
        if self.mlflow_uri is None:
            return (self.var / "mlflow").absolute().as_uri()
        given = self.mlflow_uri.get_secret_value()
        return given if given != "off" else None

    def keys(self) -> ApiKeys:
        """The API keys: those given, else generated ones. Raises SettingsError."""
        if self.api_keys is not None:
            try:
                return ApiKeys.from_json(self.api_keys.get_secret_value())
            except ValueError as error:
                raise SettingsError(f"BESPOKE_API_KEYS: {error}") from None
        return ApiKeys.from_json(json.dumps([_record(*entry) for entry in self.generated_keys().items()]))

    def generated_keys(self) -> dict[str, str]:
        """Name → text of the generated keys: ``server`` may do everything, ``public`` is for browsers."""
        kept: dict[str, str] = json.loads(self._kept("api_keys.json", _new_keys))
        return kept

    def _kept(self, name: str, make: Callable[[], bytes]) -> bytes:
        """A secret's file, made by whoever comes first. Raises SettingsError if others can read it."""
        path = self.secrets / name
        self.secrets.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _write_once(path, make())
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"{path} can be read by others. Do: chmod 600 {path}")
        return path.read_bytes()


def _plain(value: object) -> str:
    secret = value.get_secret_value() if isinstance(value, SecretStr | SecretBytes) else value
    return secret.decode() if isinstance(secret, bytes) else str(secret)


def _write_once(path: Path, content: bytes) -> None:
    """Writes beside and links into place, so that nobody reads half a secret and the first one wins."""
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)  # the name too is on disk before anything is encrypted with what it holds
    finally:
        os.close(folder)


def _new_keys() -> bytes:
    server, _ = generate(list(Scope))
    public, _ = generate([Scope.CHANNEL_WRITE], public=True)
    return json.dumps({"server": server, "public": public}).encode()


def _record(name: str, text: str) -> dict[str, object]:
    public = name == "public"
    scopes = [Scope.CHANNEL_WRITE] if public else list(Scope)
    return {"id": name, "sha256": sha256(text.encode()).hexdigest(), "scopes": scopes, "public": public}
