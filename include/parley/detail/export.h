// The one macro that marks what a shared libparley exports; everything else is built hidden.
// For parley's own headers; applications never write it.

#ifndef PARLEY_DETAIL_EXPORT_H_
#define PARLEY_DETAIL_EXPORT_H_

// PARLEY_SHARED comes with the CMake target or with parley.pc, for the library and its users alike.
#if defined(PARLEY_SHARED)
#define PARLEY_EXPORT __attribute__((visibility("default")))
#else
#define PARLEY_EXPORT
#endif

#endif  // PARLEY_DETAIL_EXPORT_H_
