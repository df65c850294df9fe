"""Checks that strings of a model are text: protobuf returns bytes for a string that is not UTF-8."""

from __future__ import annotations

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from onnx import ModelProto, TensorProto

from ...errors import ModelError


def check_text(proto: ModelProto) -> None:
    """Raise ModelError unless every string in PROTO is text."""
    pending: list[Message] = [proto]
    while pending:
        message = pending.pop()
        if isinstance(message, TensorProto):  # the rest is data, possibly gigabytes
            _check("name", message.name)
            pending += message.external_data
            continue
        for field, value in message.ListFields():
            if field.type == FieldDescriptor.TYPE_STRING:
                _check(field.name, value)
            elif field.type == FieldDescriptor.TYPE_MESSAGE:
                pending += [value] if isinstance(value, Message) else value


def _check(name: str, value: object) -> None:
    texts = (value,) if isinstance(value, (str, bytes)) else value
    if any(isinstance(text, bytes) for text in texts):  # type: ignore[attr-defined]
        raise ModelError(f"a {name} in the model is not UTF-8 text", "is the file damaged?")
