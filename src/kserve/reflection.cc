#include "src/kserve/reflection.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/descriptor_database.h"
#include "parley/server_call.h"
#include "parley_wire/reflection.pb.h"
#include "src/kserve/descriptor_set.h"
#include "src/kserve/infer_fields.h"

namespace parley::kserve {
namespace {

using google::protobuf::FileDescriptorProto;
using Request = wire::ServerReflectionRequest;
using Response = wire::ServerReflectionResponse;

// What is served, and the files that describe it. It does not change.
class Reflection {
 public:
  Reflection() {
    google::protobuf::FileDescriptorSet set;
    const std::string_view bytes = DescriptorSet();
    set.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
    for (const FileDescriptorProto& file : set.file()) {
      files_.Add(file);
      for (const auto& service : file.service()) {
        services_.push_back(absl::StrCat(file.package(), ".", service.name()));
      }
    }
  }

  Response Answer(const Request& request) const {
    Response response;
    response.set_valid_host(request.host());
    *response.mutable_original_request() = request;
    FileDescriptorProto file;
    switch (request.message_request_case()) {
      case Request::kListServices:
        for (const std::string& service : services_) {
          response.mutable_list_services_response()->add_service()->set_name(service);
        }
        break;
      case Request::kFileByFilename:
        if (files_.FindFileByName(request.file_by_filename(), &file)) {
          AddFile(file, response);
        } else {
          SetNotFound("file", request.file_by_filename(), response);
        }
        break;
      case Request::kFileContainingSymbol:
        if (files_.FindFileContainingSymbol(request.file_containing_symbol(), &file)) {
          AddFile(file, response);
        } else {
          SetNotFound("symbol", request.file_containing_symbol(), response);
        }
        break;
      // Nothing here is extended.
      case Request::kFileContainingExtension:
        SetNotFound("extension of", request.file_containing_extension().containing_type(),
                    response);
        break;
      case Request::kAllExtensionNumbersOfType:
        if (files_.FindFileContainingSymbol(request.all_extension_numbers_of_type(), &file)) {
          response.mutable_all_extension_numbers_response()->set_base_type_name(
              request.all_extension_numbers_of_type());
        } else {
          SetNotFound("type", request.all_extension_numbers_of_type(), response);
        }
        break;
      case Request::MESSAGE_REQUEST_NOT_SET:
        SetError(absl::StatusCode::kInvalidArgument, "the request asks for nothing", response);
        break;
    }
    return response;
  }

 private:
  // With the files that it needs in front of it.
  void AddFile(const FileDescriptorProto& file, Response& response) const {
    for (const std::string& name : file.dependency()) {
      FileDescriptorProto needed;
      if (files_.FindFileByName(name, &needed)) AddFile(needed, response);
    }
    response.mutable_file_descriptor_response()->add_file_descriptor_proto(
        file.SerializeAsString());
  }
  static void SetNotFound(const char* what, const std::string& name, Response& response) {
    SetError(absl::StatusCode::kNotFound, absl::StrCat("there is no ", what, " ", Shown(name)),
             response);
  }
  static void SetError(absl::StatusCode code, const std::string& text, Response& response) {
    response.mutable_error_response()->set_error_code(static_cast<int>(code));
    response.mutable_error_response()->set_error_message(text);
  }

  // Its functions are not const, and change nothing.
  mutable google::protobuf::SimpleDescriptorDatabase files_;
  std::vector<std::string> services_;
};

// One stream of questions. While it is idle it holds no thread; what it waits for holds it.
class Conversation : public std::enable_shared_from_this<Conversation> {
 public:
  using Call = ServerCall<Bidi<Request, Response>>;

  Conversation(std::shared_ptr<const Reflection> reflection, Call call)
      : reflection_(std::move(reflection)), call_(std::move(call)) {}

  void Next() {
    call_.AsyncNext().Then([self = shared_from_this()](const std::optional<Request>& request) {
      if (!request.has_value()) return std::move(self->call_).Finish(self->call_.status());
      self->call_.AsyncWrite(self->reflection_->Answer(*request)).Then([self](absl::Status status) {
        if (status.ok()) return self->Next();
        std::move(self->call_).Finish(std::move(status));
      });
    });
  }

 private:
  const std::shared_ptr<const Reflection> reflection_;
  Call call_;
};

}  // namespace

void AddReflection(Server& server) {
  const auto reflection = std::make_shared<const Reflection>();
  for (const char* path : {"grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                           "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"}) {
    server.Register(Bidi<Request, Response>{path}, [reflection](Conversation::Call call) {
      std::make_shared<Conversation>(reflection, std::move(call))->Next();
    });
  }
}

}  // namespace parley::kserve
