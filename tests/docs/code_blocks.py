"""Checks the code blocks of README.md and the other documents; run.sh runs it, in tests/run.sh.

A block is checked by the language after its fence:
  cpp    compiled with warnings as errors, and linked if it has a main(). A block without an #include is a fragment: it
         replaces the line "// <block>" of a context file in this folder, statements.cc unless another is named.
  proto  compiled by protoc; the other blocks of the document can include its header.
  cmake  a CMakeLists.txt (project() is put before it if it has none), configured and built beside the document's files.
  sh     parsed by bash, and each program of the repository that it names must exist.
  text   prose, not checked. Any other language, or none, is an error.
A comment on the line above the fence, which readers of the rendered page do not see, says more:
  <!-- file: server.cc -->   the block is this file, which the document's other blocks can include
  <!-- in: handler.cc -->    the fragment's context file
Blocks may include "contract.h" and "story.pb.h" of this folder, unless the document has its own.
"""

import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DOCUMENTS = ["*.md", "docs/**/*.md", "examples/*/*.md", "bench/*.md", "tests/**/*.md"]
BLOCK = re.compile(r"(?:^<!-- (file|in): (\S+) -->\n)?^```(\S*)[^\n]*\n(.*?)^```$", re.M | re.S)
PROJECT = "cmake_minimum_required(VERSION 3.25)\nproject(block LANGUAGES CXX)\n"


class Block:
    def __init__(self, document, match):
        self.line = document.count("\n", 0, match.start(3)) + 1
        self.is_file = match[1] == "file"
        self.context = match[2] if match[1] == "in" else "statements.cc"
        self.language = match[3]
        self.text = match[4]
        self.name = match[2] if self.is_file else f"block_{self.line}.{self.language}"

    def source(self, place):
        """The compilable text; its line numbers are those of the document."""
        block = f'#line {self.line + 1} "{place}"\n{self.text}'
        if self.is_file or "#include" in self.text:
            return block
        context = (HERE / self.context).read_text()
        before, marker, after = context.partition("// <block>\n")
        if not marker:
            raise ValueError(f"{self.context} has no line // <block>")
        return f'{before}{block}#line {before.count(chr(10)) + 2} "{self.context}"\n{after}'


def run(*command):
    """What was wrong, or None."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=900)
    return None if done.returncode == 0 else done.stdout[-6000:]


def cmake(source, build, prefix, target="all"):
    return run("cmake", "-S", source, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}",
               f"-DFETCHCONTENT_SOURCE_DIR_PARLEY={ROOT}") or run(
                   "cmake", "--build", build, "--target", target)


def check_shell(block):
    problem = run("bash", "-n", "-c", block.text)
    for word in re.findall(r"^\s*(?:\w+=\S* )*([\w.-]+/[\w./-]+)", block.text, re.M):
        if not word.startswith("build/") and not (ROOT / word).exists():
            problem = f"{word} does not exist"
    return problem


def check_document(path, work, prefix):
    """Yields (line, what was wrong or None) for each block."""
    place = path.relative_to(ROOT)
    document = path.read_text()
    blocks = [Block(document, match) for match in BLOCK.finditer(document)]
    if document.count("\n```") + document.startswith("```") != 2 * len(blocks):
        yield 1, "a fence is not closed, or indented"
    folder = work / re.sub(r"\W", "_", str(place))
    shutil.rmtree(folder, ignore_errors=True)
    files = folder / "files"
    shutil.copytree(HERE, files, ignore=shutil.ignore_patterns("*.py", "*.sh", "statements.cc"))
    lists = [PROJECT, "find_package(parley REQUIRED)\n",
             "add_compile_options(-Wall -Wextra -Werror -Wno-unused)\n",
             "file(GLOB protos *.proto)\nparley_protobuf(TARGET protos PROTOS ${protos})\n"]
    compiled = {}
    for block in blocks:
        if block.language in ("cpp", "proto"):
            try:
                text = block.source(place) if block.language == "cpp" else block.text
            except (OSError, ValueError) as error:
                yield block.line, str(error)
                continue
            (files / block.name).write_text(text)
            compiled[block] = f"block_{block.line}"
            if block.name.endswith(".proto"):
                compiled[block] = "protos"
            elif block.name.endswith(".h"):
                (files / f"{compiled[block]}.cc").write_text(f'#include "{block.name}"\n')
                lists.append(f"add_library({compiled[block]} OBJECT {compiled[block]}.cc)\n")
            else:
                kind = "add_executable({0} {1})" if "int main(" in text else "add_library({0} OBJECT {1})"
                lists.append(kind.format(compiled[block], block.name) + "\n")
            if compiled[block] != "protos":
                lists.append(f"target_link_libraries({compiled[block]} PRIVATE protos parley::parley)\n")
    (files / "CMakeLists.txt").write_text("".join(lists))
    for block in blocks:
        if block in compiled:
            yield block.line, cmake(files, folder / "build", prefix, compiled[block])
        elif block.language == "cmake":
            project = folder / f"cmake_{block.line}"
            shutil.copytree(files, project)
            text = block.text if "project(" in block.text else PROJECT + block.text
            (project / "CMakeLists.txt").write_text(text)
            yield block.line, cmake(project, project / "build", prefix)
        elif block.language == "sh":
            yield block.line, check_shell(block)
        elif block.language not in ("text", "cpp"):
            yield block.line, f"language '{block.language}' is not checked; see code_blocks.py"


def main():
    work, prefix = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    counts = {True: 0, False: 0}
    for path in sorted({path for pattern in DOCUMENTS for path in ROOT.glob(pattern)}):
        for line, problem in check_document(path, work, prefix):
            counts[problem is None] += 1
            print("ok     " if problem is None else "FAILED ", f"{path.relative_to(ROOT)}:{line}", flush=True)
            if problem:
                print(problem)
    print(f"{counts[True]} passed, {counts[False]} failed")
    return 1 if counts[False] or not counts[True] else 0


sys.exit(main())
