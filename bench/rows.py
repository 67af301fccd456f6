"""The rows of the benchmark table: what is run on either side, what is compared, and the goal.

compare.py runs them, plots.py takes their sides. A side is a server and a client program, or a
client that serves itself.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Side:
    server: str | None  # None: the client serves itself
    client: str
    work: str
    client_flags: tuple = ()
    server_flags: tuple = ()
    # A side that is much faster than its twin needs more operations for a sample worth having.
    scale: int = 1


# What is read from a sample; of all but the rate, less is better. Cost is that of both processes.
METRICS = {
    "rate": lambda sample: sample["operations"] / sample["seconds"],
    "p50": lambda sample: sample["p50_us"],
    "p99": lambda sample: sample["p99_us"],
    "cpu": lambda sample: per_operation(sample, "cpu_us"),
    "heap": lambda sample: per_operation(sample, "heap_bytes"),
    "allocations": lambda sample: per_operation(sample, "allocations"),
}


def per_operation(sample, key):
    return (sample[key] + sample["server_" + key]) / sample["operations"]


@dataclasses.dataclass(frozen=True)
class Figure:
    """One line of the table; its name is what run.sh takes."""
    name: str
    metric: str
    unit: str
    goal: float | None = None
    amount: float = 1  # of the unit, in each operation
    tolerance: float = 0  # above a goal of nothing: what does not recur with each operation

    @property
    def lower_is_better(self):
        return self.metric != "rate"

    def of(self, sample):
        return METRICS[self.metric](sample) * self.amount


@dataclasses.dataclass(frozen=True)
class Row:
    figures: tuple[Figure, ...]  # all from the same samples
    left: Side  # parley
    right: Side | None  # the twin; None: the figure is parley's own number
    operations: int  # measured, in a full run
    in_flight: int = 1
    quick_share: float = 1 / 3  # of the operations, in a quick run
    warmup: int | None = None  # operations before; None: a sixth
    # How many requests a queue server has posted ahead of each method; None: as many as there are
    # calls in flight. More than that costs it: each slot is colder when its turn comes.
    slots: int | None = None
    load: float | None = None  # of an open loop: share of the twin's capacity
    network: str = "unix"
    counted: bool = False  # in the programs that count allocations
    difference: bool = False  # `ratio` is left minus right
    full_only: bool = False  # not in a quick run, unless named
    asked_only: bool = False  # run only when named

    def sample_operations(self, quick):
        """Each of the calls or streams in flight gets as many."""
        share = self.quick_share if quick else 1
        return max(round(self.operations * share / self.in_flight), 1) * self.in_flight

    def sample_warmup(self, operations):
        if self.warmup is not None:
            return self.warmup
        return max(round(operations / 6 / self.in_flight), 1) * self.in_flight

    @property
    def exact(self):
        """Nothing here depends on how fast the machine is."""
        return all(figure.metric in ("heap", "allocations") for figure in self.figures)

    @property
    def server_slots(self):
        return self.slots or max(16, self.in_flight)


def parley(work, wire="plain", client_flags=(), server_flags=()):
    return Side("bench_parley_server", "bench_parley_client", work,
                (f"--wire={wire}", *client_flags), server_flags)


def session(work, client_flags=(), server_flags=()):
    return parley(work, "session", client_flags, server_flags)


def queue(work, client_flags=(), server_flags=(), server="queue"):
    return Side(f"bench_grpc_{server}_server", "bench_grpc_queue_client", work, client_flags,
                server_flags)


def many_streams(work):
    """gRPC's fastest pair for many streams at once."""
    return queue(work, server="callback")


def callback(work, server_flags=()):
    return Side("bench_grpc_callback_server", "bench_grpc_callback_client", work, (), server_flags)


def blocking(work, server="queue"):
    return Side(f"bench_grpc_{server}_server", "bench_grpc_blocking_client", work)


def rest(work, server_flags=()):
    return Side("bench_rest_server", "bench_rest_client", work, (), server_flags)


def tensor(side, elements):
    flags = (f"--elements={elements}",)
    return dataclasses.replace(side, client_flags=(*side.client_flags, *flags),
                               server_flags=(*side.server_flags, *flags))


def batching(max_batch_size):
    side = parley("sleep", "auto", (), (f"--max_batch_size={max_batch_size}",))
    return dataclasses.replace(side, scale=8 if max_batch_size > 1 else 1)


def kserve(server, work="infer", elements=16):
    """The identity model on one of the servers of KServe's service; the client is the same."""
    return tensor(Side(f"bench_kserve_{server}_server", "bench_kserve_client", work), elements)


LOCAL = Side(None, "bench_parley_client", "echo", scale=50)

# The application's own threads, as many as there are cores here.
EXECUTOR = ("--executor_threads=2",)
COROUTINE = ("--tokens_handler=coroutine",)
STEP_ALONE = ("--step=10ms",)
BULKY, STALLED = ("--first_stream=bulky",), ("--first_stream=stalled",)
OWN_ANSWERS = ("--own_answers",)
FIXED = ("--fixed_messages",)


def _rate(name, unit, goal, left, right, operations, in_flight=1, **more):
    # Samples of sessions take about as long as their twins'.
    if "--wire=session" in left.client_flags:
        left = dataclasses.replace(left, scale=8)
    return Row((Figure(name, "rate", unit, goal),), left, right, operations, in_flight, **more)


def _p50(name, goal, left, right, operations, **more):
    return Row((Figure(name, "p50", "us", goal),), left, right, operations, **more)


def _tensor(name, goal, left, right, elements, operations, **more):
    # 4 bytes each way for each element. A slot that has long waited has lost its memory from the
    # caches.
    return Row((Figure(name, "rate", "MB/s", goal, 8 * elements / 1e6),), tensor(left, elements),
               tensor(right, elements), operations, slots=2, **more)


def _kserve_rows(prefix, server, twin, goals, **more):
    """The five works on two servers, with a goal for each."""
    x1, x64, stream_x64, k600, m16 = goals
    left, right = kserve(server), kserve(twin)
    return [
        _p50(prefix + "kserve_x1", x1, left, right, 9000, **more),
        _rate(prefix + "kserve_x64", "calls/s", x64, left, right, 60000, 64, **more),
        _rate(prefix + "kserve_stream_x64", "responses/s", stream_x64,
              kserve(server, "infer_stream"), kserve(twin, "infer_stream"), 120000, 64, **more),
        _tensor(prefix + "kserve_600k", k600, left, right, 150000, 2400, **more),
        _tensor(prefix + "kserve_16m", m16, left, right, 4000000, 120, **more),
    ]


# The twin of each row is the fastest of gRPC's interfaces for it, by the api_ rows.
_NETWORK_ROWS = [
    _p50("calls_x1_plain", 1.05, parley("echo"), queue("echo"), 9000),
    _rate("calls_x64_plain", "calls/s", 0.95, parley("echo"), queue("echo"), 60000, 64),
    _p50("calls_x1", 0.6, session("echo"), queue("echo"), 9000),
    _rate("calls_x64", "calls/s", 6, session("echo"), queue("echo"), 60000, 64),
    _rate("calls_x64_executor", "calls/s", 3.5, session("echo", EXECUTOR, EXECUTOR), queue("echo"),
          60000, 64),
    _rate("calls_x64_threads", "calls/s", 2, session("echo_threads"), blocking("echo"), 60000, 64),
    _rate("calls_x1024", "calls/s", 30, session("echo"), queue("echo"), 60000, 1024, slots=64),
    _rate("calls_x10000", "calls/s", 30, session("echo"), queue("echo"), 60000, 10000, slots=64),
    _rate("tokens_x1_plain", "tokens/s", 0.95, parley("tokens"), queue("tokens"), 240000),
    _rate("tokens_x1", "tokens/s", 10, session("tokens"), queue("tokens"), 240000),
    _rate("tokens_x64", "tokens/s", 10, session("tokens", (), COROUTINE), many_streams("tokens"),
          240000, 64),
    _rate("tokens_x1024", "tokens/s", 10, session("tokens", (), COROUTINE),
          many_streams("tokens"), 307200, 1024),
    Row((Figure("tokens_paced_x256", "cpu", "us CPU", 0.15),
         Figure("tokens_paced_delay_x256", "p99", "us", 0.5)),
        session("paced"), queue("paced"), 256 * 150, 256, quick_share=1 / 4),
    Row((Figure("tokens_paced_x256_apart", "cpu", "us CPU"),
         Figure("tokens_paced_delay_x256_apart", "p99", "us")),
        session("paced", (), ("--apart",)), queue("paced"), 256 * 150, 256, quick_share=1 / 4),
    _p50("tokens_alone_delay", 1.05, session("paced", (), STEP_ALONE),
         queue("paced", (), STEP_ALONE), 300, quick_share=1 / 4),
    Row((Figure("stalled_reader_x256", "p99", "us", 1.1),), session("paced", STALLED),
        session("paced", BULKY), 256 * 150, 256, quick_share=1 / 4),
    _p50("local_x1", 0.05, LOCAL, queue("echo"), 9000),
    _rate("rest_calls_x64", "calls/s", 10, session("echo"), rest("echo"), 30000, 64),
    _rate("rest_tokens_x64", "tokens/s", 15, session("tokens", (), COROUTINE), rest("tokens"),
          120000, 64),
    Row((Figure("rest_tensor_150k", "cpu", "us CPU", 0.02),),
        tensor(dataclasses.replace(parley("tensor", "auto"), scale=20), 150000),
        tensor(rest("tensor"), 150000), 60, quick_share=1 / 6),
    _tensor("tensor_600k", 1.7, parley("tensor", "auto"), queue("tensor"), 150000, 2400),
    _tensor("tensor_16m", 1.7, parley("tensor", "auto"), queue("tensor"), 4000000, 120),
    _tensor("tensor_600k_own", None, parley("tensor", "auto"),
            queue("tensor", OWN_ANSWERS, OWN_ANSWERS), 150000, 2400, asked_only=True),
    _tensor("tensor_16m_own", None, parley("tensor", "auto"),
            queue("tensor", OWN_ANSWERS, OWN_ANSWERS), 4000000, 120, asked_only=True),
    _rate("batching_x64", "calls/s", 10, batching(64), batching(1), 1200, 64),
    *_kserve_rows("", "parley", "callback", (1.1, 0.95, 0.95, 1.7, 1.7)),
]


# Open loop: calls at random times whether or not others have been answered, and each latency from
# the time at which its call was due.
def _latency(percent):
    name = f"latency_{percent}"
    return Row((Figure(name, "p99", "us"), Figure(name + "_p50", "p50", "us")),
               session("echo_at_rate"), queue("echo_at_rate"), 60000, 256, load=percent / 100)


# What the loads above are shares of.
CAPACITY = _rate("capacity", "calls/s", None, queue("echo"), None, 60000, 64)

_UNIX_ROWS = [
    *(_latency(percent) for percent in (50, 70, 90)),
    Row((Figure("idle_generation_bytes", "heap", "bytes", 0.04),), session("idle"), queue("idle"),
        10000, quick_share=1, warmup=2),
]

# gRPC against gRPC: what docs/decisions/0002 and the choice of twins rest on. Left is the callback
# interface, the callback server with the completion-queue client, or the blocking stub with the
# completion-queue server.
_API_ROWS = [
    _p50("api_calls_x1", None, callback("echo"), queue("echo"), 9000, asked_only=True),
    _rate("api_calls_x64", "calls/s", None, callback("echo"), queue("echo"), 60000, 64,
          asked_only=True),
    _rate("api_calls_x1024", "calls/s", None, callback("echo"), queue("echo"), 60000, 1024,
          slots=64, asked_only=True),
    _rate("api_calls_x10000", "calls/s", None, callback("echo"), queue("echo"), 60000, 10000,
          slots=64, asked_only=True),
    _rate("api_tokens_x1", "tokens/s", None, callback("tokens"), queue("tokens"), 240000,
          asked_only=True),
    _rate("api_tokens_x64", "tokens/s", None, callback("tokens"), queue("tokens"), 240000, 64,
          asked_only=True),
    _rate("api_tokens_x1024", "tokens/s", None, callback("tokens"), queue("tokens"), 307200, 1024,
          asked_only=True),
    _rate("api_mixed_tokens_x64", "tokens/s", None, many_streams("tokens"), queue("tokens"),
          240000, 64, asked_only=True),
    _rate("api_mixed_tokens_x1024", "tokens/s", None, many_streams("tokens"), queue("tokens"),
          307200, 1024, asked_only=True),
    Row((Figure("api_tokens_paced_x256", "cpu", "us CPU"),
         Figure("api_tokens_paced_delay_x256", "p99", "us")),
        callback("paced"), queue("paced"), 256 * 150, 256, asked_only=True),
    _p50("api_tokens_alone_delay", None, callback("paced", STEP_ALONE),
         queue("paced", (), STEP_ALONE), 300, asked_only=True),
    _p50("api_sync_calls_x1", None, blocking("echo"), queue("echo"), 9000, asked_only=True),
    _rate("api_sync_tokens_x1", "tokens/s", None, blocking("tokens"), queue("tokens"), 240000,
          asked_only=True),
    # Here the server alone differs: the synchronous one against the queue's.
    _rate("api_sync_calls_x64_threads", "calls/s", None, blocking("echo", "blocking"),
          blocking("echo"), 60000, 64, asked_only=True),
    *_kserve_rows("api_", "callback", "queue", (None,) * 5, asked_only=True),
    *_kserve_rows("queue_", "parley", "queue", (None,) * 5, asked_only=True),
]


def _over_tcp(row):
    figures = tuple(dataclasses.replace(figure, name=figure.name + "_tcp", goal=None)
                    for figure in row.figures)
    return dataclasses.replace(row, figures=figures, network="tcp", full_only=True)


def _with_tcp(rows):
    return [variant for row in rows for variant in (row, _over_tcp(row))]


# Counted, not timed, in the programs that count allocations.
def _allocations(name, unit, left, right, operations, in_flight=1, goal=None, tolerance=0, **more):
    return Row((Figure(name, "allocations", unit, goal, tolerance=tolerance),), left, right,
               operations, in_flight, quick_share=1, counted=True,
               difference=right is not None, **more)


_ALLOCATION_ROWS = [
    # The same work is an answer that the handler makes and the caller keeps, so the twin's answers
    # are messages of their own here. The rows after these two count against the twin as it is
    # timed, which writes every answer into the same message.
    _allocations("allocations_call", "per call", parley("echo"),
                 queue("echo", OWN_ANSWERS, OWN_ANSWERS), 6000),
    _allocations("allocations_token", "per token", parley("tokens"),
                 queue("tokens", OWN_ANSWERS, OWN_ANSWERS), 60000),
    _allocations("allocations_call_reused", "per call", parley("echo"), queue("echo"), 6000,
                 full_only=True),
    _allocations("allocations_token_reused", "per token", parley("tokens"), queue("tokens"), 60000,
                 full_only=True),
    # The library's own, for messages that need no heap. A stream's opening is spread over its
    # tokens.
    _allocations("allocations_session", "per call", session("echo", FIXED), None, 64000, 64, 2),
    _allocations("allocations_session_token", "per token", session("tokens", FIXED), None, 640000,
                 64, 0, tolerance=0.01),
]

# A figure that is the worst of others, whatever their own goals.
WORST = {Figure("allocations", "allocations", "", 0, tolerance=0.001):
         ("allocations_call", "allocations_token")}

ALL = [*_with_tcp(_NETWORK_ROWS), *_UNIX_ROWS, *_with_tcp(_API_ROWS), *_ALLOCATION_ROWS]
