// All of parley's core in one include. A file that wants less includes the headers it names.
#ifndef PARLEY_PARLEY_H_
#define PARLEY_PARLEY_H_

#include "parley/buffer.h"
#include "parley/client.h"
#include "parley/client_stream.h"
#include "parley/codec.h"
#include "parley/context.h"
#include "parley/executor.h"
#include "parley/metadata.h"
#include "parley/method.h"
#include "parley/options.h"
#include "parley/pending.h"
#include "parley/reader.h"
#include "parley/server.h"
#include "parley/server_call.h"
#include "parley/task.h"
#include "parley/version.h"
#include "parley/write_together.h"
#include "parley/writer.h"

#endif  // PARLEY_PARLEY_H_
