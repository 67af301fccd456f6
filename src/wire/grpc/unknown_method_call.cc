#include "src/wire/grpc/unknown_method_call.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/wire/grpc/listener.h"

namespace parley::detail {
namespace {

// Of a name that a client made up: a status has to fit into its limit for headers.
constexpr std::size_t kMostShown = 128;

}  // namespace

void UnknownMethodCall::Await(grpc::AsyncGenericService& service,
                              grpc::ServerCompletionQueue& queue) {
  listener_.Awaits();
  service.RequestCall(&context_, &stream_, &queue, &queue,
                      arrived_.Start(source_, shared_from_this()));
}

void UnknownMethodCall::OnArrived(bool ok) {
  if (ok) Answer();
  listener_.AwaitsNoMore();
}

void UnknownMethodCall::Answer() {
  listener_.AcceptNextUnknown();
  const std::string text = absl::StrCat(
      "unknown method ", absl::StripPrefix(context_.method(), "/").substr(0, kMostShown));
  stream_.Finish(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, text),
                 answered_.Start(source_, shared_from_this()));
}

}  // namespace parley::detail
