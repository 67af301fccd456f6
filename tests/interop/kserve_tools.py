"""grpcurl and ghz, which know nothing of KServe's protocol but what the server's reflection says, against
a server of parley's, tests/kserve's kserve_server: one case a run, by name.

kserve_tools.py --grpcurl=PATH --ghz=PATH --server_port=PORT --test_case=NAME
"""

import argparse
import base64
import json
import struct
import subprocess

SERVICE = "inference.GRPCInferenceService"
SUM = {
    "modelName": "sum",
    "inputs": [{"name": name, "datatype": "FP32", "shape": [1, 2],
                "contents": {"fp32Contents": [1, 2]}} for name in ("a", "b")],
}


def want(expected, got, what):
    if got != expected:
        raise AssertionError(f"want {what} {expected!r}, got {got!r}")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{command[0]}: {done.stderr or done.stdout}")
    return done.stdout


def call(tools, method, request):
    return json.loads(run(tools.grpcurl, "-plaintext", "-d", json.dumps(request), tools.address,
                          f"{SERVICE}/{method}"))


def lists_services(tools):
    services = run(tools.grpcurl, "-plaintext", tools.address, "list").split()
    want(["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
          "grpc.reflection.v1alpha.ServerReflection", SERVICE], services, "services")
    for symbol in (SERVICE, "inference.ModelConfig", "grpc.health.v1.HealthCheckResponse"):
        if symbol not in run(tools.grpcurl, "-plaintext", tools.address, "describe", symbol):
            raise AssertionError(f"{symbol} is not described")


def infers(tools):
    response = call(tools, "ModelInfer", SUM)
    raw = base64.b64decode(response["rawOutputContents"][0])
    want((2.0, 4.0), struct.unpack("<2f", raw), "sum")


def streams(tools):
    request = {"modelName": "repeat", "inputs": [{
        "name": "IN", "datatype": "INT32", "shape": [3], "contents": {"intContents": [1, 2, 3]}}]}
    out = run(tools.grpcurl, "-plaintext", "-d", json.dumps(request), tools.address,
              f"{SERVICE}/ModelStreamInfer")
    want(3, out.count("rawOutputContents"), "responses")


def describes_models(tools):
    want(8, call(tools, "ModelConfig", {"name": "sum"})["config"]["maxBatchSize"], "max_batch_size")
    models = call(tools, "RepositoryIndex", {})["models"]
    want({"READY"}, {model["state"] for model in models}, "states")


def checks_health(tools):
    for service in ("", SERVICE):
        status = run(tools.grpcurl, "-plaintext", "-d", json.dumps({"service": service}),
                     tools.address, "grpc.health.v1.Health/Check")
        want("SERVING", json.loads(status)["status"], "status")


def loads(tools):
    out = run(tools.ghz, "--insecure", "--call", f"{SERVICE}/ModelInfer", "-d", json.dumps(SUM),
              "-n", "2000", "-c", "32", "--connections", "2", "-O", "json", tools.address)
    report = json.loads(out)
    want({"OK": 2000}, report["statusCodeDistribution"], "statuses")


CASES = [lists_services, infers, streams, describes_models, checks_health, loads]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grpcurl", required=True)
    parser.add_argument("--ghz", required=True)
    parser.add_argument("--server_port", type=int, required=True)
    parser.add_argument("--test_case", choices=[case.__name__ for case in CASES], required=True)
    tools = parser.parse_args()
    tools.address = f"127.0.0.1:{tools.server_port}"
    next(case for case in CASES if case.__name__ == tools.test_case)(tools)


if __name__ == "__main__":
    main()
