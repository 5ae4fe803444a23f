// Why a function was traced again, in words, and when to warn of it.
#pragma once

#include <duet/tree.h>

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/line.h"

namespace duet::internal {

/// `argument x: f32[2] -> f32[3]; argument names["a"]: gone`: what differs between two calls. Empty when nothing does.
std::string WhyTraced(const Description& was, const Description& now);

/// The last calls of a function: warns once when most of them had to be traced. Guarded by the function's mutex.
class RetraceHistory {
 public:
  void Hit() {
    recent_ = static_cast<std::uint8_t>(recent_ << 1);
    ++hits_;
  }
  /// A call that was traced. Returns the warning that is due now, or nothing.
  std::string Miss(const std::string& name, Line defined, const Description* was, const Description& now, Line line);
  /// Whether half of the calls or more were traced.
  bool is_short_life() const { return misses_ > 0 && hits_ <= misses_; }

 private:
  struct Change {
    Description::Item was, now;
    Line line;
  };

  std::uint8_t recent_ = 0;  // bit i: whether the call i calls ago was traced
  std::int64_t hits_ = 0, misses_ = 0;
  bool warned_ = false;
  std::vector<Change> changes_;  // of the misses so far, until the warning
};

/// A function ends whose history is a short life.
void CountShortLife(Line defined);
/// A function is traced for the first time. Returns a warning for the one after four short lives of its line, or
/// nothing: what is made anew for each call is traced anew.
std::string WarningOfShortLives(const std::string& name, Line defined);

}  // namespace duet::internal
