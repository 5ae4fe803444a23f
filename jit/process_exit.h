// The end of the process. LLVM's static objects are destroyed with all others; nothing is compiled from then on, and
// what is being compiled ends, or stops for good, before.
#pragma once

namespace duet {

/// Whether the process has begun to exit: calls that are not native yet are evaluated.
bool ExitHasBegun();

/// While it lives this thread compiles, and exit waits for it.
class Compilation {
 public:
  /// may_stop: nobody waits for this thread, so exit waits no longer than for the next StopAtExit().
  explicit Compilation(bool may_stop);
  ~Compilation();
  Compilation(const Compilation&) = delete;
  Compilation& operator=(const Compilation&) = delete;
  bool is_refused() const { return is_refused_; }  ///< exit has begun

 private:
  bool is_refused_;
};

/// When the process exits, of its static objects none is destroyed that was made before.
void ExitWithoutDestructors();

/// Does not return once exit has begun, if the compilation may stop.
void StopAtExit();

}  // namespace duet
