"""Runs the ClickHouse engine of the package chdb-core as a server on loopback: HTTP and native TCP.

    clickhouse_endpoint.py --data DIR --http PORT --tcp PORT [--config FILE]... [--users FILE]

The package holds the whole engine, listeners included. `clickhouse-local`, its entry point, opens them on SYSTEM START LISTEN
and would then end; a last statement that reads from a pipe keeps it until the pipe is closed. No byte of the protocol is
made here.

One line on standard output says that it answers: `ready http=PORT tcp=PORT pid=PID version=VERSION`. Else: a line on
standard error, exit code 1.

It ends in order, and keeps its data, on SIGTERM. Where standard input closes, because whoever started it is gone, it ends in
the same way and deletes DIR: so nothing is left behind by a test that was killed. SIGKILL is a crash.

--config adds a file's text to the server's configuration, as it would stand within <clickhouse>; --users replaces the users:
`default` (no password, which the engine insists on), `hopline` (password `secret`) and `reader` (password `secret`, may change
nothing).

Differences from a server of one's own: no access management by SQL, no Keeper and so no replication and no ON CLUSTER, no
TLS, async_insert is executed at once. The user `default` reads any file, so only loopback is served.
"""

import argparse
import ctypes
import http.client
import importlib.util
import os
import pathlib
import queue
import shutil
import signal
import sys
import threading
import time

USERS = """
<profiles><default/><reader><readonly>1</readonly></reader></profiles>
<quotas><default/></quotas>
<users>
  <default><password/><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default>
  <hopline><password>secret</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></hopline>
  <reader><password>secret</password><networks><ip>127.0.0.1</ip></networks><profile>reader</profile><quota>default</quota></reader>
</users>
"""

# By which our server is known from another one.
NAME = f"endpoint-{os.getpid()}"

# Enough connections for all tests at once; memory that leaves a small machine some.
SETTINGS = {
    "listen_host": "127.0.0.1",
    "display_name": NAME,
    "users_config": "users.xml",
    "max_connections": 2000,
    "max_concurrent_queries": 1000,
    "max_server_memory_usage": 3 << 30,
    "keep_alive_timeout": 30,
}

START_SECONDS = 60
STOP_SECONDS = 30


def configure(home: pathlib.Path, call: argparse.Namespace) -> None:
    """Writes the configuration into the folder in which the engine looks for it: the working one."""
    settings = SETTINGS | {"http_port": call.http, "tcp_port": call.tcp}
    lines = [f"<{name}>{value}</{name}>" for name, value in settings.items()]
    lines += [pathlib.Path(name).read_text(encoding="utf-8") for name in call.config]
    users = pathlib.Path(call.users).read_text(encoding="utf-8") if call.users else USERS
    home.mkdir(parents=True, exist_ok=True)
    for name, text in (("config.xml", "\n".join(lines)), ("users.xml", users)):
        (home / name).write_text(f"<clickhouse>{text}</clickhouse>\n", encoding="utf-8")


def engine():
    """The extension alone: `import chdb` would start another engine in this process."""
    package = importlib.util.find_spec("chdb")
    if package is None or not package.submodule_search_locations:
        sys.exit("the package chdb-core is missing; cargo xtask test installs it")
    library = pathlib.Path(package.submodule_search_locations[0]) / "_chdb.abi3.so"
    # Its own allocator must come before that of the process.
    ctypes.CDLL(str(library), mode=os.RTLD_NOW | os.RTLD_DEEPBIND)
    spec = importlib.util.spec_from_file_location("_chdb", library)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def version(port: int) -> str | None:
    """What our server says it is; nothing where it does not answer yet, or another process has the port."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/?query=SELECT+version()")
        answer = connection.getresponse()
        is_ours = answer.getheader("X-ClickHouse-Server-Display-Name") == NAME
        text = answer.read().decode("utf-8", "replace").strip()
        return text if is_ours and answer.status == 200 else None
    except OSError:
        return None
    finally:
        connection.close()


def announce(call: argparse.Namespace, events: queue.SimpleQueue) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if found := version(call.http):
            print(f"ready http={call.http} tcp={call.tcp} pid={os.getpid()} version={found}", flush=True)
            return
        time.sleep(0.02)
    events.put(("failed", f"it did not answer within {START_SECONDS} seconds"))


def main() -> None:
    parser = argparse.ArgumentParser(description="The ClickHouse engine as a server, for tests.")
    parser.add_argument("--data", required=True)
    parser.add_argument("--http", required=True, type=int)
    parser.add_argument("--tcp", required=True, type=int)
    parser.add_argument("--config", action="append", default=[])
    parser.add_argument("--users")
    call = parser.parse_args()

    data = pathlib.Path(call.data).absolute()
    configure(data / "conf", call)
    os.chdir(data / "conf")
    # The engine would read table data from a standard input that is a pipe.
    parent = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    until_closed, holder = os.pipe()
    statements = (
        "SYSTEM START LISTEN HTTP",
        "SYSTEM START LISTEN TCP",
        f"SELECT count() FROM file({until_closed}, 'LineAsString', 'line String')"
        " SETTINGS max_execution_time = 0, log_queries = 0 FORMAT Null",
    )

    # What happens, in order: the engine's end, a signal, the parent's end.
    events = queue.SimpleQueue()

    def run() -> None:
        try:
            result = module.query("; ".join(statements), "TabSeparated", path=str(data / "store"))
            events.put(("failed", result.error_message()) if result.has_error() else ("ended", ""))
        except BaseException as error:  # whatever it is, the main thread must know
            events.put(("failed", repr(error)))

    def until_parent_ends() -> None:
        while os.read(parent, 4096):
            pass
        events.put(("orphaned", ""))

    module = engine()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: events.put(("stopped", "")))
    for work in (run, until_parent_ends, lambda: announce(call, events)):
        threading.Thread(target=work, daemon=True).start()

    # Woken now and then: Python runs its signal handlers in this thread.
    what = why = None
    while what is None:
        try:
            what, why = events.get(timeout=0.2)
        except queue.Empty:
            continue
    is_failed = what in ("failed", "ended")
    if is_failed:
        print(f"ClickHouse did not serve: {why or 'it ended by itself'}", file=sys.stderr, flush=True)
    else:
        os.close(holder)
        try:
            events.get(timeout=STOP_SECONDS)
        except queue.Empty:
            print(f"ClickHouse did not end within {STOP_SECONDS} seconds", file=sys.stderr, flush=True)
    if what == "orphaned":
        shutil.rmtree(data, ignore_errors=True)
    # The engine's threads do not outlive an orderly end of the interpreter.
    os._exit(1 if is_failed else 0)


if __name__ == "__main__":
    main()
