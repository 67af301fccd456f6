# The library's sources, one a line, sorted by folder. A new .cc file is added here and nowhere
# else.
set(parley_sources
  src/buffer.cc
  src/client.cc
  src/client_stream.cc
  src/codec.cc
  src/health.cc
  src/metadata.cc
  src/plaintext.cc
  src/server.cc
  src/server_call.cc
  src/version.cc
  src/exchange/call.cc
  src/exchange/control.cc
  src/exchange/dispatcher.cc
  src/exchange/executor_queue.cc
  src/exchange/incoming_call.cc
  src/exchange/logger.cc
  src/exchange/loop.cc
  src/exchange/machine.cc
  src/exchange/outgoing_call.cc
  src/wire/grpc/completion_source.cc
  src/wire/grpc/convert.cc
  src/wire/grpc/listener.cc
  src/wire/grpc/plain_client.cc
  src/wire/grpc/plain_incoming_call.cc
  src/wire/grpc/unknown_method_call.cc
  src/wire/local/local_client.cc
  src/wire/local/local_unary_call.cc
  src/wire/local/pipe.cc
  src/wire/session/client_session.cc
  src/wire/session/frame.cc
  src/wire/session/server_session.cc
  src/wire/session/session.cc
  src/wire/session/session_client.cc
  src/wire/session/session_incoming_call.cc
  src/wire/session/session_machine.cc
  src/wire/session/session_outgoing_call.cc
  src/wire/session/session_pool.cc
)

# The Abseil libraries that parley uses, in its headers or sources; package config and parley.pc
# follow.
set(parley_absl_libraries
  any_invocable
  cord
  flat_hash_map
  flat_hash_set
  function_ref
  inlined_vector
  node_hash_map
  span
  status
  statusor
  strings
  time
)
