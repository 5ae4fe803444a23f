#include "jit/llvm/orc_linker.h"

#include <duet/error.h>
#include <llvm/ExecutionEngine/Orc/Debugging/DebugInfoSupport.h>
#include <llvm/ExecutionEngine/Orc/Debugging/ELFDebugObjectPlugin.h>
#include <llvm/ExecutionEngine/Orc/Debugging/PerfSupportPlugin.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/ExecutionEngine/Orc/MapperJITLinkMemoryManager.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <llvm/ExecutionEngine/Orc/TargetProcess/JITLoaderPerf.h>
#include <llvm/Support/MemoryBuffer.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "jit/llvm/target.h"
#include "runtime/options.h"

namespace duet {
namespace {

[[noreturn]] void Throw(const char* what, llvm::Error error) {
  throw Error(std::string("compile: ") + what + ": " + llvm::toString(std::move(error)));
}
template <class T>
T Check(const char* what, llvm::Expected<T> value) {
  if (!value) Throw(what, value.takeError());
  return std::move(*value);
}

/// Shows objects that have debug information to a debugger.
std::shared_ptr<llvm::orc::ObjectLinkingLayer::Plugin> ForDebuggers(llvm::orc::ExecutionSession& session) {
  llvm::Error error = llvm::Error::success();
  auto plugin = std::make_shared<llvm::orc::ELFDebugObjectPlugin>(session, /*RequireDebugSections=*/true,
                                                                  /*AutoRegisterCode=*/true, error);
  if (error) Throw("DUET_GDB=1", std::move(error));
  return plugin;
}

/// Keeps what the linker would drop and profilers want: lines, and the names of functions that only this object calls.
class KeepForProfilers final : public llvm::orc::DebugInfoPreservationPlugin {
 public:
  void modifyPassConfig(llvm::orc::MaterializationResponsibility& responsibility, llvm::jitlink::LinkGraph& graph,
                        llvm::jitlink::PassConfiguration& passes) override {
    DebugInfoPreservationPlugin::modifyPassConfig(responsibility, graph, passes);
    passes.PrePrunePasses.push_back([](llvm::jitlink::LinkGraph& linked) {
      for (llvm::jitlink::Symbol* symbol : linked.defined_symbols())
        if (symbol->hasName() && symbol->isCallable()) symbol->setLive(true);
      return llvm::Error::success();
    });
  }
};

/// Writes a jitdump file, which `perf inject --jit` reads.
std::shared_ptr<llvm::orc::ObjectLinkingLayer::Plugin> ForProfilers(llvm::orc::ExecutionSession& session) {
  using llvm::orc::ExecutorAddr;
  return std::make_shared<llvm::orc::PerfSupportPlugin>(
      session.getExecutorProcessControl(), ExecutorAddr::fromPtr(&llvm_orc_registerJITLoaderPerfStart),
      ExecutorAddr::fromPtr(&llvm_orc_registerJITLoaderPerfEnd),
      ExecutorAddr::fromPtr(&llvm_orc_registerJITLoaderPerfImpl), /*EmitDebugInfo=*/true, /*EmitUnwindInfo=*/false);
}

/// LLVM fails every compilation when it cannot make the file: <folder>/.debug/jit/<a folder of this process>.
bool CanWriteJitdump() {
  const char* folder = std::getenv("JITDUMPDIR");
  if (!folder) folder = std::getenv("HOME");
  const std::filesystem::path path = std::filesystem::path(folder ? folder : ".") / ".debug" / "jit";
  std::error_code failed;
  std::filesystem::create_directories(path, failed);
  if (access(path.c_str(), W_OK | X_OK) == 0) return true;
  std::fprintf(stderr, "duet: DUET_PERF=1: cannot write to %s: perf will not see native code; set JITDUMPDIR\n",
               path.c_str());
  return false;
}

/// Links nothing but what it is given: no process symbols, no platform. Code lies packed in slabs.
std::unique_ptr<llvm::orc::LLJIT> MakeOrc() {
  using namespace llvm::orc;
  constexpr std::size_t kSlabBytes = std::size_t{64} << 20;
  MakeTargetMachine(MakeTargetSpec(Isa::kV3));  // registers the X86 target, which LLJIT asks for its data layout
  auto make_layer = [](ExecutionSession& session) -> llvm::Expected<std::unique_ptr<ObjectLayer>> {
    auto memory = MapperJITLinkMemoryManager::CreateWithMapper<InProcessMemoryMapper>(kSlabBytes);
    if (!memory) return memory.takeError();
    auto layer = std::make_unique<ObjectLinkingLayer>(session, std::move(*memory));
    if (options().gdb) layer->addPlugin(ForDebuggers(session));
    if (options().perf && CanWriteJitdump()) {
      layer->addPlugin(std::make_shared<KeepForProfilers>());
      layer->addPlugin(ForProfilers(session));
    }
    return layer;
  };
  return Check("starting ORC",
               LLJITBuilder()
                   .setJITTargetMachineBuilder(JITTargetMachineBuilder(llvm::Triple("x86_64-unknown-linux-gnu")))
                   .setLinkProcessSymbolsByDefault(false)
                   .setPlatformSetUp(setUpInactivePlatform)
                   .setObjectLinkingLayerCreator(make_layer)
                   .create());
}

/// Never destroyed: a thread may still run compiled code, or drop it, while the process ends.
llvm::orc::LLJIT& Orc() {
  static llvm::orc::LLJIT* orc = MakeOrc().release();
  return *orc;
}

}  // namespace

/// Each object has a library of its own, so that its symbols, and with them its bytes, need not be unique.
struct LinkedCode::Library {
  llvm::orc::JITDylib* symbols;
};

LinkedCode::LinkedCode(std::string_view object) {
  static std::atomic<std::uint64_t> count{0};
  const std::string name = "duet_" + std::to_string(count++);
  library_ = std::make_unique<Library>(&Orc().getExecutionSession().createBareJITDylib(name));
  auto buffer = llvm::MemoryBuffer::getMemBufferCopy(llvm::StringRef(object.data(), object.size()), name);
  if (auto error = Orc().addObjectFile(*library_->symbols, std::move(buffer))) {
    llvm::consumeError(Orc().getExecutionSession().removeJITDylib(*library_->symbols));
    Throw("adding an object", std::move(error));
  }
}

LinkedCode::~LinkedCode() { llvm::consumeError(Orc().getExecutionSession().removeJITDylib(*library_->symbols)); }

void* LinkedCode::Address(const std::string& symbol) const {
  return Check("linking", Orc().lookupLinkerMangled(*library_->symbols, symbol)).toPtr<void*>();
}

}  // namespace duet
