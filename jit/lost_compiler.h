// In a child of fork() whose parent was compiling there is no compiler: what was half done in another thread of the
// parent stays so, and its locks locked.
#pragma once

namespace duet {

/// From here on GetCompiler() throws.
void LoseCompiler();
/// What it throws; null while there is a compiler.
const char* WhyCompilerIsLost();

}  // namespace duet
