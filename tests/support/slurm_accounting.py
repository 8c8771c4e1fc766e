"""A Slurm cluster of one machine with accounting: slurmdbd with a MariaDB of its own."""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support import slurm_cluster
from tests.support.waiting import wait_until

ACCOUNTING = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port}
AccountingStoragePass={folder}/munge.sock
AccountingStorageEnforce=associations
"""
SLURMDBD = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser=root
PidFile={folder}/slurmdbd.pid
LogFile={folder}/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database_port}
StorageUser=slurm
StoragePass={password}
StorageLoc=slurm
"""
#: The account of the user of the tests.
ACCOUNT = "vision"


def missing_programs() -> str:
    """Return why such a cluster cannot be started here; empty if it can."""
    for program in ("slurmdbd", "mariadbd"):
        if shutil.which(program) is None:
            return f"There is no {program}: apt-get install slurmdbd mariadb-server."
    return slurm_cluster.missing_programs()


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[Path]:
    """Run a cluster whose user may charge one account; yield its folder."""
    folder.mkdir()
    port, database_port = slurm_cluster.free_ports(2)
    daemons = []
    try:
        daemons.append(slurm_cluster.start_munged(folder))
        password = secrets.token_hex(16)
        daemons.append(start_database(folder, database_port, password))
        configuration = folder / "slurmdbd.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            SLURMDBD.format(
                folder=folder, port=port, database_port=database_port, password=password
            )
        )
        daemons.append(slurm_cluster.start_daemon(folder, "slurmdbd", "-D"))
        wait_until(lambda: accepts(port), 60, 0.1)
        accounting = ACCOUNTING.format(folder=folder, port=port)
        daemons += slurm_cluster.start_daemons(folder, accounting)
        for words in (["account", ACCOUNT], ["user", "root", f"account={ACCOUNT}"]):
            wait_until(lambda words=words: manage(folder, "add", *words), 60, 0.5)
        wait_until(lambda: slurm_cluster.node_is_idle(folder), 60, 0.1)
        yield folder
        slurm_cluster.end_jobs(folder)
    finally:
        slurm_cluster.stop_daemons(daemons)


def start_database(folder: Path, port: int, password: str) -> subprocess.Popen[bytes]:
    """Start a MariaDB with a user for slurmdbd, on the loopback interface."""
    data, setup = folder / "database", folder / "setup.sql"
    install = ["mariadb-install-db", "--no-defaults", "--user=root", "--skip-test-db"]
    subprocess.run([*install, f"--datadir={data}"], check=True, capture_output=True)
    setup.write_text(
        f"CREATE USER slurm@'127.0.0.1' IDENTIFIED BY '{password}';\n"
        f"GRANT ALL ON slurm.* TO slurm@'127.0.0.1';\n"
    )
    options = [f"--datadir={data}", f"--init-file={setup}", f"--socket={folder / 'database.sock'}"]
    address = ["--bind-address=127.0.0.1", f"--port={port}", "--skip-name-resolve"]
    server = ["mariadbd", "--no-defaults", "--user=root"]
    daemon = slurm_cluster.start_daemon(folder, *server, *options, *address)
    wait_until(lambda: accepts(port), 60, 0.1)
    return daemon


def manage(folder: Path, *words: str) -> bool:
    """Change the accounting; return whether it worked."""
    variables = os.environ | slurm_cluster.environment(folder)
    command = ["sacctmgr", "--immediate", *words]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    return done.returncode == 0 or "already" in done.stdout.lower()


def accepts(port: int) -> bool:
    """Return whether a program accepts connections at a port of this machine."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
