# The library's sources, one a line, sorted by folder. A new .cc file is added here and nowhere else.
set(parley_sources
  src/version.cc
)

# The Abseil libraries that parley uses, in its headers or sources; package config and parley.pc follow.
set(parley_absl_libraries
  any_invocable
  flat_hash_map
  flat_hash_set
  function_ref
  inlined_vector
  span
  status
  statusor
  strings
  str_format
  synchronization
  time
)
