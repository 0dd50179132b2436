"""This file makes protobuf messages from a short table; it guards that bytes come from the protobuf runtime alone.

For schemas that are a dozen fields and have no package of their own.
"""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

_F = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "double": _F.TYPE_DOUBLE,
    "float": _F.TYPE_FLOAT,
    "int64": _F.TYPE_INT64,
    "uint64": _F.TYPE_UINT64,
    "int32": _F.TYPE_INT32,
    "uint32": _F.TYPE_UINT32,
    "bool": _F.TYPE_BOOL,
    "string": _F.TYPE_STRING,
    "bytes": _F.TYPE_BYTES,
}


def messages(package: str, syntax: str, table: dict[str, str]) -> dict[str, type[Message]]:
    """Make message classes.

    Args:
        package: Of the schema.
        syntax: "proto2" or "proto3".
        table: By message name its fields, one a line: ``[repeated] type name = number``, and ``oneof`` in front for
            those of which one may be set. A type is a scalar's or a message's name.
    """
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax=syntax)
    for name, fields in table.items():
        message = file.message_type.add(name=name)
        for line in fields.strip().splitlines():
            _add(message, line.split(), package)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in table}


def _add(message: descriptor_pb2.DescriptorProto, words: list[str], package: str) -> None:
    *marks, kind, name, _, number = words
    field = message.field.add(name=name, number=int(number), label=_F.LABEL_OPTIONAL)
    if "repeated" in marks:
        field.label = _F.LABEL_REPEATED
    if "oneof" in marks:
        if not message.oneof_decl:
            message.oneof_decl.add(name="value")
        field.oneof_index = 0
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type = _F.TYPE_MESSAGE
        field.type_name = f".{package}.{kind}"
