// Finding the compiler: libduet_jit stands beside libduet and registers itself when it is loaded.
#include "jit/compiler.h"

#include <dlfcn.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <string>

#include "jit/lost_compiler.h"
#include "runtime/options.h"

namespace duet {
namespace {

std::atomic<Compiler*> g_compiler{nullptr};
std::atomic<bool> g_lost{false};

std::string LibraryPath() {
  Dl_info where;
  if (!dladdr(reinterpret_cast<void*>(&RegisterCompiler), &where) || !where.dli_fname) return "libduet_jit.so";
  const std::string self = where.dli_fname;
  const std::size_t slash = self.rfind('/');
  return slash == std::string::npos ? "libduet_jit.so" : self.substr(0, slash + 1) + "libduet_jit.so";
}

// The loader's message when it fails.
std::string LoadOnce() {
  static const std::string* error = [] {
    const std::string path = LibraryPath();
    if (dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) && g_compiler.load()) return new std::string;
    const char* message = dlerror();
    return new std::string(message ? message : path + " registers no compiler");
  }();
  return *error;
}

}  // namespace

void RegisterCompiler(Compiler* compiler) { g_compiler.store(compiler); }
void LoseCompiler() { g_lost.store(true); }
const char* WhyCompilerIsLost() {
  return g_lost.load() ? "Duet's compile thread does not survive fork(): start the child with exec" : nullptr;
}

Compiler* GetCompiler() {
  if (options().jit == Options::Jit::kOff) return nullptr;
  if (const char* why = WhyCompilerIsLost()) throw Error(why);
  if (Compiler* compiler = g_compiler.load()) return compiler;
  const std::string error = LoadOnce();
  if (error.empty()) return g_compiler.load();
  if (options().jit == Options::Jit::kRequire) throw Error("DUET_JIT=require: " + error);
  return nullptr;
}

std::string WhyNoCompiler() {
  return options().jit == Options::Jit::kOff ? "DUET_JIT=off" : "libduet_jit cannot be loaded: " + LoadOnce();
}

}  // namespace duet
