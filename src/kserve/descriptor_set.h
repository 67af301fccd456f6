// The descriptors of all that a server of KServe's protocol serves: an encoded
// google.protobuf.FileDescriptorSet, which the build makes of proto/.
#ifndef PARLEY_SRC_KSERVE_DESCRIPTOR_SET_H_
#define PARLEY_SRC_KSERVE_DESCRIPTOR_SET_H_

#include <string_view>

namespace parley::kserve {

std::string_view DescriptorSet();

}  // namespace parley::kserve

#endif  // PARLEY_SRC_KSERVE_DESCRIPTOR_SET_H_
