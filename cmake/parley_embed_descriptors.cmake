# cmake -Din=FILE -Dout=FILE.cc -P parley_embed_descriptors.cmake: makes the bytes of a descriptor set
# those of kserve::DescriptorSet(), src/kserve/reflection.h.
file(READ "${in}" bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
string(REGEX REPLACE "(................................................................................)"
  "\\1\n" bytes "${bytes}")
file(WRITE "${out}" "#include \"src/kserve/descriptor_set.h\"

namespace parley::kserve {
namespace {
constexpr unsigned char kBytes[] = {
${bytes}
};
}  // namespace

std::string_view DescriptorSet() { return {reinterpret_cast<const char*>(kBytes), sizeof kBytes}; }

}  // namespace parley::kserve
")
