// Where a document's fragment stands that declares types and functions.
#include <algorithm>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "contract.h"

// <block>
