// DebugLines: what debuggers and profilers are told of generated code: functions by the names of what they compute, and
// the line of user code that each instruction came from. Nothing of it changes an instruction.
#pragma once

#include <llvm/IR/DIBuilder.h>
#include <llvm/IR/DebugLoc.h>

#include <map>
#include <string>
#include <string_view>

#include "runtime/line.h"

namespace duet {

class DebugLines {
 public:
  explicit DebugLines(llvm::Module& module);
  /// Completes the module's description.
  ~DebugLines();
  DebugLines(const DebugLines&) = delete;
  DebugLines& operator=(const DebugLines&) = delete;

  /// Describes a function that is about to be emitted. `line`: where it begins.
  void Describe(llvm::Function& function, const std::string& name, Line line);
  /// The place of an instruction of a described function. A line that is not known: where the function begins.
  llvm::DebugLoc At(const llvm::Function& function, Line line);

 private:
  llvm::DIFile* FileOf(Line line);

  llvm::DIBuilder builder_;
  llvm::DICompileUnit* unit_ = nullptr;
  std::map<std::string_view, llvm::DIFile*> files_;                                    // by name: a literal
  std::map<std::pair<llvm::DISubprogram*, llvm::DIFile*>, llvm::DIScope*> elsewhere_;  // code of other files
};

}  // namespace duet
