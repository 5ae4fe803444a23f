#!/usr/bin/env python3
"""Checks what the linker cannot: that includes look only to the left, and a few rules of the house.

    include/duet <- runtime <- eager <- graph <- passes <- jit <- jit/llvm <- tools, tests, examples

  rule      what it says
  order     a file includes its own folder, include/duet, and folders to its left
  public    include/duet includes only itself and the standard library
  llvm      llvm/ and llvm-c/ headers only in jit/llvm and tests/jit; llvm/ExecutionEngine in one file of jit/llvm (tests may)
  examples  examples see what users see: <duet/...> only
  path      a quoted include is written from the root of the repository
  size      no file over 800 lines (a warning past 400)
  name      no file called util, utils, common, helper, helpers, misc, manager, base

  check_layers.py [--root DIR]        all rules; exits 1 when one is broken
  check_layers.py --self-test         plants one breach of each rule in a scratch tree and expects it to be named
  check_layers.py --no-llvm LIBRARY   no dynamic symbol of LIBRARY, and no library it needs, is LLVM's
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

LINE = ["include/duet", "runtime", "eager", "graph", "passes", "jit", "jit/llvm", "tools", "tests", "examples"]
LEVEL = {folder: min(level, LINE.index("tools")) for level, folder in enumerate(LINE)}
LEVEL["tests"] += 1  # tests may call the parts of a tool
LLVM_FOLDERS = ("jit/llvm", "tests/jit")
SUFFIXES = {".h", ".cc", ".cpp", ".def", ".py"}
MOST_LINES, MANY_LINES = 800, 400
BANNED_NAMES = {"util", "utils", "common", "helper", "helpers", "misc", "manager", "base"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)


def folder_of(path):
    """The folder of the line that a path from the root belongs to; None for another place."""
    for folder in sorted(LINE, key=len, reverse=True):
        if path.startswith(folder + "/"):
            return folder
    return None


def target_of(included, quoted, path, root):
    """What an include names: a path from the root, or None for a library's header."""
    if included.startswith("duet/"):
        return "include/" + included
    if folder_of(included) and (quoted or (root / included).exists()):
        return included
    return None


def sources(root):
    for top in sorted({folder.split("/")[0] for folder in LINE}):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in SUFFIXES and path.is_file():
                yield path


def check_file(path, text, root, engines):
    """Yields (line, rule, message). Appends to engines each file that includes llvm/ExecutionEngine."""
    folder = folder_of(path)
    for match in INCLUDE.finditer(text):
        quoted, included = match.group(1) is not None, match.group(1) or match.group(2)
        line = text.count("\n", 0, match.start()) + 1
        target = target_of(included, quoted, path, root)
        if included.startswith(("llvm/", "llvm-c/")):
            if not path.startswith(tuple(f + "/" for f in LLVM_FOLDERS)):
                yield line, "llvm", f"{included} is only for {' and '.join(LLVM_FOLDERS)}"
            elif included.startswith("llvm/ExecutionEngine") and not path.startswith("tests/"):
                engines.setdefault(path, line)
        elif target is not None:
            reached = folder_of(target)
            if folder == "examples" and reached not in ("include/duet", "examples"):
                yield line, "examples", f"{included}: an example includes only <duet/...>"
            elif LEVEL[reached] > LEVEL[folder]:
                yield line, "order", f"{folder} includes {included}, and {reached} stands to its right"
        elif folder == "include/duet" and ("/" in included or included.endswith(".h")):
            yield line, "public", f"{included}: the public headers include only themselves and the standard library"
        elif quoted:
            yield line, "path", f'"{included}" is not a path from the root of the repository'


def check(root):
    """Returns (errors, warnings), each a list of (place, rule, message)."""
    errors, warnings, engines = [], [], {}
    for file in sources(root):
        path = file.relative_to(root).as_posix()
        text = file.read_text(encoding="utf-8", errors="replace")
        for line, rule, message in check_file(path, text, root, engines):
            errors.append((f"{path}:{line}", rule, message))
        lines = text.count("\n")
        if lines > MOST_LINES:
            errors.append((path, "size", f"{lines} lines; the most is {MOST_LINES}: split it by topic"))
        elif lines > MANY_LINES:
            warnings.append((path, "size", f"{lines} lines; past {MANY_LINES}, split by topic"))
        if file.stem in BANNED_NAMES:
            errors.append((path, "name", "the name does not say what the file holds"))
    for path, line in engines.items():
        if not path.startswith("jit/llvm/") or len(engines) > 1:
            errors.append((f"{path}:{line}", "llvm", "llvm/ExecutionEngine is for one file, in jit/llvm; "
                           f"now in {', '.join(sorted(engines))}"))
    return errors, warnings


def report(kind, found):
    for place, rule, message in found:
        print(f"{place}: {kind} [{rule}] {message}")


PLANTED = [  # (file, text, rule that must name it; None where nothing may be said)
    ("runtime/buffer.cc", '#include "eager/bind.h"\n', "order"),
    ("eager/bind.h", '#include "duet/tensor.h"\n#include "runtime/buffer.h"\n#include <vector>\n', None),
    ("eager/bind.cc", '  #  include <graph/graph.h>\n', "order"),
    ("graph/graph.h", '#include <duet/tensor.h>\n#include <absl/strings/str_cat.h>\n', None),
    ("graph/print.cc", '#include "jit/function.h"\n', "order"),
    ("passes/fold.cc", '#include "llvm/IR/Module.h"\n', "llvm"),
    ("jit/function.h", '#include "passes/fuse.h"\n', None),
    ("jit/function.cc", '#include "jit/llvm/lower.h"\n', "order"),
    ("jit/llvm/lower.h", '#include "jit/function.h"\n#include <llvm/IR/Module.h>\n', None),
    ("jit/llvm/orc.cc", '#include <llvm/ExecutionEngine/Orc/LLJIT.h>\n', "llvm"),
    ("jit/llvm/cache.cc", '#include <llvm/ExecutionEngine/Orc/Core.h>\n', "llvm"),
    ("include/duet/tensor.h", "#include <memory>\n#include <duet/error.h>\n", None),
    ("include/duet/error.h", "#include <fmt/format.h>\n", "public"),
    ("include/duet/ops.h", '#include "runtime/buffer.h"\n', "order"),
    ("tools/trace/main.cc", '#include "jit/function.h"\n#include <CLI/CLI.hpp>\n', None),
    ("tools/trace/show.cc", '#include "show.h"\n', "path"),
    ("tools/bench/main.cc", '#include "tests/oracle.h"\n', "order"),
    ("tests/tools/show_test.cc", '#include "tools/trace/show.h"\n', None),
    ("tests/jit/lower_test.cc", '#include "llvm/IR/Module.h"\n', None),
    ("tests/graph/print_test.cc", '#include "llvm/IR/Module.h"\n', "llvm"),
    ("examples/first_steps.cc", '#include "runtime/buffer.h"\n', "examples"),
    ("runtime/long.cc", "\n" * 801, "size"),
    ("runtime/utils.h", "", "name"),
]


def self_test():
    with tempfile.TemporaryDirectory() as scratch:
        root = pathlib.Path(scratch)
        for path, text, _ in PLANTED:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        (root / "graph/graph.h").touch()
        errors, _ = check(root)
    found = {}
    for place, rule, _ in errors:
        found.setdefault(place.split(":")[0], set()).add(rule)
    wrong = 0
    for path, _, rule in PLANTED:
        if found.get(path, set()) != ({rule} if rule else set()):
            print(f"self-test: {path}: expected {rule or 'nothing'}, found {sorted(found.get(path, [])) or 'nothing'}")
            wrong += 1
    planted = sum(rule is not None for _, _, rule in PLANTED)
    print(f"self-test: {planted} breaches planted, {wrong} files judged wrongly")
    return 1 if wrong else 0


def no_llvm(library):
    symbols = subprocess.run(["nm", "-DC", library], check=True, capture_output=True, text=True).stdout
    needed = subprocess.run(["readelf", "-d", library], check=True, capture_output=True, text=True).stdout
    bad = [s for s in symbols.splitlines() if re.search(r"\bllvm::|\bLLVM[A-Z]", s)]
    bad += [n for n in needed.splitlines() if "NEEDED" in n and "LLVM" in n]
    print("\n".join(bad[:20]) or f"{library}: no LLVM")
    return 1 if bad else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--no-llvm", metavar="LIBRARY")
    options = parser.parse_args()
    if options.self_test:
        return self_test()
    if options.no_llvm:
        return no_llvm(options.no_llvm)
    errors, warnings = check(options.root)
    report("warning:", warnings)
    report("error:", errors)
    print(f"layers: {len(errors)} errors, {len(warnings)} warnings")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
