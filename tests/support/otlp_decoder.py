"""This file decodes OTLP requests with protoc from the protocol owners' files; it guards that we never judge ourselves.

The .proto files are those of Debian's package opentelemetry-proto, the decoder is protoc's. Its text is read into
messages of the same files, where a field that these do not know is an error.
"""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from support.newer_debian import installed

PROTOC = "/usr/bin/protoc"
_PACKAGE = "opentelemetry.proto.collector"
_REQUESTS = {
    "/v1/logs": ("logs/v1/logs_service.proto", f"{_PACKAGE}.logs.v1.ExportLogsServiceRequest"),
    "/v1/metrics": ("metrics/v1/metrics_service.proto", f"{_PACKAGE}.metrics.v1.ExportMetricsServiceRequest"),
}


def decode(path: str, body: bytes) -> Any:  # noqa: ANN401 - a class of the protobuf runtime
    """Decode a request that was posted to a path of OTLP."""
    _, name = _REQUESTS[path]
    text = _protoc(path, f"--decode={name}", data=body).decode()
    return text_format.Parse(text, _class(path)())


@cache
def _class(path: str) -> Any:  # noqa: ANN401
    _, name = _REQUESTS[path]
    described = _protoc(path, "--include_imports", "--descriptor_set_out=/dev/stdout")
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(described).file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def _protoc(path: str, *options: str, data: bytes = b"") -> bytes:
    include = installed("opentelemetry-proto") / "usr/include"
    file = include / Path("opentelemetry/proto/collector") / _REQUESTS[path][0]
    command = [PROTOC, f"--proto_path={include}", *options, str(file)]
    done = subprocess.run(command, input=data, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
