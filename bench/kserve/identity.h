// The identity model by hand: what a service on generated code does with one request. Used by the raw
// gRPC servers.

#ifndef PARLEY_BENCH_KSERVE_IDENTITY_H_
#define PARLEY_BENCH_KSERVE_IDENTITY_H_

#include <grpcpp/grpcpp.h>

#include "grpc_service.pb.h"

namespace parley_bench {

// Moves the elements of "INPUT" to "OUTPUT": both messages may be used again, and then no memory is
// allocated for elements after the first calls.
// Errors:   NOT_FOUND for another model, INVALID_ARGUMENT for what is no such tensor.
grpc::Status AnswerIdentity(inference::ModelInferRequest& request,
                            inference::ModelInferResponse& response);

// The same for a stream: an error is in the answer, which also says that it is the request's last.
void AnswerIdentity(inference::ModelInferRequest& request,
                    inference::ModelStreamInferResponse& response);

}  // namespace parley_bench

#endif  // PARLEY_BENCH_KSERVE_IDENTITY_H_
