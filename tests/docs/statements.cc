// Where a document's fragment stands unless it says otherwise: in a function, with a client and a
// server at hand.

#include <iostream>
#include <string>

#include "contract.h"

absl::Status Fragment(parley::Client& client, parley::Server& server, const Question& question,
                      const Prompt& prompt) {
  // <block>
  return absl::OkStatus();
}
