# Says at configure time when the gRPC found has known vulnerabilities that parley can't mend.
# Included by the top CMakeLists.txt after gRPC was found; gRPC_VERSION is empty when another
# project brings its own gRPC.
set(parley_grpc_fixed_in 1.66)
if(gRPC_VERSION AND gRPC_VERSION VERSION_LESS parley_grpc_fixed_in)
  message(NOTICE
    "-- parley: gRPC ${gRPC_VERSION} has known vulnerabilities unless your distribution patched them: "
    "CVE-2023-1428, CVE-2023-32731, CVE-2023-32732, CVE-2023-33953, CVE-2023-4785, "
    "CVE-2023-44487, CVE-2024-7246 (fixed between 1.53 and ${parley_grpc_fixed_in}). "
    "Loopback and trusted networks are fine; before you face others, "
    "build with gRPC ${parley_grpc_fixed_in} or newer, or put HAProxy, nginx or Envoy in front.")
endif()
