"""Settings: what is made by itself, what has to be given, and who may read it."""

import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from adapters.http.keys import Scope
from app.settings import Settings, SettingsError

SECRET = "0123456789abcdef" * 4


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("BESPOKE_"):
            monkeypatch.delenv(name)


def made(folder: Path, **given: Any) -> Settings:
    return Settings(var=folder / "var", **given)


def test_secrets_are_made_once_and_nobody_else_reads_them(tmp_path: Path) -> None:
    first, again = made(tmp_path), made(tmp_path)
    assert first.master() == again.master()
    assert first.generated_keys() == again.generated_keys()
    assert len(first.master()) == 64
    assert stat.S_IMODE(first.secrets.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in first.secrets.iterdir()}
    assert modes == {"master": 0o600, "api_keys.json": 0o600}
    assert made(tmp_path / "other").master() != first.master()


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    settings = made(tmp_path)
    settings.master()
    (settings.secrets / "master").chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        settings.master()


def test_of_eight_who_make_the_secret_one_wins(tmp_path: Path) -> None:
    together = threading.Barrier(8)

    def make(folder: Path) -> bytes:
        together.wait(10)
        return made(folder).master()

    with ThreadPoolExecutor(8) as threads:
        for turn in range(20):
            assert len(set(threads.map(make, [tmp_path / str(turn)] * 8))) == 1
            assert [p.name for p in made(tmp_path / str(turn)).secrets.iterdir()] == ["master"]


def test_with_a_server_of_its_own_the_master_secret_has_to_be_given(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="BESPOKE_MASTER_SECRET is not set"):
        made(tmp_path, postgres_url="postgresql://db/x").master()
    with pytest.raises(SettingsError, match="shorter than 32") as caught:
        made(tmp_path, master_secret="too-short-secret").master()
    assert "too-short-secret" not in str(caught.value)
    given = made(tmp_path, postgres_url="postgresql://db/x", master_secret=SECRET)
    assert given.master() == SECRET.encode()
    assert not given.secrets.exists()


def test_what_is_derived_differs_by_its_use(tmp_path: Path) -> None:
    settings = made(tmp_path, master_secret=SECRET)
    assert len({settings.master(), settings.identity_key(), settings.shopify_key().encode()}) == 3
    assert made(tmp_path, master_secret=SECRET, shopify_secret="hush").shopify_key() == "hush"
    assert made(tmp_path, master_secret=SECRET, identity_secret="m" * 16).identity_key() == b"m" * 16


def test_another_process_gets_the_same_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = made(tmp_path, namespace="n1", shards=3, master_secret=SECRET, redis_url="redis://r/0", least_people=2)
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    settings = made(
        tmp_path, master_secret=SECRET, postgres_url="postgresql://u:secretword@db/x", api_keys="secretword"
    )
    assert SECRET not in repr(settings)
    assert "secretword" not in repr(settings)


@pytest.mark.parametrize(
    "wrong",
    [{"namespace": "Shop"}, {"namespace": "a:b"}, {"namespace": ""}, {"port": 0}, {"shards": 0}, {"currency": "x"}],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        made(tmp_path, **wrong)


def test_the_generated_keys_work_and_the_public_one_may_only_send(tmp_path: Path) -> None:
    settings = made(tmp_path)
    texts, keys = settings.generated_keys(), settings.keys()
    server, public = keys.find(texts["server"]), keys.find(texts["public"])
    assert server is not None
    assert public is not None
    assert (set(server.scopes), server.public) == (set(Scope), False)
    assert (set(public.scopes), public.public) == ({Scope.CHANNEL_WRITE}, True)


def test_broken_keys_name_the_setting_and_not_the_value(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="BESPOKE_API_KEYS") as caught:
        made(tmp_path, api_keys='[{"id": "x", "sha256": "secretword"}]').keys()
    assert "secretword" not in str(caught.value)
