#include "src/wire/grpc/unknown_method_call.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/wire/grpc/listener.h"

namespace parley::detail {

void UnknownMethodCall::Await(grpc::AsyncGenericService& service,
                              grpc::ServerCompletionQueue& queue) {
  service.RequestCall(&context_, &stream_, &queue, &queue,
                      arrived_.Start(source_, shared_from_this()));
}

void UnknownMethodCall::OnArrived(bool ok) {
  if (!ok) return;
  listener_.AcceptNextUnknown();
  const std::string text =
      absl::StrCat("unknown method ", absl::StripPrefix(context_.method(), "/"));
  stream_.Finish(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, text),
                 answered_.Start(source_, shared_from_this()));
}

}  // namespace parley::detail
