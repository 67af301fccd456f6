"""Checks the code blocks of README.md and the other documents; run.sh runs it, in tests/run.sh.

A block is checked by the language after its fence:
  cpp    compiled with warnings as errors, and linked if it has a main(). A block without an
         #include is a fragment: it replaces the line "// <block>" of a context file in this folder,
         statements.cc unless another is named.
  proto  compiled by protoc; the other blocks of the document can include its header.
  cmake  a CMakeLists.txt (project() is put before it if it has none), configured and built beside
         the document's files and parley's source, in the folder parley.
  sh     parsed by bash, and each program of the repository that it names must exist.
  text   prose, not checked. Any other language, or none, is an error.
A comment on the line above the fence, which readers of the rendered page do not see, says more:
  <!-- file: server.cc -->   the block is this file, which the document's other blocks can include
  <!-- in: handler.cc -->    the fragment's context file
  <!-- run -->               cpp: the program, its own or its context's, is built with the address
                             and undefined-behaviour sanitizers and run. sh: run by bash in a folder
                             with the document's files, the same for all sh blocks of a document;
                             what it starts is ended with it. The program must exit with 0, and what
                             it prints end with the text block that follows next, if any.
Several are separated by a comma. Blocks may include "contract.h" and "story.pb.h" of this folder,
unless the document has its own. In sh blocks, PREFIX is where parley is installed. names.py checks
the names of files and tests that stand outside of blocks.
"""

import itertools
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import names

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DOCUMENTS = ["*.md", "docs/**/*.md", "examples/**/*.md", "bench/*.md", "tests/**/*.md"]
BLOCK = re.compile(r"(?:^<!-- ([^\n]*) -->\n)?^```(\S*)[^\n]*\n(.*?)^```$", re.M | re.S)
PROJECT = "cmake_minimum_required(VERSION 3.25)\nproject(block LANGUAGES CXX)\n"
SANITIZERS = "-fsanitize=address,undefined -fno-sanitize-recover=undefined"


class Block:
    def __init__(self, document, match, following):
        self.line = document.count("\n", 0, match.start(2)) + 1
        self.language = match[2]
        self.text = match[3]
        notes = dict(note.partition(": ")[::2] for note in (match[1] or "").split(", ") if note)
        self.run = notes.pop("run", None) is not None
        file, context = notes.pop("file", None), notes.pop("in", None)
        self.is_file = file is not None
        self.context = context or "statements.cc"
        self.name = file or f"block_{self.line}.{self.language}"
        self.unknown = ", ".join(notes)
        self.output = following[3] if following and following[2] == "text" else ""

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


def run(*command, timeout=900, **options):
    """What the command printed if it failed, or None. Ends the command and what it started."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, start_new_session=True,
                               **options)
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return f"{output[-6000:]}not done after {timeout} s"
    return None if process.returncode == 0 else output[-6000:]


def run_for_output(block, *command, **options):
    """What was wrong with what a block's program did, or None."""
    log = options["cwd"] / f"output_{block.line}"
    with log.open("w") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file,
                                   stderr=subprocess.STDOUT, start_new_session=True, **options)
        try:
            code = process.wait(timeout=300)
        except subprocess.TimeoutExpired:
            code = "nothing for 300 s"
        try:  # what a block put into the background
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
    output = log.read_text(errors="replace")
    if code != 0:
        return f"{output[-6000:]}exited with {code}"
    if not output.rstrip().endswith(block.output.rstrip()):
        return f"{output[-6000:]}does not end with:\n{block.output}"
    return None


def configure(source, build, prefix):
    return run("cmake", "-S", source, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}",
               f"-DFETCHCONTENT_SOURCE_DIR_PARLEY={ROOT}")


def check_shell(block):
    problem = run("bash", "-n", "-c", block.text)
    for word in re.findall(r"^\s*(?:\w+=\S* )*([\w.-]+/[\w./-]+)", block.text, re.M):
        if not word.startswith("build/") and not (ROOT / word).exists():
            problem = f"{word} does not exist"
    return problem


class Document:
    def __init__(self, path, work, prefix):
        self.place = path.relative_to(ROOT)
        self.prefix = prefix
        text = path.read_text()
        matches = list(BLOCK.finditer(text))
        self.blocks = [Block(text, match, following)
                       for match, following in zip(matches, matches[1:] + [None])]
        self.fences_match = (text.count("\n```") + text.startswith("```") == 2 * len(self.blocks))
        self.folder = work / re.sub(r"\W", "_", str(self.place))
        self.files = self.folder / "files"  # the document's, with what its blocks may include
        self.build = self.folder / "build"
        self.shell = self.folder / "shell"

    def proto_target(self, name):
        """The library of a .proto file: services if a block wants the code of its services."""
        header = name.removesuffix(".proto") + ".grpc.pb.h"
        return "services" if any(header in block.text for block in self.blocks) else "protos"

    def prepare(self):
        """Writes the files of the blocks, and one project that builds them all. Returns the target
        of each cpp and proto block, or what was wrong with it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        shutil.copytree(HERE, self.files, ignore=shutil.ignore_patterns("*.py", "*.sh", "*.cc"))
        lists = [PROJECT, "find_package(parley REQUIRED)\n",
                 "add_compile_options(-Wall -Wextra -Werror -Wno-unused)\n"]
        targets, wrong = {}, {}
        for block in self.blocks:
            if block.language not in ("cpp", "proto"):
                continue
            try:
                text = block.source(self.place) if block.language == "cpp" else block.text
            except (OSError, ValueError) as error:
                wrong[block] = str(error)
                continue
            (self.files / block.name).write_text(text)
            target = targets[block] = f"block_{block.line}"
            if block.language == "proto":
                targets[block] = self.proto_target(block.name)
                continue
            source = block.name
            if source.endswith(".h"):
                source = f"{target}.cc"
                (self.files / source).write_text(f'#include "{block.name}"\n')
            program = "int main(" in text
            lists.append(f"add_executable({target} {source})\n" if program else
                         f"add_library({target} OBJECT {source})\n")
            libraries = "protos parley::parley" + (" services" if ".grpc.pb.h" in text else "")
            lists.append(f"target_link_libraries({target} PRIVATE {libraries})\n")
            if program and block.run:
                lists.append(f"target_compile_options({target} PRIVATE {SANITIZERS})\n"
                             f"target_link_options({target} PRIVATE {SANITIZERS})\n")
            elif block.run:
                wrong[block] = "there is no program to run"
        for name in ("protos", "services"):
            protos = [path.name for path in self.files.glob("*.proto")
                      if self.proto_target(path.name) == name]
            if protos:
                grpc = "GRPC" if name == "services" else ""
                lists.append(f"parley_protobuf(TARGET {name} PROTOS {' '.join(protos)} {grpc})\n")
        lists.append("if(TARGET services)\n  target_link_libraries(services PUBLIC protos)\n"
                     "endif()\n")
        shutil.copytree(self.files, self.shell)
        (self.files / "CMakeLists.txt").write_text("".join(lists))
        for block in self.blocks:
            if block.is_file and block.language == "cmake":
                (self.shell / block.name).write_text(block.text)
        return targets, wrong

    def check(self):
        """Yields (line, what was wrong or None) for each block."""
        if not self.fences_match:
            yield 1, "a fence is not closed, or indented"
        targets, wrong = self.prepare()
        problem = configure(self.files, self.build, self.prefix) if targets else None
        jobs = os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL", str(os.cpu_count()))
        if targets and not problem:  # all at once; what fails is built again to be told
            run("cmake", "--build", self.build, "--parallel", jobs, "--", "-k", "0",
                timeout=3600)
        for block in self.blocks:
            if block.unknown:
                yield block.line, f"'{block.unknown}' is not known; see code_blocks.py"
            elif block in wrong:
                yield block.line, wrong[block]
            elif block in targets:
                yield block.line, problem or self.check_code(block, targets[block])
            elif block.language == "cmake":
                yield block.line, self.check_project(block)
            elif block.language == "sh":
                yield block.line, check_shell(block) or self.run_shell(block)
            elif block.language != "text":
                yield block.line, f"language '{block.language}' is not checked; see code_blocks.py"

    def check_code(self, block, target):
        problem = run("cmake", "--build", self.build, "--target", target)
        if problem or not block.run:
            return problem
        return run_for_output(block, self.build / target, cwd=self.shell)

    def check_project(self, block):
        project = self.folder / f"cmake_{block.line}"
        shutil.copytree(self.files, project)
        (project / "parley").symlink_to(ROOT)
        text = block.text if "project(" in block.text else PROJECT + block.text
        (project / "CMakeLists.txt").write_text(text)
        build = project / "build"
        return configure(project, build, self.prefix) or run("cmake", "--build", build)

    def run_shell(self, block):
        if not block.run:
            return None
        return run_for_output(block, "bash", "-euo", "pipefail", "-c", block.text, cwd=self.shell,
                              env={**os.environ, "PREFIX": str(self.prefix)})


def main():
    work, prefix = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    paths = {path for pattern in DOCUMENTS for path in ROOT.glob(pattern)}
    if len(sys.argv) > 3:
        paths = {pathlib.Path(name).resolve() for name in sys.argv[3:]}
    counts = {True: 0, False: 0}
    for path in sorted(paths):
        checks = itertools.chain(names.check(path), Document(path, work, prefix).check())
        for line, problem in checks:
            counts[problem is None] += 1
            place = f"{path.relative_to(ROOT)}:{line}"
            print("ok     " if problem is None else "FAILED ", place, flush=True)
            if problem:
                print(problem)
    print(f"{counts[True]} passed, {counts[False]} failed")
    return 1 if counts[False] or not counts[True] else 0


sys.exit(main())
