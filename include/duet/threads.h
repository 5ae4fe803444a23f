// How many threads ops may use.
#pragma once

namespace duet {

/// While it lives, ops called from this thread use at most `count` threads (at least 1). The numbers do not change.
class Threads {
 public:
  explicit Threads(int count);
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int outer_;
};

}  // namespace duet
