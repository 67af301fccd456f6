"""One sample: a fresh server and a fresh client process that do one work and say what it took. Used
by compare.py and plots.py."""

import json
import subprocess
import tempfile
import threading

LIMIT_SECONDS = 120

# What both processes count; the server's part of a sample has the prefix "server_".
USAGE = ("cpu_us", "allocations", "heap_bytes", "private_bytes")


class Program:
    """One measured process: it answers lines with JSON lines and is ended at the latest on exit."""

    def __init__(self, path, flags):
        self.name = path.name
        self._process = subprocess.Popen(
            [str(path), *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._limit = threading.Timer(LIMIT_SECONDS, self._process.kill)
        self._limit.start()

    def read(self):
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended without an answer; its error output is above")
        return json.loads(line)

    def ask(self):
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self.read()

    def __enter__(self):
        return self

    def __exit__(self, error_type, error, traceback):
        if error_type is not None:
            self._process.kill()
        self._process.stdin.close()
        code = self._process.wait()
        self._limit.cancel()
        self._process.stdout.close()
        if error_type is None and code != 0:
            raise RuntimeError(f"{self.name} ended with {code}; its error output is above")


def run(server, client, server_flags, client_flags, network="unix"):
    """Returns the client's figures with the server's cost added; `server` None: the client serves
    itself."""
    if server is None:
        with Program(client, ["--address=local", *client_flags]) as caller:
            caller.read()
            result = caller.ask()
        return {**result, **{"server_" + key: 0 for key in USAGE}}
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        listen = f"unix:{folder}/socket" if network == "unix" else "127.0.0.1:0"
        with Program(server, [f"--address={listen}", *server_flags]) as serving:
            address = serving.read()["address"]
            with Program(client, [f"--address={address}", *client_flags]) as caller:
                caller.read()
                before = serving.ask()
                result = caller.ask()
                after = serving.ask()
    return {**result, **{"server_" + key: after[key] - before[key] for key in USAGE}}
