// Compiles and links against the generated service, nothing more.

#include "service.grpc.pb.h"

const char* ServiceName() { return consumer::Ping::service_full_name(); }
