"""The rows of the benchmark table: what is run on either side, what is compared, and the goal.

compare.py runs them. A side is a server and a client program, or a client that serves itself.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Side:
    server: str | None  # None: the client serves itself
    client: str
    work: str
    own_answers: bool = False  # the queue programs' flag of that name
    # A side that is much faster than its twin needs more operations for a sample worth having.
    scale: int = 1


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    left: Side  # parley
    right: Side  # the twin
    metric: str  # "p50_us" or "rate"
    unit: str
    operations: int  # measured, in a full run; a quick one does a third
    in_flight: int = 1
    goal: float | None = None
    network: str = "unix"
    asked_only: bool = False  # run only when named

    @property
    def lower_is_better(self):
        return self.metric == "p50_us"

    @property
    def server_slots(self):
        # More than there are calls costs a queue server: each slot is colder when its turn comes.
        return max(16, self.in_flight)

    @property
    def warmup(self):
        return max(self.operations // 6, 1)


def parley(work):
    return Side("bench_parley_server", "bench_parley_client", work)


def queue(work, own_answers=False):
    return Side("bench_grpc_queue_server", "bench_grpc_queue_client", work, own_answers)


def callback(work):
    return Side("bench_grpc_callback_server", "bench_grpc_callback_client", work)


LOCAL = Side(None, "bench_parley_client", "echo", scale=50)

# The twin of each row is the faster of gRPC's two interfaces for it, by the three api_ rows.
_UNIX_ROWS = [
    Row("calls_x1_plain", parley("echo"), queue("echo"), "p50_us", "us", 9000, goal=1.05),
    Row("calls_x64_plain", parley("echo"), queue("echo"), "rate", "calls/s", 60000, in_flight=64,
        goal=0.95),
    Row("tokens_x1_plain", parley("tokens"), queue("tokens"), "rate", "tokens/s", 240000,
        goal=0.95),
    Row("local_x1", LOCAL, queue("echo"), "p50_us", "us", 9000, goal=0.05),
]

# gRPC against gRPC: what docs/decisions/0002 rests on. Left is the callback interface, or the
# blocking stub with the completion-queue server.
_API_ROWS = [
    Row("api_calls_x1", callback("echo"), queue("echo"), "p50_us", "us", 9000, asked_only=True),
    Row("api_calls_x64", callback("echo"), queue("echo"), "rate", "calls/s", 60000, in_flight=64,
        asked_only=True),
    Row("api_tokens_x1", callback("tokens"), queue("tokens"), "rate", "tokens/s", 240000,
        asked_only=True),
    Row("api_sync_calls_x1", queue("echo_sync"), queue("echo"), "p50_us", "us", 9000,
        asked_only=True),
    Row("api_sync_tokens_x1", queue("tokens_sync"), queue("tokens"), "rate", "tokens/s", 240000,
        asked_only=True),
]


def _over_tcp(row):
    return dataclasses.replace(row, name=row.name + "_tcp", network="tcp", goal=None)


TIMED_ROWS = [variant for row in _UNIX_ROWS + _API_ROWS for variant in (row, _over_tcp(row))]

# Counted, not timed: left minus right for each operation, in the programs that count allocations.
# The same work is an answer that the handler makes and the caller keeps, so the twin's answers are
# messages of their own here. The goal holds for these two; the rows after them count against the
# twin as it is timed, which writes every answer into the same message.
ALLOCATION_ROWS = [
    Row("allocations_call", parley("echo"), queue("echo", own_answers=True), "allocations",
        "per call", 6000),
    Row("allocations_token", parley("tokens"), queue("tokens", own_answers=True), "allocations",
        "per token", 60000),
]
ALLOCATION_GOAL = 0.0
REUSED_ANSWER_ROWS = [
    Row("allocations_call_reused", parley("echo"), queue("echo"), "allocations", "per call", 6000),
    Row("allocations_token_reused", parley("tokens"), queue("tokens"), "allocations", "per token",
        60000),
]
