"""The file beside an export that configures TensorFlow Serving."""

import conftest
from google.protobuf import descriptor_pb2
from google.protobuf import descriptor_pool
from google.protobuf import message_factory
from google.protobuf import text_format
from google.protobuf import wrappers_pb2

import keras_mixgan as kmg

# Of session_bundle_config.proto; the message has more fields.
FIELDS = {
    "max_batch_size": ("Int64Value", 1024),
    "enable_large_batch_splitting": ("BoolValue", True),
    "max_execution_batch_size": ("Int64Value", 128),
    "batch_timeout_micros": ("Int64Value", 3000),
    "max_enqueued_batches": ("Int64Value", 64),
}


def batching_parameters():
    """An empty BatchingParameters, with the fields that are needed."""
    file = descriptor_pb2.FileDescriptorProto(
        name="batching.proto", syntax="proto3"
    )
    file.dependency.append(wrappers_pb2.DESCRIPTOR.name)
    message = file.message_type.add(name="BatchingParameters")
    for number, (name, (kind, _)) in enumerate(FIELDS.items(), 1):
        message.field.add(
            name=name,
            number=number,
            type=descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE,
            type_name=f".google.protobuf.{kind}",
            label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
        )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    found = pool.FindMessageTypeByName("BatchingParameters")
    return message_factory.GetMessageClass(found)()


@conftest.tensorflow_only
def test_its_batching_is_written_beside_the_model(tmp_path):
    model = kmg.MixGAN(*conftest.image_networks(), 2, 1, seed=0)
    model.export_sampler(tmp_path / "1")
    text = (tmp_path / "1" / "batching_params.pbtxt").read_text()
    parsed = text_format.Parse(text, batching_parameters())
    for name, (_, value) in FIELDS.items():
        assert getattr(parsed, name).value == value
