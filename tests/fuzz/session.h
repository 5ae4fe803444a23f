// Session: seeds one after another, as CI and long runs need them. A failure is shrunk and printed as text with its
// seed; a crash is caught, and shrunk in child processes. `; seed N` in a file says what its inputs hold.
#pragma once

#include <cstdint>
#include <string>

#include "tests/fuzz/check.h"
#include "tests/fuzz/generate.h"

namespace duet::fuzz {

struct SessionOptions {
  Sort sort = Sort::kGraph;
  std::uint64_t first = 1;  ///< seed
  std::int64_t seeds = 100;
  double seconds = 0;    ///< > 0: as many seeds as fit
  int max_failures = 1;  ///< then it ends
  bool shrink = true;    ///< else it is printed as it is
  std::string save;      ///< a folder for what is shrunk
  CheckOptions check;
};

/// Returns the number of failures; prints each. Says what was covered when `report`.
int RunSeeds(const SessionOptions& options, bool report);

/// Checks seeds in a process of its own under DUET_ISA=`isa`, evaluated and native, and returns its report.
std::string ReportUnderIsa(const std::string& isa, std::uint64_t first, std::int64_t seeds);

/// Checks a file in every way; what failed as text, empty when nothing did.
std::string CheckFile(const std::string& path, const std::string& only = "");

/// Shrinks a seed, each candidate in a process of its own, and prints what is left. Returns whether it fails.
bool ShrinkSeed(std::uint64_t seed, Sort sort, const std::string& only, const std::string& save);

/// The graph or program of a seed.
std::string TextOfSeed(std::uint64_t seed, Sort sort);

/// A signal that ends the program starts ShrinkSeed for the seed in progress.
void CatchCrashes(bool shrink);

}  // namespace duet::fuzz
