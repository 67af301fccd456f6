// Writes the messages of an inference: a header, and after it each tensor's memory by reference.
#include <cstring>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"
#include "parley/kserve/protocol.h"
#include "src/kserve/infer_layout.h"

namespace parley {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedOutputStream;
using kserve::InferLayout;

// Counts what a Sink would write.
struct Sizer {
  std::size_t size_bytes = 0;
  void Varint(std::uint64_t number) { size_bytes += CodedOutputStream::VarintSize64(number); }
  void Fixed64(std::uint64_t) { size_bytes += sizeof(std::uint64_t); }
  void Bytes(std::string_view bytes) { size_bytes += bytes.size(); }
};
struct Sink {
  std::uint8_t* at;
  void Varint(std::uint64_t number) { at = CodedOutputStream::WriteVarint64ToArray(number, at); }
  void Fixed64(std::uint64_t bits) { at = CodedOutputStream::WriteLittleEndian64ToArray(bits, at); }
  void Bytes(std::string_view bytes) {
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
    at += bytes.size();
  }
};

template <class Out>
void WriteTag(Out& out, int field, WireFormatLite::WireType type) {
  out.Varint(WireFormatLite::MakeTag(field, type));
}
template <class Out>
void WriteVarint(Out& out, int field, std::uint64_t number) {
  WriteTag(out, field, WireFormatLite::WIRETYPE_VARINT);
  out.Varint(number);
}
// Tag and length of bytes that follow.
template <class Out>
void WriteLength(Out& out, int field, std::size_t size_bytes) {
  WriteTag(out, field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  out.Varint(size_bytes);
}
template <class Out>
void WriteBytes(Out& out, int field, std::string_view bytes) {
  WriteLength(out, field, bytes.size());
  out.Bytes(bytes);
}
template <class Out>
void WriteString(Out& out, int field, std::string_view text) {
  if (!text.empty()) WriteBytes(out, field, text);
}
template <class F>
std::size_t SizeOf(F&& write) {
  Sizer sizer;
  write(sizer);
  return sizer.size_bytes;
}
template <class Out, class F>
void WriteMessage(Out& out, int field, F&& write) {
  WriteLength(out, field, SizeOf(write));
  write(out);
}

template <class Out>
void WriteParameter(Out& out, const Parameter& parameter) {
  if (const auto* truth = std::get_if<bool>(&parameter)) WriteVarint(out, 1, *truth ? 1 : 0);
  if (const auto* number = std::get_if<std::int64_t>(&parameter)) {
    WriteVarint(out, 2, static_cast<std::uint64_t>(*number));
  }
  if (const auto* text = std::get_if<std::string>(&parameter)) WriteBytes(out, 3, *text);
  if (const auto* number = std::get_if<double>(&parameter)) {
    WriteTag(out, 4, WireFormatLite::WIRETYPE_FIXED64);
    out.Fixed64(WireFormatLite::EncodeDouble(*number));
  }
  if (const auto* number = std::get_if<std::uint64_t>(&parameter)) WriteVarint(out, 5, *number);
}

template <class Out>
void WriteParameters(Out& out, int field, const Parameters& parameters) {
  for (const auto& entry : parameters) {
    WriteMessage(out, field, [&](auto& to) {
      WriteBytes(to, kserve::kKey, entry.first);
      WriteMessage(to, kserve::kValue, [&](auto& value) { WriteParameter(value, entry.second); });
    });
  }
}

template <class Out>
void WriteTensor(Out& out, const NamedTensor& named) {
  WriteString(out, kserve::kTensorName, named.name);
  WriteString(out, kserve::kTensorType, DataTypeName(named.tensor.type()));
  const absl::Span<const std::int64_t> shape = named.tensor.shape();
  if (!shape.empty()) {
    WriteMessage(out, kserve::kTensorShape, [&](auto& to) {
      for (const std::int64_t dimension : shape) {
        to.Varint(static_cast<std::uint64_t>(dimension));
      }
    });
  }
  WriteParameters(out, kserve::kTensorParameters, named.parameters);
}

// What ModelInferRequest and ModelInferResponse have in common, as it is written.
struct View {
  const InferLayout& layout;
  std::string_view model_name;
  std::string_view model_version;
  std::string_view id;
  const Parameters& parameters;
  const std::vector<NamedTensor>& tensors;
  const std::vector<RequestedOutput>* requested;
};

View ViewOf(const InferRequest& request) {
  return {kserve::kRequestLayout, request.model_name, request.model_version, request.id,
          request.parameters,     request.inputs,     &request.outputs};
}
View ViewOf(const InferResponse& response) {
  return {kserve::kResponseLayout,
          response.model_name,
          response.model_version,
          response.id,
          response.parameters,
          response.outputs,
          nullptr};
}

// All but the raw contents.
template <class Out>
void WriteHeader(Out& out, const View& view) {
  WriteString(out, kserve::kModelName, view.model_name);
  WriteString(out, kserve::kModelVersion, view.model_version);
  WriteString(out, kserve::kId, view.id);
  WriteParameters(out, kserve::kParameters, view.parameters);
  for (const NamedTensor& tensor : view.tensors) {
    WriteMessage(out, view.layout.tensors, [&](auto& to) { WriteTensor(to, tensor); });
  }
  if (view.requested == nullptr) return;
  for (const RequestedOutput& output : *view.requested) {
    WriteMessage(out, view.layout.requested, [&](auto& to) {
      WriteString(to, kserve::kOutputName, output.name);
      WriteParameters(to, kserve::kOutputParameters, output.parameters);
    });
  }
}

std::size_t SizeOfRaw(const View& view) {
  std::size_t size_bytes = 0;
  for (const NamedTensor& named : view.tensors) {
    const std::size_t of_one = named.tensor.bytes().size();
    size_bytes += of_one + SizeOf([&](auto& to) { WriteLength(to, view.layout.raw, of_one); });
  }
  return size_bytes;
}
std::size_t SizeOfMessage(const View& view) {
  return SizeOf([&](auto& to) { WriteHeader(to, view); }) + SizeOfRaw(view);
}

// `before` writes what comes in front of the message.
template <class F>
absl::Status Write(const View& view, F&& before, Buffer& out) {
  for (const NamedTensor& named : view.tensors) {
    if (named.tensor.type() == DataType::kInvalid) {
      return absl::InvalidArgumentError(
          absl::StrCat(std::string(view.layout.tensor), " \"", named.name, "\" has no type"));
    }
  }
  const auto head = [&](auto& to) {
    before(to);
    WriteHeader(to, view);
  };
  const std::size_t head_bytes = SizeOf(head);
  const std::size_t size_bytes = head_bytes + SizeOfRaw(view);
  if (size_bytes > kserve::kMostMessageBytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "a message of ", size_bytes, " bytes; it has at most ", kserve::kMostMessageBytes));
  }
  if (head_bytes > 0) {
    Sink sink{reinterpret_cast<std::uint8_t*>(out.Allocate(head_bytes))};
    head(sink);
  }
  for (const NamedTensor& named : view.tensors) {
    const auto length = [&](auto& to) {
      WriteLength(to, view.layout.raw, named.tensor.bytes().size());
    };
    Sink sink{reinterpret_cast<std::uint8_t*>(out.Allocate(SizeOf(length)))};
    length(sink);
    named.tensor.AppendTo(out);
  }
  return absl::OkStatus();
}

constexpr auto kNothing = [](auto&) {};

}  // namespace

absl::Status Codec<InferRequest>::Encode(const InferRequest& value, Buffer& out) {
  return Write(ViewOf(value), kNothing, out);
}
std::size_t Codec<InferRequest>::SizeBytes(const InferRequest& value) {
  return SizeOfMessage(ViewOf(value));
}

absl::Status Codec<InferResponse>::Encode(const InferResponse& value, Buffer& out) {
  return Write(ViewOf(value), kNothing, out);
}
std::size_t Codec<InferResponse>::SizeBytes(const InferResponse& value) {
  return SizeOfMessage(ViewOf(value));
}

absl::Status Codec<kserve::StreamResponse>::Encode(const kserve::StreamResponse& value,
                                                   Buffer& out) {
  const View view = ViewOf(value.response);
  const std::size_t size_bytes = SizeOfMessage(view);
  return Write(
      view,
      [&](auto& to) {
        WriteString(to, kserve::kErrorMessage, value.error_message);
        WriteLength(to, kserve::kInferResponse, size_bytes);
      },
      out);
}
std::size_t Codec<kserve::StreamResponse>::SizeBytes(const kserve::StreamResponse& value) {
  constexpr std::size_t kMostLengthBytes = 16;
  return value.error_message.size() + kMostLengthBytes + SizeOfMessage(ViewOf(value.response));
}

}  // namespace parley
