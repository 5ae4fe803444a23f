#include "jit/llvm/debug_lines.h"

#include <llvm/BinaryFormat/Dwarf.h>
#include <llvm/IR/DebugInfo.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/Path.h>

namespace duet {

DebugLines::DebugLines(llvm::Module& module) : builder_(module) {
  module.addModuleFlag(llvm::Module::Warning, "Debug Info Version", llvm::DEBUG_METADATA_VERSION);
  module.addModuleFlag(llvm::Module::Warning, "Dwarf Version", 4);  // what the profilers of today read
}

DebugLines::~DebugLines() { builder_.finalize(); }

llvm::DIFile* DebugLines::FileOf(Line line) {
  const std::string_view path = line.file ? line.file : "unknown";
  llvm::DIFile*& file = files_[path];
  // Relative names stay relative, as the user's compiler had them: debuggers look for both alike.
  if (!file)
    file = builder_.createFile(llvm::sys::path::filename(llvm::StringRef(path)),
                               llvm::sys::path::parent_path(llvm::StringRef(path)));
  return file;
}

void DebugLines::Describe(llvm::Function& function, const std::string& name, Line line) {
  llvm::DIFile* file = FileOf(line);
  if (!unit_)
    // A language in which names are just names.
    unit_ = builder_.createCompileUnit(llvm::DISourceLanguageName(llvm::dwarf::DW_LANG_C11), file, "duet",
                                       /*isOptimized=*/true, "", 0);
  auto* type = builder_.createSubroutineType(builder_.getOrCreateTypeArray({}));
  function.setSubprogram(builder_.createFunction(file, name, llvm::StringRef(), file, line.line, type, line.line,
                                                 llvm::DINode::FlagZero, llvm::DISubprogram::SPFlagDefinition));
}

llvm::DebugLoc DebugLines::At(const llvm::Function& function, Line line) {
  llvm::DISubprogram* subprogram = function.getSubprogram();
  if (!line.file) return llvm::DILocation::get(function.getContext(), subprogram->getLine(), 0, subprogram);
  llvm::DIScope* scope = subprogram;
  if (llvm::DIFile* file = FileOf(line); file != subprogram->getFile()) {
    llvm::DIScope*& other = elsewhere_[{subprogram, file}];
    if (!other) other = builder_.createLexicalBlockFile(subprogram, file);
    scope = other;
  }
  return llvm::DILocation::get(function.getContext(), line.line, 0, scope);
}

}  // namespace duet
