// What is shown: a progress bar while a run is at work, the epochs, the images read wrongly, and the table.
#pragma once

#include <cstdint>
#include <optional>

#include "examples/digits/data.h"
#include "examples/digits/measures.h"
#include "examples/digits/train.h"

namespace digits {

/// One line on a terminal, redrawn in place and wiped when done. Nothing anywhere else.
class ProgressBar {
 public:
  ProgressBar(Mode mode, int epochs);
  ~ProgressBar();
  void Update(const Run& run, int epoch, int step, int steps);

 private:
  Mode mode_;
  int epochs_;
  double drawn_at_ms_;
};

void PrintHeader(const Data& data, int epochs);
void PrintLookedAt(const Run& eager);
void PrintEpochs(const std::optional<Run>& eager, const std::optional<Run>& traced);
void PrintReadWrongly(const Run& run, const Part& test);
void PrintTable(const std::optional<Run>& eager, const std::optional<Run>& traced,
                const std::optional<Difference>& difference, double by_hand_ms);
void PrintLastLine(const std::optional<Run>& eager, const std::optional<Run>& traced,
                   const std::optional<Difference>& difference, std::int64_t parameters);

}  // namespace digits
